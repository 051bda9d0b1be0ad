"""Two snapshots for the tests of health: one where all is well, one where everything is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from streamwatch.core.codes import FindingCode
from streamwatch.health import (
    BreakerHealth,
    BudgetUse,
    CameraFinding,
    CameraHealth,
    DatabaseHealth,
    DiskHealth,
    InFlightHealth,
    OutboxHealth,
    ReloadReport,
    Snapshot,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECRET = "hunter2"


def camera(name: str = "gate", state: str = "online", since: float = 90, **more: object) -> CameraHealth:
    """since: seconds ago."""
    plain = CameraHealth(name, state, NOW - timedelta(seconds=since), 24.97, 1000, 20, 0, 0.04, "", 12, 8, 1, 1, 0)
    return replace(plain, **more)  # type: ignore[arg-type]


WELL = Snapshot(
    taken_at=NOW,
    version="1.2.3",
    uptime=7265.5,
    clock_trusted=True,
    cameras=(camera(), camera("后门", fps=0.0, last_frame_age=None, read=0, unread=0, unsure=0)),
    outbox=OutboxHealth(0, 0, 0.0, 0),
    calls={"read": 8, "no_plate": 2},
    budget=(BudgetUse("day", "", 10, 200), BudgetUse("month", "gate", 10, None)),
    breakers=(),
    disk=DiskHealth(5_000_000_000, 1_000_000_000, 12_345_678),
    database=DatabaseHealth(),
)
ILL = replace(
    WELL,
    clock_trusted=False,
    cameras=(
        camera("a", "frozen", 600, unwatched=f"rtsp://admin:{SECRET}@cam/small refuses the connection."),
        camera("b", "reconnecting", 61, last_error=f"rtsp://admin:{SECRET}@cam/ gave no answer."),
        camera("c", "failed", last_error="There is no file c.mp4."),
    ),
    outbox=OutboxHealth(7, 700_000, 7200.0, 3),
    budget=(BudgetUse("day", "", 200, 200), BudgetUse("hour", "a", 5, 5)),
    breakers=(BreakerHealth("quota", NOW, NOW + timedelta(hours=1), f"http://x/?key={SECRET} says: buy more calls."),),
    disk=DiskHealth(5_000_000, 1_000_000_000, 12_345_678),
    database=DatabaseHealth(NOW, f"postgresql://u:{SECRET}@db/x is locked."),
    stalled=("reader 1",),
    findings=(
        CameraFinding(FindingCode.NO_VEHICLE, "entry", NOW - timedelta(hours=3), 40.0, 0.0),
        CameraFinding(FindingCode.READ_RATE_FELL, "entry", NOW - timedelta(days=4, hours=13), 0.96, 0.71),
        CameraFinding(FindingCode.PLATES_SHRUNK, "exit", NOW - timedelta(days=17), 140.2, 90.4),
    ),
    in_flight=InFlightHealth(2, 12.4, overdue=True),
    pid=4711,
    reload=ReloadReport(NOW - timedelta(seconds=90), problems=(f"rtsp://admin:{SECRET}@cam/ is wrong.",)),
)
