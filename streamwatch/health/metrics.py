"""A snapshot in Prometheus' text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from streamwatch.core.codes import CameraState, Position, ReceiverState
from streamwatch.health.judgement import health
from streamwatch.health.snapshot import CameraHealth, ReceiverHealth, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Kind = Literal["counter", "gauge"]
_Labels = dict[str, str]
_Sample = tuple[_Labels, float]
_Family = tuple[str, _Kind, str, Iterable[_Sample]]


def render_metrics(snapshot: Snapshot) -> str:
    """Return all families that have a sample, each with HELP and TYPE."""
    parts = (
        *(_process(snapshot), _cameras(snapshot.cameras), _findings(snapshot), _calls(snapshot), _storage(snapshot)),
        _receivers(snapshot.receivers),
        _barriers(snapshot),
    )
    families = (family for part in parts for family in part)
    return "".join(line for family in families for line in _lines(*family))


def _process(snapshot: Snapshot) -> Iterator[_Family]:
    yield "info", "gauge", "Always 1. The label names the version that runs.", [({"version": snapshot.version}, 1)]
    yield "healthy", "gauge", "1 while /healthz answers 200.", _one(health(snapshot)[0])
    yield "uptime_seconds", "gauge", "Time since the daemon started.", _one(snapshot.uptime)
    yield "clock_trusted", "gauge", "1 while the wall clock is trusted.", _one(snapshot.clock_trusted)
    stalled = [({"thread": name}, 1.0) for name in snapshot.stalled]
    yield "thread_stalled", "gauge", "1 for each thread that makes no progress.", stalled


def _cameras(cameras: tuple[CameraHealth, ...]) -> Iterator[_Family]:
    def each(field: str) -> list[_Sample]:
        values = ((camera.name, getattr(camera, field)) for camera in cameras)
        return [({"camera": name}, value) for name, value in values if value is not None]

    states = [
        ({"camera": c.name, "state": state.value}, float(c.state == state)) for c in cameras for state in CameraState
    ]
    since = [({"camera": c.name}, c.since.timestamp()) for c in cameras]
    outcomes = [
        ({"camera": c.name, "outcome": outcome}, float(getattr(c, outcome)))
        for c in cameras
        for outcome in ("read", "unread", "unsure", "failed")
    ]
    yield "camera_state", "gauge", "1 for the present state of the camera, 0 for the other states.", states
    yield "camera_state_since_timestamp_seconds", "gauge", "When the present state of the camera began.", since
    yield "camera_frames_per_second", "gauge", "Frames that the camera sends in a second.", each("fps")
    yield "camera_frames_total", "counter", "Frames that the gate has looked at.", each("frames")
    yield (
        "camera_dropped_frames_total",
        "counter",
        "Frames that a newer one replaced before the gate looked at them.",
        each("dropped"),
    )
    yield "camera_attempts", "gauge", "Attempts to open the camera since it was last online.", each("attempts")
    yield (
        "camera_last_frame_age_seconds",
        "gauge",
        "Age of the newest frame that the gate has looked at.",
        each("last_frame_age"),
    )
    unwatched = [({"camera": c.name}, float(bool(c.unwatched))) for c in cameras]
    yield "camera_small_stream_down", "gauge", "1 while the substream cannot be watched.", unwatched
    frames = [({"camera": c.name, "reason": reason}, float(n)) for c in cameras for reason, n in c.gate.items()]
    yield (
        "gate_frames_total",
        "counter",
        "Frames that the gate has looked at, by the reason why a view was sent or not.",
        frames,
    )
    yield "passages_total", "counter", "Passages that have opened.", each("passages")
    yield "passages_closed_total", "counter", "Passages that have closed, by their outcome.", outcomes
    yield "read_ratio", "gauge", "Part of the closed passages whose plate was read, 0 to 1.", each("read_rate")


def _findings(snapshot: Snapshot) -> Iterator[_Family]:
    found = [({"camera": finding.camera, "finding": finding.code.value}, 1.0) for finding in snapshot.findings]
    yield "camera_finding", "gauge", "1 for each thing at a camera that is unlike the weeks before.", found


def _calls(snapshot: Snapshot) -> Iterator[_Family]:
    outbox, budget = snapshot.outbox, snapshot.budget
    yield "outbox_items", "gauge", "Pictures that wait for the engine.", _one(outbox.items)
    yield "outbox_bytes", "gauge", "Size of the pictures that wait.", _one(outbox.bytes)
    yield "outbox_oldest_age_seconds", "gauge", "Time for which the oldest picture has waited.", _one(outbox.oldest_age)
    yield "outbox_dropped_total", "counter", "Pictures that were given up without being read.", _one(outbox.dropped)
    calls = [({"outcome": outcome}, float(count)) for outcome, count in snapshot.calls.items()]
    yield "calls_total", "counter", "Calls of the paid service that ended, by outcome.", calls
    in_flight = snapshot.in_flight
    yield (
        "calls_in_flight",
        "gauge",
        "Calls of the paid service that have begun and have not ended.",
        _one(in_flight.calls),
    )
    yield (
        "calls_in_flight_oldest_age_seconds",
        "gauge",
        "Time for which the oldest of these calls has run.",
        _one(in_flight.oldest_age),
    )
    used = [({"window": use.window, "camera": use.camera}, float(use.used)) for use in budget]
    limit = [({"window": u.window, "camera": u.camera}, float(u.limit)) for u in budget if u.limit is not None]
    yield "budget_used_calls", "gauge", "Calls in the current window. Without a camera: of the whole account.", used
    yield "budget_limit_calls", "gauge", "Calls that the budget allows in the window.", limit
    breakers = [({"breaker": breaker.name, "camera": breaker.camera}, breaker) for breaker in snapshot.breakers]
    since = [(labels, breaker.since.timestamp()) for labels, breaker in breakers]
    until = [(labels, breaker.until.timestamp()) for labels, breaker in breakers if breaker.until is not None]
    yield "breakers_open", "gauge", "Number of breakers that hold calls back.", _one(len(snapshot.breakers))
    yield "breaker_open_since_timestamp_seconds", "gauge", "When the breaker began to hold calls back.", since
    yield "breaker_open_until_timestamp_seconds", "gauge", "When the breaker lets the next call through.", until


def _storage(snapshot: Snapshot) -> Iterator[_Family]:
    disk, database = snapshot.disk, snapshot.database
    yield "disk_free_bytes", "gauge", "Free space of the disk that holds the data.", _one(disk.free)
    yield "disk_floor_bytes", "gauge", "Space that must stay free.", _one(disk.floor)
    yield "evidence_bytes", "gauge", "Size of the pictures that are kept as evidence.", _one(disk.evidence)
    yield "database_up", "gauge", "1 while the database can be written.", _one(database.ok)
    failed = [] if database.failed_since is None else _one(database.failed_since.timestamp())
    yield "database_failed_since_timestamp_seconds", "gauge", "When writing the database began to fail.", failed


def _barriers(snapshot: Snapshot) -> Iterator[_Family]:
    barriers = snapshot.barriers
    faults = [({"barrier": barrier.name}, float(bool(barrier.fault))) for barrier in barriers]
    yield "barrier_fault", "gauge", "1 while something is wrong with the barrier or its sensor.", faults
    unreleased = [({"barrier": barrier.name}, float(barrier.unreleased)) for barrier in barriers]
    yield "barrier_unreleased", "gauge", "1 while its relay could not be released.", unreleased
    positions = [
        ({"barrier": barrier.name, "position": position.value}, float(barrier.position is position))
        for barrier in barriers
        if barrier.sensed
        for position in Position
    ]
    yield "barrier_position", "gauge", "1 for what its sensor says; all 0: not reported.", positions
    held = [({"barrier": barrier.name}, float(barrier.held_until is not None)) for barrier in barriers]
    yield "barrier_held_open", "gauge", "1 while it is held open by schedule.", held
    openings = [
        ({"barrier": barrier.name, "state": state}, float(count))
        for barrier in barriers
        for state, count in barrier.openings.items()
    ]
    yield "openings_total", "counter", "Openings that were asked for, by what became of them.", openings
    if barriers:
        yield "kill_switch", "gauge", "1 while the kill switch is on, so that nothing opens.", _one(snapshot.killed)


def _receivers(receivers: tuple[ReceiverHealth, ...]) -> Iterator[_Family]:
    def each(field: str) -> list[_Sample]:
        return [({"receiver": one.name}, float(getattr(one, field))) for one in receivers]

    states = [
        ({"receiver": one.name, "state": state.value}, float(one.state == state))
        for one in receivers
        for state in ReceiverState
    ]
    yield "receiver_state", "gauge", "1 for the present state of the receiver of events, 0 for the others.", states
    yield "receiver_waiting_events", "gauge", "Events that are still to be looked at for the receiver.", each("waiting")
    yield "receiver_dead_letters", "gauge", "Events that the receiver refused for good.", each("dead")
    yield (
        "receiver_lost_events_total",
        "counter",
        "Events that were deleted before the receiver had them.",
        each("lost"),
    )


def _one(value: float) -> list[_Sample]:
    return [({}, value)]


def _lines(name: str, kind: _Kind, said: str, samples: Iterable[_Sample]) -> Iterator[str]:
    for number, (labels, value) in enumerate(samples):
        if number == 0:
            yield f"# HELP streamwatch_{name} {said}\n# TYPE streamwatch_{name} {kind}\n"
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"streamwatch_{name}{{{told}}} {_number(value)}\n" if told else f"streamwatch_{name} {_number(value)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))
