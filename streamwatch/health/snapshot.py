"""The figures of one moment: plain data, which becomes JSON and comes back from JSON unchanged.

Texts that may come from outside lose their credentials when a snapshot is made, so that no output can show them.
Counters count since the daemon started, ages and durations are seconds, times are aware UTC.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from streamwatch.core.barrier_state import BarrierState
from streamwatch.core.codes import FindingCode, Position
from streamwatch.core.redact import hide_credentials
from streamwatch.core.sentences import in_words


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """One camera.

    state: online, frozen, reconnecting, connecting, ended or failed; since: when it began. fps: pictures received per
    second. frames: looked at by the gate. dropped: replaced by a newer one before that. attempts: openings since it was
    last online. last_frame_age: None before the first frame. unwatched: why its substream cannot be watched, else
    empty. passages: all that were opened; read, unread, unsure, failed: the closed ones with this outcome. gate: frames
    looked at, by the code of the reason why they were sent or not. outages: how often it was lost or frozen.
    """

    name: str
    state: str
    since: datetime
    fps: float
    frames: int
    dropped: int
    attempts: int
    last_frame_age: float | None
    last_error: str
    passages: int = 0
    read: int = 0
    unread: int = 0
    unsure: int = 0
    failed: int = 0
    gate: Mapping[str, int] = field(default_factory=dict)
    unwatched: str = ""
    outages: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "last_error", hide_credentials(self.last_error))
        object.__setattr__(self, "unwatched", hide_credentials(self.unwatched))

    @property
    def read_rate(self) -> float | None:
        """Return the part of the closed passages whose plate was read, 0 to 1; None before the first one."""
        closed = self.read + self.unread + self.unsure + self.failed
        return self.read / closed if closed else None


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """Keyframes that wait for the engine. oldest_age: 0 if none waits. dropped: given up unread."""

    items: int
    bytes: int
    oldest_age: float
    dropped: int


@dataclass(frozen=True, slots=True)
class InFlightHealth:
    """Paid calls in flight. oldest_age: seconds since the oldest began; 0 if there is none.

    overdue: True if its answer should have come long ago.
    """

    calls: int = 0
    oldest_age: float = 0.0
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """Calls of one window. window: hour, day or month. camera: "" for the account. limit: None for no limit."""

    window: str
    camera: str
    used: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class BreakerHealth:
    """A breaker that holds calls back now.

    name: the outcome that opened it, or "runaway". camera: "" for all. until: time of the next try, None if only a
    person can help. why: a sentence for people.
    """

    name: str
    since: datetime
    until: datetime | None
    why: str
    camera: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "why", hide_credentials(self.why))

    @property
    def label(self) -> str:
        """Return the name that people read."""
        return f"{in_words(self.name)} {self.camera}".rstrip()


@dataclass(frozen=True, slots=True)
class DiskHealth:
    """Bytes. free: of the file system of `data_dir`. floor: below it nothing is kept. evidence: of the pictures."""

    free: int
    floor: int
    evidence: int


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """The state of the database. failed_since: None while it can be written. why: the error otherwise."""

    failed_since: datetime | None = None
    why: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "why", hide_credentials(self.why))

    @property
    def ok(self) -> bool:
        """Return True if it can be written."""
        return self.failed_since is None


@dataclass(frozen=True, slots=True)
class CameraFinding:
    """Something at a camera that is unlike the weeks before: a notice for people, which makes nothing unhealthy.

    since: when it began, as far as that can be told. before, now: vehicles in an hour, read rates (0 to 1) or widths in
    pixels, as the code says; for `plates_moved`, `now` is the distance in pixels.
    """

    code: FindingCode
    camera: str
    since: datetime
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class ConsoleHealth:
    """The console. address: where it is served; empty if it is not. why: the error, if it should be."""

    address: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class ReceiverHealth:
    """A receiver of events.

    state: ok, failing or paused; since: when it began to fail. error: the last failure. waiting: events that are still
    to be looked at for it. dead: events that it refused for good. lost: events that were deleted before it had them.
    """

    name: str
    state: str
    since: datetime | None
    error: str
    waiting: int
    dead: int
    lost: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", hide_credentials(self.error))


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """How a reload of config.yaml ended.

    at: when. restarted, added, removed: names of cameras. in_effect: keys whose new values count now. needs_restart:
    keys whose new values count from the next start of the daemon on. problems: sentences; if there is one, nothing was
    changed.
    """

    at: datetime
    restarted: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    in_effect: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "problems", tuple(hide_credentials(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All figures of one moment.

    calls: the number of ended calls by outcome. stalled: names of threads that make no progress. pid: of the daemon.
    killed: True if the kill switch is on, so that no barrier opens.
    reload: the last one; None before the first.
    """

    taken_at: datetime
    version: str
    uptime: float
    clock_trusted: bool
    cameras: tuple[CameraHealth, ...]
    outbox: OutboxHealth
    calls: Mapping[str, int]
    budget: tuple[BudgetUse, ...]
    breakers: tuple[BreakerHealth, ...]
    disk: DiskHealth
    database: DatabaseHealth
    stalled: tuple[str, ...] = ()
    in_flight: InFlightHealth = InFlightHealth()
    findings: tuple[CameraFinding, ...] = ()
    console: ConsoleHealth = ConsoleHealth()
    pid: int = 0
    reload: ReloadReport | None = None
    barriers: tuple[BarrierState, ...] = ()
    killed: bool = False
    receivers: tuple[ReceiverHealth, ...] = ()

    def __post_init__(self) -> None:
        # A copy, because the counter goes on counting, and `asdict` does not understand a Counter.
        object.__setattr__(self, "calls", dict(self.calls))


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return the snapshot in the types of JSON; times are ISO 8601 with offset. Cameras have their `read_rate`, too."""
    plain: dict[str, Any] = _plain(asdict(snapshot))
    for camera, told in zip(snapshot.cameras, plain["cameras"], strict=True):
        told["read_rate"] = camera.read_rate
    return plain


def from_json(told: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot of what `as_json` returned.

    Raise KeyError, TypeError, ValueError or AttributeError for anything else.
    """
    return Snapshot(
        **{
            **told,
            "taken_at": datetime.fromisoformat(told["taken_at"]),
            "cameras": tuple(_camera(camera) for camera in told["cameras"]),
            "outbox": OutboxHealth(**told["outbox"]),
            "calls": dict(told["calls"]),
            "budget": tuple(BudgetUse(**use) for use in told["budget"]),
            "breakers": tuple(
                BreakerHealth(**{**breaker, "since": _time(breaker["since"]), "until": _time(breaker["until"])})
                for breaker in told["breakers"]
            ),
            "disk": DiskHealth(**told["disk"]),
            "database": DatabaseHealth(_time(told["database"]["failed_since"]), told["database"]["why"]),
            "stalled": tuple(told["stalled"]),
            "in_flight": InFlightHealth(**told["in_flight"]),
            "findings": tuple(_finding(finding) for finding in told.get("findings", ())),
            "console": ConsoleHealth(**told["console"]),
            "reload": _reload(told["reload"]),
            "barriers": tuple(_barrier(barrier) for barrier in told.get("barriers", ())),
            "receivers": tuple(
                ReceiverHealth(**{**one, "since": _time(one["since"])}) for one in told.get("receivers", ())
            ),
        }
    )


def _reload(told: Mapping[str, Any] | None) -> ReloadReport | None:
    if told is None:
        return None
    lists = {name: tuple(value) for name, value in told.items() if name != "at"}
    return ReloadReport(datetime.fromisoformat(told["at"]), **lists)


def _camera(told: Mapping[str, Any]) -> CameraHealth:
    fields = {name: value for name, value in told.items() if name != "read_rate"}
    return CameraHealth(**{**fields, "since": datetime.fromisoformat(told["since"])})


def _finding(told: Mapping[str, Any]) -> CameraFinding:
    return CameraFinding(**{**told, "code": FindingCode(told["code"]), "since": datetime.fromisoformat(told["since"])})


def _barrier(told: Mapping[str, Any]) -> BarrierState:
    return BarrierState(
        **{
            **told,
            "lanes": tuple(told["lanes"]),
            "position": None if told["position"] is None else Position(told["position"]),
            "fault_since": _time(told["fault_since"]),
            "held_until": _time(told["held_until"]),
        }
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
