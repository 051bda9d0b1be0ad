"""Each mistake in `barriers` is one sentence with place and remedy, and no secret is in it."""

from pathlib import Path

import pytest

from streamwatch.config import loading
from streamwatch.config.barrier_settings import HttpBarrierSettings, ShellySettings
from streamwatch.core.errors import ConfigError

SECRET = "invented-secret"


def loaded(folder: Path, front: str, more: str = "") -> loading.Settings:
    path = folder / "config.yaml"
    path.write_text(f"cameras: {{gate: {{source: sample}}}}\nbarriers:\n  front: {front}\n{more}", encoding="utf-8")
    return loading.load(path)


def said(folder: Path, front: str, more: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, front, more)
    text = str(caught.value).replace(f"{folder}/", "")
    assert len(text.splitlines()) == 1
    assert SECRET not in text
    return text


@pytest.mark.parametrize(
    ("front", "sentence"),
    [
        ("", "`barriers.front`: must hold keys: write `driver: http` or another driver in a line below it."),
        ("{url: x}", "`barriers.front`: needs a driver; write driver: http, shelly, tasmota, isapi, modbus, mqtt,"),
        ("{driver: shely}", "has an unknown driver ('shely'); write driver: http, shelly, tasmota, isapi, modbus, "
         "mqtt, command, gpio or camera. Did you mean shelly?"),
        ("{driver: shelly}", "`barriers.front.address` is missing."),
        ("{driver: shelly, address: 192.0.2.9}", "is not an address; write it like http://192.0.2.9/open."),
        ("{driver: shelly, address: 'http://192.0.2.9/x'}", "is the address of the device alone"),
        (f"{{driver: shelly, address: 'http://a:{SECRET}@192.0.2.9'}}", "must not hold user and password"),
        ("{driver: shelly, address: 'http://192.0.2.9', chanel: 1}", "did you mean `channel`?"),
        ("{driver: shelly, address: 'http://192.0.2.9', pulse: 1m}", "must be at most 10 s."),
        (f"{{driver: http, url: 'ftp://{SECRET}/'}}", "`barriers.front.url`: is not an address"),
        (f"{{driver: http, url: 'http://a/{SECRET} b'}}", "holds a blank"),
        ("{driver: http, url: 'http://a/${NONE_SUCH}'}", "needs the environment variable NONE_SUCH, which is not set"),
        ("{driver: http, url: 'http://a/', timed_by: program}", "has `timed_by: program` and so needs release_url."),
        ("{driver: http, url: 'http://a/', hold_url: 'http://a/on'}", "has hold_url and so needs release_url."),
        ("{driver: http, url: 'http://a/', headers: {'X y': b}}", "holds a header that cannot be sent"),
        (f"{{driver: isapi, address: 'http://a', password: {SECRET}, password_file: x}}",
         "has both password and password_file; keep one."),
        ("{driver: isapi, address: 'http://a', password_file: none}", "has a password_file that cannot be read"),
        ("{driver: modbus, host: 'a b'}", "is not a host; write a name or an address, like 192.0.2.9."),
        ("{driver: modbus, host: a, port: 0}", "must be at least 1."),
        ("{driver: mqtt, host: a, topic: 'gate/#'}", "names one topic, without # and +."),
        ("{driver: command, command: open}", "must be a list: [one, another]."),
        ("{driver: command, command: []}", "must hold at least one."),
        ("{driver: gpio, line: -1}", "must be at least 0."),
        ("{driver: gpio, line: 1, sensor: {driver: modbs, host: a}}", "`barriers.front.sensor`: has an unknown driver"),
        ("{driver: gpio, line: 1, sensor: {driver: http, url: 'http://a/', open: '('}}", "is not a regular expression"),
        ("{driver: camera, camera: gate}", "it must have `source: push`"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(tmp_path: Path, front: str, sentence: str) -> None:
    assert sentence in said(tmp_path, front)


def test_a_barrier_that_cannot_be_held_open_has_no_schedule(tmp_path: Path) -> None:
    lanes = "lanes: {entry: {cameras: [gate], barrier: front, hold_open: [{begin: '07:00', end: '09:00'}]}}"
    http = "{driver: http, url: 'http://a/'}"
    assert "the barrier front cannot be held open; take them out" in said(tmp_path, http, lanes)
    for front in (
        "{driver: shelly, address: 'http://a'}",
        "{driver: http, url: 'http://a/', hold_url: 'http://a/on', release_url: 'http://a/off'}",
        "{driver: gpio, line: 3}",
    ):
        assert loaded(tmp_path, front, lanes).barriers["front"].can_hold


def test_secrets_come_from_the_environment_and_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "relay").write_text(f"{SECRET}\n")
    shelly = loaded(tmp_path, "{driver: shelly, address: 'http://192.0.2.9', password_file: relay}").barriers["front"]
    assert isinstance(shelly, ShellySettings)
    assert shelly.password is not None
    assert shelly.password.get_secret_value() == SECRET
    monkeypatch.setenv("RELAY", f"{SECRET}/&")
    front = "{driver: http, url: 'http://a/?k=${RELAY}', headers: {X-Key: '${RELAY}'}}"
    http = loaded(tmp_path, front).barriers["front"]
    assert isinstance(http, HttpBarrierSettings)
    assert http.url.get_secret_value() == f"http://a/?k={SECRET}%2F%26"
    assert http.headers["X-Key"].get_secret_value() == f"{SECRET}/&"
    assert SECRET not in repr([shelly, http])
    unread = loading.load(tmp_path / "config.yaml", secrets=False).barriers["front"]
    assert isinstance(unread, HttpBarrierSettings)
    assert unread.url.get_secret_value() == "http://a/?k=${RELAY}"
