"""config.yaml: valid values are accepted, and every mistake gives one sentence that helps."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from streamwatch.config import loading
from streamwatch.config.settings import Reads, Settings
from streamwatch.core.errors import ConfigError
from streamwatch.store import sqlite_file


@pytest.fixture(autouse=True)
def _no_secrets_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in loading.SECRETS.values():
        monkeypatch.delenv(variable, raising=False)


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return loading.load(path)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return str(caught.value).splitlines()


def mistake(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.count("config.yaml, line") <= 1, "one mistake, one sentence"
    assert not re.search("pydantic|pathlib|Settings|nput should|\\?\\.", message)
    assert str(tmp_path / "config.yaml") in message
    return message


def test_defaults_need_no_key_at_all(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert settings.recognizer.engine is Reads.OCRCARS
    assert settings.database == f"sqlite:///{tmp_path / 'data' / 'streamwatch.db'}"
    assert settings.cameras == {}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = (
        "data_dir: here\ndatabase: sqlite:///there/plates.db\ncameras: {a: {source: clips/a.mp4}, b: {source: sample}}"
    )
    settings = load(tmp_path, text)
    assert settings.data_dir == tmp_path / "here"
    assert settings.database == f"sqlite:///{tmp_path / 'there/plates.db'}"
    assert settings.cameras["a"].source == str(tmp_path / "clips/a.mp4")
    assert settings.cameras["b"].source == "sample"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("0", "0"),
        ('"1"', "1"),
        ("/dev/video0", "/dev/video0"),
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("/a/b.mp4", "/a/b.mp4"),
    ],
)
def test_sources_that_are_no_relative_path_stay(tmp_path: Path, source: str, kept: str) -> None:
    assert load(tmp_path, f"cameras: {{a: {{source: {source}}}}}").cameras["a"].source == kept


def test_files_with_credentials_are_relative_to_the_file_too(tmp_path: Path) -> None:
    (tmp_path / "code").write_text("abc0def\n")
    settings = load(tmp_path, "recognizer: {ocrcars: {appcode_file: code}}\n")
    assert settings.recognizer.ocrcars.appcode is not None
    assert settings.recognizer.ocrcars.appcode.get_secret_value() == "abc0def"


@pytest.mark.parametrize("name", ["a%20b", "a?b", "a b", "a#b", "车牌", "a:b@c"])
def test_the_database_lies_in_data_dir_whatever_that_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    assert sqlite_file(load(folder, "data_dir: d").database) == folder / "d" / "streamwatch.db"
    assert sqlite_file(load(folder, "database: sqlite:///x.db").database) == folder / "x.db"


def test_who_only_asks_the_database_needs_no_credentials(tmp_path: Path) -> None:
    text = "cameras: {a: {source: 'rtsp://u:${NOT_SET_HERE}@host/1'}}\nrecognizer: {ocrcars: {appcode_file: gone}}\n"
    (tmp_path / "config.yaml").write_text(text)
    settings = loading.load(tmp_path / "config.yaml", secrets=False)
    assert settings.cameras["a"].source == "rtsp://u:${NOT_SET_HERE}@host/1"
    with pytest.raises(ConfigError, match="NOT_SET_HERE"):
        loading.load(tmp_path / "config.yaml")


def test_variables_of_values_and_not_of_comments_are_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# ${OLD}\ncameras: {a: {source: 'rtsp://${USER_A}:${PW_A}@host'}} # ${OTHER}\n")
    assert loading.variables(path) == ["PW_A", "USER_A"]


def test_durations(tmp_path: Path) -> None:
    settings = load(tmp_path, "dedup: {window: 5m}\ngate: {patience: 500ms, close_after: 2}\ncapture: {deadline: 1h}")
    assert settings.dedup.window == 300
    assert settings.gate.patience == 0.5
    assert settings.gate.close_after == 2
    assert settings.capture.deadline == 3600


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("gate:\n  treshold: 3\n", ["line 2", "`gate.treshold`", "did you mean `threshold`?"]),
        ("cameras:\n  a:\n    sorce: x\n", ["line 3", "`cameras.a.sorce` is not a key", "did you mean `source`?"]),
        ("cameras:\n  a:\n    source: x\n    transprt: tcp\n", ["line 4", "did you mean `transport`?"]),
        ("recogniser: {}\n", ["line 1", "did you mean `recognizer`?"]),
        ("attention: off\n", ["`attention.mode` = off", "must be 'auto' or 'full'"]),
        ("zzz: 1\n", ["`zzz` is not a key", "known keys here: access, "]),
        ("recognizer:\n  engine: locl\n", ["line 2", "'locl'", "did you mean `local`?"]),
        ("gate:\n  patience: 6x\n", ["line 2", "`gate.patience` = '6x'", "is not a duration"]),
        ("retention:\n  rows: 999999d\n", ["line 2", "`retention.rows` = '999999d'", "must be at most"]),
        ("dedup:\n  window: .inf\n", ["line 2", "`dedup.window`"]),
        ("gate:\n  min_area: 3\n", ["`gate.min_area` = 3", "must be at most 1."]),
        ("jpeg: {quality: 200}\n", ["`jpeg.quality` = 200: must be at most 100. It may be 40 to 100."]),
        ("jpeg: {quality: 0.88}\n", ["`jpeg.quality` = 0.88: must be a whole number. Did you mean 88?"]),
        ("recognizer: {pay_below: 95}\n", ["`recognizer.pay_below` = 95: must be at most 1. Did you mean 0.95?"]),
        ("sightings: {min_confidence: 300}\n", ["must be at most 1. It may be 0 to 1."]),
        ("gate: {patience: 0}\n", ["must be more than 0. It may be more than 0 and at most 60."]),
        ("cameras: {a: {source: x, budget: {day: 0}}}\n", ["`cameras.a.budget.day` = 0: must be at least 1."]),
        ("jpeg:\n  quality: high\n", ["`jpeg.quality` = 'high'", "whole number"]),
        ("cameras:\n  a b:\n    source: x\n", ["line 2", "`cameras.a b`: is not a camera name"]),
        ("cameras:\n  ..:\n    source: x\n", ["line 2", "is not a camera name"]),
        ("cameras:\n  yes:\n    source: x\n", ["line 2", "`yes` is not a text in YAML; put it in quotes"]),
        ("? [a]\n: b\n", ["line 1", "is not a text in YAML"]),
        ("cameras:\n  a: sample\n", ["line 2", "`cameras.a` must hold keys: write `source: …`"]),
        ("cameras:\n  a: {}\n", ["line 2", "`cameras.a.source` is missing"]),
        ("decode: vapi\n", ["line 1", "`decode` = 'vapi'", "did you mean `vaapi`?"]),
        ("gate: 5\n", ["`gate` = 5: must hold keys below it"]),
        ("data_dir: [a]\n", ["`data_dir`: must be a path."]),
        ("data_dir: ${HOME}/x\n", ["line 1", "`data_dir`: ${…} is filled in only in a camera's `source` and `watch`"]),
        ("cameras: {a: {source: 'rtsp://u:${NO PE}@h/x'}}\n", ["`cameras.a.source`", "write it like ${GATE_PASSWORD}"]),
        ("cameras: {a: {source: 'rtsp://u:${}@h/x'}}\n", ["`cameras.a.source`", "write it like ${GATE_PASSWORD}"]),
        ("recognizer:\n  engine: locl\n", ["must be 'ocrcars', 'local' or 'local-first'; did you mean `local`?"]),
        (
            "recognizer: {ocrcars: {appcode: 12345}}\n",
            ["`recognizer.ocrcars.appcode`: must be a text; put it in"],
        ),
        ("gate:\n  patience: 1h\n", ["line 2", "`gate.patience` = '1h': must be at most 60 s."]),
        ("outbox: {max_bytes: 5kB}\n", ["`outbox.max_bytes` = '5kB': must be at least 1000000 bytes."]),
        ("gate: {threshold: 3.5}\n", ["`gate.threshold` = 3.5: must be a whole number."]),
        ("cameras:\n  a:\n    source: ''\n", ["line 3", "is empty"]),
        ("cameras:\n  a:\n    source: x\n    zone: [[0, 0], [1, 1]]\n", ["line 4", "at least three points"]),
        ("cameras: {a: {source: x, zone: [0, 0, 1, 1]}}\n", ["`cameras.a.zone`: must be a list of points [x, y]"]),
        ("cameras: {a: {source: x, zone: [[0, 0], [0.5, 0.5], [1, 1]]}}\n", ["`cameras.a.zone`: has no area"]),
        ("cameras:\n  a:\n    source: x\n    zone: [[0, 0], [640, 1], [1, 0]]\n", ["fractions of the picture"]),
        ("cameras:\n  a: {source: x}\n  a: {source: y}\n", ["line 3", "`a` occurs here a second time"]),
        ("gate: {}\ncapture: &x\n  deadline: *x\n", ["line 2", "this value contains itself by an alias"]),
        ("cameras: &x [1, [*x]]\n", ["line 1", "this value contains itself by an alias"]),
        ('gate: {}\ndata_dir: "a\\0b"\n', ["line 2", "`data_dir` holds a character that no text can hold"]),
        ('cameras: {a: {source: "\\ud800"}}\n', ["`source` holds a character that no text can hold"]),
        ("calls: {price: .inf}\n", ["`calls.price` = .inf: must be a number."]),
        ("calls: {price: 1.0e+30}\n", ["`calls.price` = 1.0e+30: must be at most 1000000000."]),
        (f"retention: {{min_free: 1{'0' * 30}}}\n", ["`retention.min_free` = 1", "must be at most 1e+18."]),
        (f"retention: {{min_free: 1{'0' * 400}TB}}\n", ["must be at most 1e+18 bytes."]),
        ("cameras:\n  a: [\n", ["line", "not YAML"]),
        ("- a\n", ["expected keys"]),
        ("recognizer:\n  ocrcars:\n    endpoint: http://example.com/ocrCars\n", ["line 3", "https://"]),
        ("recognizer:\n  ocrcars:\n    endpoint: car6\n", ["is not an address"]),
        ("recognizer:\n  ocrcars:\n    endpoint: https://u:pw@h/ocrCars\n", ["must not carry credentials"]),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = mistake(tmp_path, text)
    for part in parts:
        assert part in message


def test_all_mistakes_are_told_a_line_for_each(tmp_path: Path) -> None:
    text = """gate: {treshold: 3, patience: 1h}
