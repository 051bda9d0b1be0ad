"""Editing config.yaml: one key changes, everything else stays as it was written, and nothing wrong is ever written."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.config import editing
from streamwatch.config.editing import REMOVE, Remove, edit_config, edited
from streamwatch.config.loading import load, load_text
from streamwatch.core.errors import ConfigError

OURS = (Path(__file__).parent.parent.parent / "config.yaml").read_text(encoding="utf-8")
ZONE = [[0.1, 0.3], [0.9, 0.3], [1.0, 1.0]]
HAND_WRITTEN = """\
# the north gate
cameras:
    gate:   {source: sample,   transport:   tcp}   # inline
    exit:
        source:   "${EXIT}"     # why
        zone:    # drawn by hand
        - [0.1, 0.1]
        - [0.9,0.1]   # a corner
        - [0.9, 0.9]
        # after the zone

    # the next camera
    back:
          source: sample
          budget:
            hour: 3
plates: {home_province: '粤', grammar: [cn, hk]}
gate:      # nothing yet
calls:
  price: 0.02
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text("# mine\ncameras:\n  gate:\n    source: sample   # the sample\n", encoding="utf-8")
    return file


def change(text: str, name: str, value: object) -> str:
    return edited(Path("config.yaml"), text, tuple(name.split("/")), value)


def lines(text: str) -> set[str]:
    return set(text.splitlines())


def changes(before: str, after: str) -> tuple[set[str], set[str]]:
    """Return the lines that went and the lines that came."""
    return lines(before) - lines(after), lines(after) - lines(before)


@pytest.mark.parametrize(
    ("name", "value", "gone", "come"),
    [
        ("cameras/gate/zone", ZONE, set(), {"    zone: [[0.1, 0.3], [0.9, 0.3], [1.0, 1.0]]"}),
        ("cameras/gate/gate/threshold", 12, set(), {"    gate:", "      threshold: 12"}),
        ("budget/hour", 5, set(), {"budget:", "  hour: 5"}),
        ("cameras/exit", {"source": "0"}, set(), {"  exit:", "    source: '0'"}),
    ],
)
def test_a_new_key_of_our_own_file_is_a_new_line(name: str, value: object, gone: set[str], come: set[str]) -> None:
    new = change(OURS, name, value)
    assert changes(OURS, new) == (gone, come)
    assert (
        change(new, name.rpartition("/")[0] if "gate/threshold" in name or "budget" in name else name, REMOVE) == OURS
    )


def test_a_new_key_stands_behind_the_comments_of_its_section() -> None:
    before, _, after = change(OURS, "cameras/gate/loopback", 1).partition("    loopback: ")
    assert before.splitlines()[-1].startswith("    # ")
    assert after.startswith("1\n\ndata_dir:")


def test_a_new_key_stands_behind_the_comment_that_shows_it() -> None:
    before, _, after = change(OURS, "cameras/gate/zone", ZONE).partition("    zone: ")
    assert before.endswith("from its left top corner\n")
    assert after.startswith("[[0.1, 0.3], [0.9, 0.3], [1.0, 1.0]]\n    # What differs")


def test_the_comment_behind_a_value_stays_in_its_column() -> None:
    gone, come = changes(OURS, change(OURS, "gate/close_after", "1500ms"))
    assert {line.index("#") for line in gone | come} == {30}
    assert come == {"  close_after: 1500ms         # a passage ends when its vehicle has not been seen for this time"}


def test_a_key_goes_with_the_comment_that_explains_it() -> None:
    gone, come = changes(OURS, change(OURS, "cameras/gate/rotate", REMOVE))
    assert [line.strip()[:8] for line in sorted(gone, reverse=True)] == ["rotate: ", "# sidewa"]
    assert not come


@pytest.mark.parametrize(
    ("name", "value", "was", "now"),
    [
        ("cameras/gate/zone", ZONE, "transport:   tcp}", f"transport:   tcp, zone: {ZONE}}}"),
        ("cameras/gate/source", REMOVE, "{source: sample,   transport", "{transport"),
        ("cameras/gate/transport", REMOVE, "sample,   transport:   tcp}", "sample}"),
        ("cameras/exit/source", "x y", '"${EXIT}"     #', '"x y"         #'),
        ("cameras/back/budget/hour", REMOVE, "budget:\n            hour: 3", "budget: {}"),
        ("cameras/back/budget", {"day": 9}, "budget:\n            hour: 3", "budget: {day: 9}"),
        ("gate/threshold", 30, "nothing yet\n", "nothing yet\n    threshold: 30\n"),
        ("gate", {"threshold": 30}, "nothing yet\n", "nothing yet\n    threshold: 30\n"),
        ("plates/home_province", "京", "'粤'", "'京'"),
        ("calls/price", 0.5, "0.02\n", "0.5\n"),
        ("calls/runaway_after", 9, "0.02\n", "0.02\n  runaway_after: 9\n"),
    ],
)
def test_a_file_that_somebody_wrote_in_another_style_keeps_it(name: str, value: object, was: str, now: str) -> None:
    assert HAND_WRITTEN.count(was) == 1
    assert change(HAND_WRITTEN, name, value) == HAND_WRITTEN.replace(was, now)


