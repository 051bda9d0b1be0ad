"""Decides from a snapshot if a person has to look, and says why."""

from collections.abc import Iterator
from datetime import datetime

from streamwatch.core.barrier_state import BarrierState
from streamwatch.core.codes import FindingCode, ReceiverState
from streamwatch.health.remarks import Remark, RemarkCode, Topic, in_english
from streamwatch.health.snapshot import CameraFinding, CameraHealth, ConsoleHealth, Snapshot

AWAY_FOR = 60.0
"""Seconds that a camera may be away before a person should know; a reboot of the camera or a switch takes less."""
WAITING_FOR = 3600.0
"""Seconds that a picture may wait for the engine before a person should know."""


def health(snapshot: Snapshot) -> tuple[bool, list[str]]:
    """Return True if all is well, and one sentence for each thing that is not."""
    reasons = [in_english(trouble, snapshot.taken_at) for trouble in troubles(snapshot)]
    return not reasons, reasons


def troubles(snapshot: Snapshot) -> list[Remark]:
    """Return what is not well."""
    return [
        *(Remark(RemarkCode.THREAD_STALLED, Topic.PROGRAM, "", {"thread": name}) for name in snapshot.stalled),
        *_storage(snapshot),
        *(trouble for camera in snapshot.cameras for trouble in _camera(camera, snapshot.taken_at)),
        *_calls(snapshot),
        *(trouble for barrier in snapshot.barriers for trouble in _barrier(barrier, snapshot.taken_at)),
        *_console(snapshot.console),
    ]


def notices(snapshot: Snapshot) -> list[Remark]:
    """Return what people should know although the program works: findings, and what else fails beside it."""
    killed = [Remark(RemarkCode.KILL_SWITCH_ON, Topic.BARRIER)] if snapshot.killed else []
    doubted = [] if snapshot.clock_trusted else [Remark(RemarkCode.CLOCK_DOUBTED, Topic.CLOCK)]
    substreams = ((camera.name, camera.unwatched) for camera in snapshot.cameras if camera.unwatched)
    return [
        *(about(finding, snapshot.taken_at) for finding in snapshot.findings),
        *(
            Remark(RemarkCode.SUBSTREAM_DOWN, Topic.CAMERA, name, {"camera": name, "why": why})
            for name, why in substreams
        ),
        *doubted,
        *killed,
        *receivers(snapshot),
    ]


def receivers(snapshot: Snapshot) -> list[Remark]:
    """Return what people should know about the receivers of events."""
    topic, paused = Topic.PROGRAM, (one for one in snapshot.receivers if one.state == ReceiverState.PAUSED)
    return [
        *(
            Remark(RemarkCode.RECEIVER_PAUSED, topic, "", {"receiver": one.name, "since": one.since, "why": one.error})
            for one in paused
        ),
        *(
            Remark(RemarkCode.EVENTS_LOST, topic, "", {"receiver": one.name, "lost": one.lost})
            for one in snapshot.receivers
            if one.lost
        ),
    ]


def about(finding: CameraFinding, now: datetime) -> Remark:
    """Return a finding as a remark."""
    values = {
        "camera": finding.camera,
        "since": finding.since,
        "lasting": max(0.0, (now - finding.since).total_seconds()),
        "before": finding.before,
        "now": finding.now,
    }
    if finding.code is FindingCode.NO_VEHICLE and finding.before < 1:
        values["before"] = max(1.0, finding.before * 24)
        return Remark(RemarkCode.NO_VEHICLE_FOR_DAYS, Topic.CAMERA, finding.camera, values)
    return Remark(finding.code, Topic.CAMERA, finding.camera, values)


def _console(console: ConsoleHealth) -> Iterator[Remark]:
    if console.why:
        yield Remark(RemarkCode.NO_CONSOLE, Topic.PROGRAM, "", {"why": console.why})


def _barrier(barrier: BarrierState, now: datetime) -> Iterator[Remark]:
    if barrier.fault:
        code = RemarkCode.BARRIER_NOT_RELEASED if barrier.unreleased else RemarkCode.BARRIER_FAULT
        values = {"barrier": barrier.name, "since": barrier.fault_since or now, "why": barrier.fault}
        yield Remark(code, Topic.BARRIER, "", values)


def _storage(snapshot: Snapshot) -> Iterator[Remark]:
    database, disk = snapshot.database, snapshot.disk
    if database.failed_since is not None:
        values = {"since": database.failed_since, "why": database.why}
        yield Remark(RemarkCode.DATABASE_FAILED, Topic.STORAGE, "", values)
    if disk.free < disk.floor:
        yield Remark(RemarkCode.DISK_FULL, Topic.DISK, "", {"free": disk.free, "floor": disk.floor})


def _camera(camera: CameraHealth, now: datetime) -> Iterator[Remark]:
    values = {"camera": camera.name, "since": camera.since, "why": camera.last_error}
    away = (now - camera.since).total_seconds()
    if camera.state == "frozen":
        yield Remark(RemarkCode.CAMERA_FROZEN, Topic.CAMERA, camera.name, values)
    elif camera.state == "failed":
        yield Remark(RemarkCode.CAMERA_FAILED, Topic.CAMERA, camera.name, values)
    elif camera.state in ("reconnecting", "connecting") and away > AWAY_FOR:
        code = RemarkCode.CAMERA_AWAY if camera.last_error else RemarkCode.CAMERA_SENT_NOTHING
        yield Remark(code, Topic.CAMERA, camera.name, values)


def _calls(snapshot: Snapshot) -> Iterator[Remark]:
    for breaker in snapshot.breakers:
        code = RemarkCode.HELD_BACK if breaker.until is None else RemarkCode.HELD_BACK_UNTIL
        yield Remark(code, Topic.CALLS, "", {"breaker": breaker, "until": breaker.until, "why": breaker.why})
    if snapshot.in_flight.overdue:
        yield Remark(RemarkCode.ANSWER_OVERDUE, Topic.CALLS, "", {"oldest": snapshot.in_flight.oldest_age})
    for use in snapshot.budget:
        if use.limit is not None and use.used >= use.limit:
            code = RemarkCode.CAMERA_BUDGET_USED_UP if use.camera else RemarkCode.BUDGET_USED_UP
            values = {"camera": use.camera, "window": use.window, "used": use.used, "limit": use.limit}
            yield Remark(code, Topic.CALLS, "", values)
    outbox = snapshot.outbox
    if outbox.items and outbox.oldest_age > WAITING_FOR:
        yield Remark(RemarkCode.WAITING_LONG, Topic.CALLS, "", {"items": outbox.items, "oldest": outbox.oldest_age})