jpeg:
  quality: 200
  quality: 201
cameras:
  yes: {source: x}
  a: {sorce: x}
  b: {sorce: x}
data_dir: ${HOME}
zzz: 1
"""
    lines = mistakes(tmp_path, text)
    assert [re.search(r"line (\d+): `([^`]+)`", line).groups() for line in lines] == [  # type: ignore[union-attr]
        ("1", "gate.patience"),
        ("1", "gate.treshold"),
        ("3", "jpeg.quality"),
        ("4", "quality"),
        ("6", "yes"),
        ("7", "cameras.a.sorce"),
        ("8", "cameras.b.sorce"),
        ("9", "data_dir"),
        ("10", "zzz"),
    ]


def test_two_mistakes_of_one_name_on_one_line_are_two(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, "cameras: {a: {sorce: x}, b: {sorce: y}}\n")) == 2


def test_all_files_with_credentials_that_are_missing_are_told(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, "recognizer: {ocrcars: {app_key_file: no1, app_secret_file: no2}}\n")
    assert [line.rsplit("/", 1)[1].split()[0] for line in lines] == ["no1", "no2"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_a_file_in_another_encoding_is_told_how_to_be_saved(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes("cameras: {}\n# 北门\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"line [12]: this is not UTF-8 text .*GBK.*\. Save the file as UTF-8"):
        loading.load(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_bytes("cameras: {北门: {source: x}}\n".encode("utf-8-sig"))
    assert list(loading.load(tmp_path / "config.yaml").cameras) == ["北门"], "as Notepad saves UTF-8"


def test_loopback_may_be_plain_http(tmp_path: Path) -> None:
    text = "recognizer: {ocrcars: {endpoint: 'http://127.0.0.1:8080/ocrCars'}}"
    assert load(tmp_path, text).recognizer.ocrcars.endpoint == "http://127.0.0.1:8080/ocrCars"


def test_a_value_that_stands_at_two_places_is_no_mistake(tmp_path: Path) -> None:
    cameras = load(tmp_path, "cameras: {a: {source: x, budget: &b {day: 3}}, b: {source: y, budget: *b}}\n").cameras
    assert cameras["a"].budget == cameras["b"].budget


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml does not exist\. Name your config file"):
        loading.load(tmp_path / "nowhere.yaml")


def test_a_folder_or_bytes_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        loading.load(tmp_path)
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        loading.load(tmp_path / "config.yaml")


def test_secrets_come_from_the_environment_first_then_a_file_then_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "recognizer: {ocrcars: {appcode: from-config}}"
    assert load(tmp_path, text).recognizer.ocrcars.appcode == SecretStr("from-config")
    (tmp_path / "code").write_text(" from-file \n")
    text = f"recognizer: {{ocrcars: {{appcode: from-config, appcode_file: {tmp_path / 'code'}}}}}"
    assert load(tmp_path, text).recognizer.ocrcars.appcode == SecretStr("from-file")
    monkeypatch.setenv("STREAMWATCH_APPCODE", "from-environment")
    settings = load(tmp_path, text)
    assert settings.recognizer.ocrcars.appcode == SecretStr("from-environment")
    assert "from-" not in repr(settings).replace("STREAMWATCH", "")


def test_a_secret_that_is_no_word_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMWATCH_APPCODE", "top secret")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "")
    assert "STREAMWATCH_APPCODE holds a blank" in str(caught.value)
    assert "top" not in str(caught.value)
    monkeypatch.delenv("STREAMWATCH_APPCODE")
    message = mistake(tmp_path, "recognizer:\n  ocrcars:\n    app_secret: 'hush hush'\n")
    assert "hush" not in message


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"appcode_file: .*absent cannot be read: No such file"):
        load(tmp_path, f"recognizer: {{ocrcars: {{appcode_file: {tmp_path / 'absent'}}}}}")


def test_camera_passwords_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "cameras:\n  a:\n    source: rtsp://user:${GATE_PW}@host/1\n"
    message = mistake(tmp_path, text)
    assert "needs the environment variable GATE_PW" in message
    monkeypatch.setenv("GATE_PW", "p@ss/word")
    assert load(tmp_path, text).cameras["a"].source == "rtsp://user:p%40ss%2Fword@host/1"


def test_the_substream_is_an_address_as_the_main_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PW", "p@ss/w%rd")
    text = "cameras: {a: {source: clips/a.mp4, watch: clips/b.mp4}, b: {source: x, watch: 'rtsp://u:${GATE_PW}@h/2'}}"
    cameras = load(tmp_path, text).cameras
    assert cameras["a"].watch == str(tmp_path / "clips/b.mp4")
    assert cameras["b"].watch == "rtsp://u:p%40ss%2Fw%25rd@h/2"
    message = mistake(tmp_path, "cameras:\n  a:\n    source: x\n    watch: [rtsp://user:hush@host/1]\n")
    assert "hush" not in message


@pytest.mark.parametrize(
    ("text", "blindness"),
    [
        ("", 2.0),
        ("attention: auto", 2.0),
        ("attention: {max_blind: 1s}", 1.0),
        ("attention: full", None),
        ("attention: {mode: full, max_blind: 1s}", None),
    ],
)
def test_attention_in_one_word_or_more(tmp_path: Path, text: str, blindness: float | None) -> None:
    assert load(tmp_path, text).attention.longest_blindness == blindness


def test_a_wrong_source_is_not_shown(tmp_path: Path) -> None:
    message = mistake(tmp_path, "cameras:\n  a:\n    source: [rtsp://user:hush@host/1]\n")
    assert "hush" not in message
    assert "`cameras.a.source`" in message


def test_plates_have_a_home_and_a_grammar(tmp_path: Path) -> None:
    assert (load(tmp_path, "").plates.home_province, load(tmp_path, "").plates.grammar) == ("", "china")
    settings = load(tmp_path, "plates: {home_province: 粵, grammar: '[A-Z]{3}[0-9]{3}'}").plates
    assert (settings.home_province, settings.grammar) == ("粤", "[A-Z]{3}[0-9]{3}")
    assert load(tmp_path, "plates: {grammar: [cn, hk]}").plates.grammar == ["cn", "hk"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("plates: {home_province: Guangdong}", "is not a province; write one of 京"),
        ("plates: {home_province: 京津}", "is not a province"),
        ("plates: {grammar: '[A-Z'}", "is neither the name of a grammar"),
        ("plates: {grammar: ''}", "everything would be a plate"),
        ("plates: {grammar: uk}", "is neither the name of a grammar (cn, hk, mo, tw, vn, my, sg, gb, de,"),
        ("plates: {grammar: [cn, uk]}", "is neither the name of a grammar (cn, hk, mo, tw, vn, my, sg, gb, de,"),
    ],
)
def test_wrong_plate_settings_are_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    message = mistake(tmp_path, text)
    assert says in message
    assert "line 1" in message


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "localhost"])
def test_health_may_be_served_at_any_address_of_this_machine(host: str, tmp_path: Path) -> None:
    assert load(tmp_path, f"health: {{host: '{host}', port: 9464}}\n").health.host == host


@pytest.mark.parametrize("host", ["", "gate.example", "0", "127.0.0.1:9464", "*"])
def test_what_is_no_address_is_no_host_of_health(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 1.*health\.host.*is not an address of this machine"):
        load(tmp_path, f"health: {{host: '{host}'}}\n")


CAMERAS = """\
gate: {threshold: 30, patience: 1s}
recognizer: {engine: local, pay_below: 0.9}
cameras:
  entry:
    source: sample
    gate:
      patience: 500ms
    recognizer: {engine: ocrcars}
    plates: {grammar: [cn, hk]}
  exit:
    source: sample
    gate:
    budget:
