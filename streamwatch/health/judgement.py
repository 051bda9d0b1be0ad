"""Decides from a snapshot if a person has to look, and says why."""

from collections.abc import Iterator
from datetime import datetime

from streamwatch.core.text import age, size, some, when
from streamwatch.health.snapshot import CameraHealth, Snapshot

AWAY_FOR = 60.0
"""Seconds that a camera may be away before a person should know; a reboot of the camera or a switch takes less."""
WAITING_FOR = 3600.0
"""Seconds that a picture may wait for the engine before a person should know."""


def health(snapshot: Snapshot) -> tuple[bool, list[str]]:
    """Return True if all is well, and one sentence for each thing that is not."""
    reasons = [
        *(f"Thread {name} makes no progress." for name in snapshot.stalled),
        *_storage(snapshot),
        *(reason for camera in snapshot.cameras for reason in _camera(camera, snapshot.taken_at)),
        *_calls(snapshot),
        *([f"There is no console: {snapshot.console.why}"] if snapshot.console.why else []),
    ]
    return not reasons, reasons


def _storage(snapshot: Snapshot) -> Iterator[str]:
    database, disk = snapshot.database, snapshot.disk
    if database.failed_since is not None:
        yield f"The database has not been writable since {when(database.failed_since)}: {database.why}"
    if disk.free < disk.floor:
        yield f"The disk is nearly full: {size(disk.free)} are free, {size(disk.floor)} must be."


def _camera(camera: CameraHealth, now: datetime) -> Iterator[str]:
    away = (now - camera.since).total_seconds()
    if camera.state == "frozen":
        yield f"Camera {camera.name} has been frozen since {when(camera.since)}: it sends the same picture."
    elif camera.state == "failed":
        yield f"Camera {camera.name} cannot work: {camera.last_error}"
    elif camera.state in ("reconnecting", "connecting") and away > AWAY_FOR:
        why = camera.last_error or "no picture came."
        yield f"Camera {camera.name} has been away since {when(camera.since)}: {why}"


def _calls(snapshot: Snapshot) -> Iterator[str]:
    for breaker in snapshot.breakers:
        until = "" if breaker.until is None else f" until {when(breaker.until)}"
        yield f"Calls are held back ({breaker.label}){until}: {breaker.why}"
    if snapshot.in_flight.overdue:
        yield f"An answer is overdue: a call has been running for {age(snapshot.in_flight.oldest_age)}."
    for use in snapshot.budget:
        if use.limit is not None and use.used >= use.limit:
            whose = f" of camera {use.camera}" if use.camera else ""
            yield f"The budget{whose} for this {use.window} is used up: {use.used} of {use.limit} calls."
    outbox = snapshot.outbox
    if outbox.items and outbox.oldest_age > WAITING_FOR:
        yield f"Waiting for the engine: {some(outbox.items, 'picture')}, the oldest for {age(outbox.oldest_age)}."