def test_a_zone_in_lines_stays_in_lines() -> None:
    gone, come = changes(HAND_WRITTEN, change(HAND_WRITTEN, "cameras/exit/zone", ZONE))
    assert come == {"        - [0.1, 0.3]", "        - [0.9, 0.3]", "        - [1.0, 1.0]"}
    assert len(gone) == 3
    without = change(HAND_WRITTEN, "cameras/exit/zone", REMOVE)
    assert changes(HAND_WRITTEN, without)[0] == gone | {"        zone:    # drawn by hand"}
    assert "        # after the zone\n\n    # the next camera" in without


def test_line_breaks_of_windows_stay() -> None:
    text = OURS.replace("\n", "\r\n")
    new = change(text, "cameras/gate/gate/max_calls", 1)
    assert new.count("\r\n") == new.count("\n") == text.count("\n") + 2
    assert change(new, "cameras/gate/gate", REMOVE) == text


@pytest.mark.parametrize("text", ["", "# only a comment", "{}", "cameras:\n", "cameras: {}\n"])
def test_an_empty_file_gets_its_first_camera(text: str) -> None:
    new = change(text, "cameras/gate/source", "sample")
    assert yaml.safe_load(new) == {"cameras": {"gate": {"source": "sample"}}}
    assert text.strip("{} \n") in new


def test_an_alias_is_replaced_where_it_stands_and_what_it_names_stays() -> None:
    text = (
        "cameras:\n  a: {source: sample, zone: &z [[0, 0], [1, 0], [1, 1]]}\n  b:\n    source: sample\n    zone: *z\n"
    )
    assert change(text, "cameras/b/zone", ZONE) == text.replace("*z", str(ZONE))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cameras:\n  a: &a {source: sample}\n  b: *a\n", "cameras/a/loop"),
        ("cameras:\n  a: &a {source: sample}\n  b: *a\n", "cameras/b/loop"),
        ("gate: 5\n", "gate/threshold"),
        ("cameras: [1]\n", "cameras/a/source"),
        ("a: &x 1\nb: *x\n", "a"),
    ],
)
def test_what_would_change_more_than_one_key_is_refused(text: str, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^config\.yaml: `[\w.]+` cannot be changed without changing anything"):
        change(text, name, True)


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)
scalars = st.one_of(
    st.booleans(), st.integers(-9, 10**9), st.floats(allow_nan=False, allow_infinity=False), words,
    st.sampled_from(["on", "500ms", "0123", "1:30", "# no", "a: b", "[x", "*x", "&x", "'", '"', "-", "~", "null"]),
)  # fmt: skip
values = st.one_of(
    scalars, st.lists(scalars, max_size=4), st.lists(st.lists(scalars, max_size=2), min_size=1, max_size=4),
    st.dictionaries(words.filter(bool), scalars, max_size=3),
)  # fmt: skip
PLACES = [
    "cameras/gate/zone", "cameras/gate/source", "cameras/gate/gate/threshold", "cameras/exit/zone",
    "cameras/exit/source", "cameras/back/budget", "cameras/back/budget/hour", "cameras/new", "cameras/back/zone",
    "cameras/exit/gate/patience", "plates", "plates/grammar", "plates/new", "gate", "gate/threshold", "calls/price",
    "calls", "new/one", "cameras/back",
]  # fmt: skip
KEPT = ["# the north gate", "# inline", "# after the zone", "# the next camera", "# nothing yet"]


def meant(data: dict[str, Any], keys: list[str], value: object) -> dict[str, Any]:
    data = dict(data or {})
    key, *rest = keys
    if rest:
        inner = data.get(key)
        if inner is not None or not isinstance(value, Remove):
            data[key] = meant(inner or {}, rest, value)
    elif isinstance(value, Remove):
        data.pop(key, None)
    else:
        data[key] = value
    return data


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.one_of(values, st.just(REMOVE))), min_size=1, max_size=4),
    st.booleans(),
)
@settings(max_examples=300)
def test_any_changes_mean_what_they_should_and_keep_the_comments(made: list[tuple[str, object]], windows: bool) -> None:
    text = HAND_WRITTEN.replace("\n", "\r\n") if windows else HAND_WRITTEN
    data = yaml.safe_load(text)
    for name, value in made:
        keys = name.split("/")
        try:
            new = change(text, name, value)
        except ConfigError:
            inner: object = data
            for key in keys[:-1]:
                inner = inner.get(key) if isinstance(inner, dict) else inner
            assert not isinstance(inner, dict | None), "only a key below a value that holds none is refused"
            return
        data, text = meant(data, keys, value), new
        assert {key: inner or None for key, inner in yaml.safe_load(text).items()} == {
            key: inner or None for key, inner in data.items()
        }
        assert text.count("\r\n") == (text.count("\n") if windows else 0)
    # A comment inside a value that is replaced as a whole goes with it.
    whole = {"cameras/back", "plates", "gate", "calls", "cameras/exit/zone"}
    if not whole & {name for name, _ in made}:
        assert all(comment in text for comment in KEPT)


