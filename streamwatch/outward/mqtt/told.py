"""Events as messages: flat JSON, never retained, and the last plates, which are."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from streamwatch.core.codes import EventType, Verdict
from streamwatch.outward.mqtt.message import Message, flat
from streamwatch.outward.mqtt.topics import Topics
from streamwatch.store import EventRow


def event_messages(event: EventRow, topics: Topics) -> Iterator[Message]:
    """Return the messages that tell an event once."""
    data = event.data
    match event.type:
        case EventType.SIGHTING:
            yield _told(topics.of("cameras", _text(data, "camera"), "sighting"), "sighting", event)
            yield _frigate(topics, data, name="", seen=_text(data, "last_seen"))
        case EventType.SIGHTING_CORRECTED:
            yield _told(topics.of("cameras", _text(data, "camera"), "sighting"), "corrected", event)
        case EventType.DECISION:
            verdict = _text(data, "verdict")
            yield _told(topics.of("lanes", _text(data, "lane"), "decision"), verdict, event)
            # Programs that read this shape take a name for a vehicle that is welcome; a blocked one has a holder, too.
            if data.get("holder") and verdict != Verdict.DENY:
                yield _frigate(topics, data, name=_text(data, "holder"), seen=_text(data, "captured_at"))
        case EventType.OPENING:
            yield _told(topics.of("barriers", _text(data, "barrier"), "opening"), _text(data, "state"), event)
        case EventType.TEST:
            yield _told(topics.other("test"), "test", event)
        case _:
            yield _told(topics.other("health"), "over" if _is_over(data) else "begun", event)


def plate_messages(event: EventRow, topics: Topics) -> Iterator[Message]:
    """Return the retained messages of the last plate that an event changes."""
    data = event.data
    if event.type in (EventType.SIGHTING, EventType.SIGHTING_CORRECTED):
        seen = {name: data.get(name) for name in ("camera", "plate", "confidence", "engine", "last_seen", "sighting")}
        yield Message(topics.of("cameras", _text(data, "camera"), "plate"), flat(seen), retain=True)
    elif event.type is EventType.DECISION:
        names = ("lane", "camera", "plate", "verdict", "reason", "holder", "group", "captured_at", "decision", "answer")
        decided = {name: data.get(name) for name in names}
        yield Message(topics.of("lanes", _text(data, "lane"), "plate"), flat(decided), retain=True)


def allowed_lane(event: EventRow) -> str | None:
    """Return the lane that a decision opens; None for any other event."""
    allows = event.type is EventType.DECISION and event.data.get("verdict") == Verdict.ALLOW
    return _text(event.data, "lane") if allows else None


def _told(topic: str, event_type: str, event: EventRow) -> Message:
    """Return the event as a message. event_type: the word by which Home Assistant tells events of an entity apart."""
    head = {
        "event_type": event_type,
        "id": event.key,
        "type": event.type.value,
        "time": event.occurred_at.isoformat(timespec="milliseconds"),
        "subject": event.subject,
    }
    return Message(topic, flat({**event.data, **head}))


def _frigate(topics: Topics, data: Mapping[str, Any], name: str, seen: str) -> Message:
    """Return a plate in the shape of Frigate's `tracked_object_update`, which other programs read.

    https://docs.frigate.video/integrations/mqtt/#frigatetracked_object_update
    """
    return Message(
        topics.other("tracked_object_update"),
        json.dumps(
            {
                "type": "lpr",
                "id": _text(data, "sighting"),
                "name": name or None,
                "plate": _text(data, "plate"),
                "score": data.get("confidence"),
                "camera": _text(data, "camera"),
                "timestamp": _seconds(seen),
                "plate_box": None,
            },
            ensure_ascii=False,
        ),
    )


def _seconds(iso: str) -> float | None:
    try:
        return datetime.fromisoformat(iso).timestamp()
    except ValueError:
        return None


def _is_over(data: Mapping[str, Any]) -> bool:
    """Return True if a camera is back, or a trouble is over."""
    return data.get("online") is True or data.get("active") is False


def _text(data: Mapping[str, Any], name: str) -> str:
    return str(data.get(name) or "")
