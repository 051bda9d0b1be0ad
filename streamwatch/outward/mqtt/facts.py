"""The state of the program as a broker is told it, and its retained messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from streamwatch.outward.mqtt.message import Message, flat
from streamwatch.outward.mqtt.topics import Topics

NOT_REPORTED = "not_reported"
"""The position of a barrier without a sensor: nobody knows if it is closed."""


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """One camera. state: code of its state."""

    name: str
    online: bool
    state: str


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """One lane. way, mode: codes. barrier: "" if it has none."""

    name: str
    way: str
    mode: str
    barrier: str


@dataclass(frozen=True, slots=True)
class BarrierFacts:
    """One barrier. position: code, NOT_REPORTED without a sensor. fault: in words, "" if there is none."""

    name: str
    position: str
    fault: str
    held_open_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it at one moment. killed: nothing opens. inside: vehicles; None if that is not known."""

    version: str
    cameras: tuple[CameraFacts, ...]
    lanes: tuple[LaneFacts, ...] = ()
    barriers: tuple[BarrierFacts, ...] = ()
    killed: bool = False
    inside: int | None = None

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of all things of a kind: cameras, lanes or barriers."""
        things: dict[str, tuple[CameraFacts | LaneFacts | BarrierFacts, ...]] = {
            "cameras": self.cameras,
            "lanes": self.lanes,
            "barriers": self.barriers,
        }
        return tuple(thing.name for thing in things[kind])


def state_messages(facts: Facts, topics: Topics) -> Iterator[Message]:
    """Return the retained messages that tell the state, without the last plates."""
    yield Message(
        topics.other("state"),
        flat({"version": facts.version, "kill_switch": _on(facts.killed), "inside": facts.inside}),
        retain=True,
    )
    for camera in facts.cameras:
        told = {"camera": camera.name, "online": _on(camera.online), "state": camera.state}
        yield Message(topics.of("cameras", camera.name, "state"), flat(told), retain=True)
    for lane in facts.lanes:
        told = {"lane": lane.name, "way": lane.way, "mode": lane.mode, "barrier": lane.barrier}
        yield Message(topics.of("lanes", lane.name, "state"), flat(told), retain=True)
    for barrier in facts.barriers:
        until = barrier.held_open_until
        fields = {
            "barrier": barrier.name,
            "position": barrier.position,
            "fault": _on(bool(barrier.fault)),
            "fault_text": barrier.fault,
            "held_open_until": None if until is None else until.isoformat(timespec="seconds"),
        }
        yield Message(topics.of("barriers", barrier.name, "state"), flat(fields), retain=True)


def known_topics(facts: Facts, topics: Topics) -> set[str]:
    """Return all retained topics below the patterns of `Topics.kept` that belong to something that exists."""
    kinds = {"cameras": ("state", "plate"), "lanes": ("state", "plate", "authorised"), "barriers": ("state",)}
    return {
        topics.of(kind, name, what) for kind, parts in kinds.items() for name in facts.names(kind) for what in parts
    }


def _on(value: bool) -> str:
    return "ON" if value else "OFF"
