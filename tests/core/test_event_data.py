"""docs/events.md shows what the outside gets: every field of every type, and a check of the signature that works."""

import json
import re
import time
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from streamwatch.core.codes import EventType
from streamwatch.core.event_data import (
    CameraData,
    DecisionData,
    EventData,
    HealthData,
    OpeningData,
    SightingCorrectedData,
    SightingData,
    TrialData,
    as_data,
)
from streamwatch.core.signing import secret_bytes, signature

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
DATA: dict[EventType, type[Any]] = {
    EventType.SIGHTING: SightingData,
    EventType.SIGHTING_CORRECTED: SightingCorrectedData,
    EventType.DECISION: DecisionData,
    EventType.OPENING: OpeningData,
    EventType.CAMERA: CameraData,
    EventType.HEALTH: HealthData,
    EventType.TEST: TrialData,
}


def example(kind: EventType) -> dict[str, Any]:
    """Return the data that the page shows for a type."""
    section = PAGE.split(f"### `{kind.value}`")[1].split("\n### ")[0]
    (text,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_type_has_its_data_and_its_section() -> None:
    assert set(DATA) == set(EventType)
    assert set(DATA.values()) == set(get_args(EventData))
    assert re.findall(r"^### `(streamwatch\.\S+)`$", PAGE, re.MULTILINE) == [kind.value for kind in EventType]


@pytest.mark.parametrize("kind", EventType)
def test_the_example_of_a_type_is_what_a_receiver_gets(kind: EventType) -> None:
    shown, hints = example(kind), get_type_hints(DATA[kind])
    read = {name: _read(value, hints[name]) for name, value in shown.items()}
    assert json.loads(json.dumps(as_data(DATA[kind](**read)))) == shown
    assert list(shown) == [field.name for field in fields(DATA[kind])]


def _read(value: Any, hint: Any) -> Any:
    if value is not None and datetime in (hint, *get_args(hint)):
        return datetime.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("kind", EventType)
def test_what_may_be_left_out_comes_last_so_that_fields_can_only_be_added(kind: EventType) -> None:
    left_out = [field.default is not MISSING for field in fields(DATA[kind])]
    assert left_out == sorted(left_out)


def test_times_are_utc_whatever_their_zone() -> None:
    at = datetime.fromisoformat("2026-11-28T16:15:30.25+08:00")
    assert as_data({"at": at, "in": [{"at": at.astimezone(UTC)}], "kind": EventType.TEST}) == {
        "at": "2026-11-28T08:15:30.250000Z",
        "in": [{"at": "2026-11-28T08:15:30.250000Z"}],
        "kind": "streamwatch.test.v1",
    }


def test_the_check_of_the_signature_that_the_page_shows_works() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    is_genuine = names["is_genuine"]
    secret, other = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=", "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
    body, now = b'{"a": 1}', int(time.time())
    headers = {
        "webhook-id": "one",
        "webhook-timestamp": str(now),
        "webhook-signature": signature([secret_bytes(other), secret_bytes(secret)], "one", now, body),
    }
    assert is_genuine(headers, body, secret)
    assert is_genuine(headers, body, other)
    assert not is_genuine(headers, body + b" ", secret)
    assert not is_genuine(headers | {"webhook-id": "two"}, body, secret)
    assert not is_genuine(headers, body, "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB")
    old = now - 400
    late = headers | {
        "webhook-timestamp": str(old),
        "webhook-signature": signature([secret_bytes(secret)], "one", old, body),
    }
    assert not is_genuine(late, body, secret)