def test_a_file_is_replaced_with_the_old_one_beside_it(config: Path) -> None:
    before = config.read_bytes()
    config.chmod(0o640)
    edit_config(config, {("cameras", "gate", "zone"): ZONE, ("gate", "threshold"): 30})
    found = load(config)
    assert found.cameras["gate"].zone == [(0.1, 0.3), (0.9, 0.3), (1.0, 1.0)]
    assert found.gate.threshold == 30
    assert "# the sample" in config.read_text()
    kept = config.with_name("config.yaml.bak")
    assert kept.read_bytes() == before
    assert [stat.S_IMODE(path.stat().st_mode) for path in (config, kept)] == [0o640, 0o640]
    assert sorted(path.name for path in config.parent.iterdir()) == ["config.yaml", "config.yaml.bak"]
    edit_config(config, {("gate",): REMOVE})
    assert "threshold: 30" in kept.read_text()
    assert len(list(config.parent.iterdir())) == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_the_owner_of_the_file_stays(config: Path) -> None:
    os.chown(config, 4711, 4712)
    edit_config(config, {("gate", "threshold"): 30})
    for path in (config, config.with_name("config.yaml.bak")):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)


def test_a_link_stays_a_link(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    real = folder / "gate.yaml"
    config.rename(real)
    config.symlink_to(real)
    edit_config(config, {("gate", "threshold"): 30})
    assert config.is_symlink()
    assert load(config).gate.threshold == 30
    assert (folder / "gate.yaml.bak").exists()


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        (("cameras", "gate", "zone"), [[0.1, 0.2]], r"line 5: `cameras.gate.zone`: needs at least three points\."),
        (("cameras", "gate", "zones"), ZONE, "did you mean `zone`"),
        (("cameras", "gate", "source"), REMOVE, "`cameras.gate.source` is missing"),
        (("gate", "threshold"), 1000, "It may be 2 to 255"),
    ],
)
def test_what_would_not_load_is_not_written(
    config: Path, keys: tuple[str, ...], value: object, told: str | None
) -> None:
    before = config.read_bytes()
    if told is None:
        edit_config(config, {keys: value})
        assert load(config).cameras == {}
        return
    with pytest.raises(ConfigError, match=told):
        edit_config(config, {("gate", "patience"): "1s", keys: value})
    assert config.read_bytes() == before
    assert [path.name for path in config.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("recognizer", "ocrcars", "appcode"), "0123456789abcdef"),
        (("recognizer", "ocrcars"), {"app_secret": "0123456789abcdef"}),
        (("cameras", "gate", "source"), "rtsp://admin:0123456789abcdef@192.0.2.7/1"),
        (("cameras", "exit"), {"source": "rtsp://192.0.2.7/user=a_password=0123456789abcdef_channel=1.sdp"}),
    ],
)
def test_a_secret_is_neither_written_nor_shown(config: Path, keys: tuple[str, ...], value: object) -> None:
    before = config.read_bytes()
    with pytest.raises(ConfigError, match="would hold a secret") as caught:
        edit_config(config, {keys: value})
    assert "0123456789abcdef" not in str(caught.value)
    assert config.read_bytes() == before


def test_a_password_from_the_environment_is_no_secret(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "invented")
    edit_config(config, {("cameras", "gate", "source"): "rtsp://admin:${GATE_PASSWORD}@192.0.2.7/1"})
    assert "source: 'rtsp://admin:${GATE_PASSWORD}@192.0.2.7/1' # the sample" in config.read_text()
    assert "invented" not in config.read_text()


def test_a_change_by_somebody_else_in_between_is_not_lost(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(text: str, path: Path, secrets: bool) -> object:
        config.write_text("# theirs\n" + config.read_text())
        return load_text(text, path, secrets)

    monkeypatch.setattr(editing, "load_text", slowly)
    with pytest.raises(ConfigError, match="changed by somebody else"):
        edit_config(config, {("gate", "threshold"): 30})
    assert config.read_text().startswith("# theirs\n# mine")
    assert "threshold" not in config.read_text()


def test_a_file_that_cannot_be_written_is_one_sentence(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(editing, "write_whole", refuse)
    with pytest.raises(ConfigError, match=r"config.yaml cannot be written: Read-only file system\. Change it by hand"):
        edit_config(config, {("gate", "threshold"): 30})


def test_no_change_writes_nothing(config: Path) -> None:
    edit_config(config, {("gate", "threshold"): REMOVE, ("cameras", "gate", "source"): "sample"})
    assert [path.name for path in config.parent.iterdir()] == ["config.yaml"]