"""


def test_a_camera_has_the_common_settings_except_for_what_it_says(tmp_path: Path) -> None:
    settings = load(tmp_path, CAMERAS)
    entry, exit_ = settings.of("entry"), settings.of("exit")
    assert (entry.gate.threshold, entry.gate.patience) == (30, 0.5)
    assert (entry.recognizer.engine, entry.recognizer.pay_below) == (Reads.OCRCARS, 0.9)
    assert entry.recognizer.ocrcars == settings.recognizer.ocrcars
    assert (entry.plates.grammar, entry.plates.home_province) == (["cn", "hk"], "")
    assert (exit_.gate, exit_.recognizer, exit_.plates) == (settings.gate, settings.recognizer, settings.plates)
    assert entry.of("entry") == entry
    assert settings.of("an earlier camera") is settings
    assert settings.cameras["entry"].own == {
        "gate.patience": 0.5,
        "recognizer.engine": Reads.OCRCARS,
        "plates.grammar": ["cn", "hk"],
    }
    assert settings.cameras["exit"].own == {}


def test_a_default_that_is_written_down_counts_against_the_common_value(tmp_path: Path) -> None:
    settings = load(tmp_path, "gate: {max_calls: 1}\ncameras: {a: {source: sample, gate: {max_calls: 3}}}\n")
    assert settings.of("a").gate.max_calls == 3


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("gate: {thresholds: 5}", "`cameras.a.gate.thresholds` is not a key that streamwatch knows; did you mean"),
        ("gate: {threshold: 999}", "`cameras.a.gate.threshold` = 999: must be at most 255. It may be 2 to 255"),
        ("gate: {patience: soon}", "`cameras.a.gate.patience` = 'soon': is not a duration"),
        ("gate: 5", "`cameras.a.gate` = 5: must hold keys below it"),
        ("recognizer: {engine: cloud}", "`cameras.a.recognizer.engine` = 'cloud': must be 'ocrcars', 'local'"),
        (
            "recognizer: {ocrcars: {parallel: 1}}",
            "`cameras.a.recognizer.ocrcars` is not a key that streamwatch knows; known keys here: engine, fallback",
        ),
        ("plates: {home_province: X}", "`cameras.a.plates.home_province` = 'X': is not a province"),
        ("plates: {grammar: '['}", "`cameras.a.plates.grammar`"),
    ],
)
def test_a_mistake_in_a_cameras_own_settings_is_named_with_its_place(tmp_path: Path, own: str, told: str) -> None:
    assert f"line 5: {told}" in mistake(tmp_path, f"# one\ncameras:\n  a:\n    source: sample\n    {own}\n")
