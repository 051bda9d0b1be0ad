"""What is wrong in the sections of MQTT, of people and of the sign of life is one sentence each, without a secret."""

from datetime import time
from pathlib import Path

import pytest

from streamwatch.config.loading import load_text
from streamwatch.config.settings import Settings
from streamwatch.core.errors import ConfigError

TOKEN = "invented-token-of-a-chat"
CAMERAS = "cameras: {gate: {source: sample}}\n"


def load(text: str, folder: Path = Path("/nowhere"), secrets: bool = True) -> Settings:
    return load_text(CAMERAS + text, folder / "config.yaml", secrets)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("outward: {mqtt: {port: 1883}}", "names no host"),
        ("outward: {mqtt: {host: a, prefix: 'a/#'}}", "is not a beginning of topics"),
        ("outward: {mqtt: {host: a, prefix: ''}}", "is empty"),
        ("outward: {mqtt: {host: a, commands: [unkill]}}", "must be 'open' or 'kill'"),
        ("outward: {mqtt: {host: a, tls_ca: ca.pem}}", "has tls_ca without tls: true"),
        (f"outward: {{mqtt: {{host: a, password: {TOKEN}}}}}", "has a password without a user"),
        (f"outward: {{mqtt: {{host: a, user: b, password: {TOKEN}, password_file: x}}}}", "keep one"),
        ("outward: {notify: {guard: {language: en}}}", "names no addresses"),
        ("outward: {notify: {guard: {addresses: []}}}", "at least one address"),
        (f"outward: {{notify: {{guard: {{addresses: ['x://{TOKEN}'], kinds: [disc]}}}}}}", "did you mean `disk`"),
        (f"outward: {{notify: {{guard: {{addresses: ['x://{TOKEN}'], quiet: {{begin: '22:00'}}}}}}}}", "both begin"),
        (f"outward: {{notify: {{guard: {{addresses: ['x://{TOKEN}'], digest: '8'}}}}}}", "is not a time of day"),
        ("outward: {notify: {guard: {addresses: '${NOT_THERE_AT_ALL}'}}}", "NOT_THERE_AT_ALL, which is not set"),
        ("outward: {webhooks: {notify.guard: {url: 'https://example.com'}}}", "rename it"),
        (f"health: {{ping: 'nonsense {TOKEN}'}}", "is not an address"),
        ("health: {ping_every: 1s}", "must be at least 10"),
    ],
)
def test_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(text)
    assert sentence in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert TOKEN not in str(raised.value)


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTED_ADDRESS", f"bark://host/{TOKEN}")
    (tmp_path / "addresses").write_text(f"json://a/{TOKEN}\n\njson://b\n")
    settings = load(
        "outward:\n  mqtt: {host: a, tls: true, user: b, password: '${TESTED_ADDRESS}', tls_ca: ca.pem}\n"
        "  notify:\n    guard: {addresses: ['${TESTED_ADDRESS}', 'json://x']}\n"
        "    owner: {addresses_file: addresses, quiet: {begin: 22:00, end: 6:30}}\n",
        tmp_path,
    )
    mqtt, notify = settings.outward.mqtt, settings.outward.notify
    assert mqtt.password is not None
    assert mqtt.password.get_secret_value().endswith(TOKEN)
    assert (mqtt.broker_port, mqtt.tls_ca) == (8883, tmp_path / "ca.pem")
    assert notify["guard"].each == (f"bark://host/{TOKEN}", "json://x")
    assert notify["owner"].each == (f"json://a/{TOKEN}", "json://b")
    assert (notify["owner"].quiet.begin, notify["owner"].quiet.end) == (time(22), time(6, 30))
    assert TOKEN not in repr(settings)


def test_a_verb_that_needs_no_secrets_looks_none_up() -> None:
    settings = load(
        "health: {ping: '${NOT_THERE}'}\noutward: {notify: {a: {addresses: '${NOT_THERE}'}}}", secrets=False
    )
    assert settings.outward.notify["a"].addresses is not None
