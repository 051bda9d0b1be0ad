"""The data of each type of event that the outside is told: the field `data` of the CloudEvents body.

Fields are only added, never renamed or removed, and keep their meaning; otherwise the type gets a new number. Keys
are the random names of things (UUID4 hex), the same in database, events and API. A text that is not known is empty, a
number or time that is not known is None. docs/events.md shows an example of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class SightingData:
    """A plate at a camera: `streamwatch.sighting.v1`, once for each sighting, as soon as its first plate is read.

    sighting, passage, keyframe: keys; the keyframe shows the plate best. plate: normalised. plate_kind: the grammar's
    name for it, empty if it fits none. confidence: 0 to 1. reads: readings so far.
    """

    sighting: str
    camera: str
    plate: str
    plate_kind: str
    confidence: float | None
    engine: str
    first_seen: datetime
    last_seen: datetime
    reads: int
    status: str
    passage: str
    keyframe: str


@dataclass(frozen=True, slots=True)
class SightingCorrectedData:
    """Another plate for a sighting: `streamwatch.sighting.corrected.v1`.

    plate: the one that counts from now on; empty if there is no plate after all. plate_before: what was told until now.
    who: who typed it, like audit_log.who; empty if a better reading changed it. merged_into: key of the sighting that
    takes its place: a person's, or one that this is a part of; empty if it stays.
    """

    sighting: str
    camera: str
    plate: str
    plate_before: str
    plate_kind: str
    confidence: float | None
    engine: str
    first_seen: datetime
    last_seen: datetime
    passage: str
    keyframe: str
    who: str = ""
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class DecisionData:
    """What was decided of a plate before a lane: `streamwatch.decision.v1`, once more after each change.

    decision, sighting, passage, keyframe, permit: keys. verdict, reason, warnings: codes. revised: how often a better
    reading changed it. permit_kind, permit_plate, holder, group: of the permit it rests on; empty without one. answer,
    answered_by, answered_at: what a person said to it. It does not say that a barrier has opened: see OpeningData.
    """

    decision: str
    lane: str
    camera: str
    plate: str
    verdict: str
    reason: str
    warnings: tuple[str, ...]
    confidence: float | None
    engine: str
    price: float
    sighting: str
    passage: str
    keyframe: str
    permit: str
    permit_kind: str
    permit_plate: str
    holder: str
    group: str
    captured_at: datetime
    decided_at: datetime
    revised: int = 0
    answer: str = ""
    answered_by: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpeningData:
    """An opening of a barrier that has ended or was withheld: `streamwatch.opening.v1`.

    opening, decision: keys; decision is empty if there is none. cause, state, reason: codes. who: who opened it, like
    audit_log.who; note: the reason that the person gave. detail: what went wrong, in words.
    """

    opening: str
    lane: str
    barrier: str
    cause: str
    state: str
    reason: str
    detail: str
    who: str
    note: str
    decision: str
    plate: str
    requested_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CameraData:
    """A camera was lost or is back: `streamwatch.camera.v1`.

    online: True if it is watched again. state: code of its state, and since when; error: why it was lost, in words.
    """

    camera: str
    online: bool
    state: str
    since: datetime
    error: str


@dataclass(frozen=True, slots=True)
class HealthData:
    """Something is wrong, or well again: `streamwatch.health.v1`.

    code: what it is; camera: empty if it is about none. subject: which thread, receiver, budget or barrier, if there
    are several. active: True when it begins, False when it is over. text, advice: English sentences for people.
    """

    code: str
    topic: str
    camera: str
    subject: str
    active: bool
    since: datetime
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class TrialData:
    """A person tries a receiver: `streamwatch.test.v1`. who: like audit_log.who. It means nothing else."""

    text: str
    who: str


EventData = SightingData | SightingCorrectedData | DecisionData | OpeningData | CameraData | HealthData | TrialData


def as_data(told: EventData | Mapping[str, Any]) -> dict[str, Any]:
    """Return the data in the types of JSON; times are ISO 8601 in UTC, with microseconds and `Z`."""
    items = told.items() if isinstance(told, Mapping) else ((f.name, getattr(told, f.name)) for f in fields(told))
    return {name: _plain(value) for name, value in items}


def iso(at: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, as in all events."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return iso(value)
    return value.value if isinstance(value, Enum) else value
