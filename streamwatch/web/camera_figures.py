"""The figures of one camera for its page: read rates by day and hour, and the widths of its plates."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from streamwatch.store import PassageCounts, PlateSizes
from streamwatch.store.statistics import Statistics

DAYS = 14
"""Days of the charts, today included."""
WIDTH_DAYS = 3
"""Days of which the median width is told, today included."""


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """Passages by day (the oldest first) and by hour of the day (0 to 23), and the sizes of plates by day."""

    by_day: dict[date, PassageCounts]
    by_hour: dict[int, PassageCounts]
    sizes: Sequence[PlateSizes]

    @property
    def today(self) -> PassageCounts:
        """Return the passages of today."""
        return self.by_day[max(self.by_day)]

    @property
    def all(self) -> PassageCounts:
        """Return the passages of all days."""
        return sum(self.by_day.values(), PassageCounts())


def figures_of(statistics: Statistics, camera: str, now: datetime) -> CameraFigures:
    """Return the figures of the last DAYS days of local time. Raise StoreError."""
    since = _midnight(now, DAYS - 1)
    days = [since.date() + timedelta(days=n) for n in range(DAYS)]
    by_day = dict.fromkeys(days, PassageCounts())
    by_hour: dict[int, PassageCounts] = defaultdict(PassageCounts)
    for row in statistics.passages_by_hour(since, now + timedelta(hours=1), camera):
        local = row.hour.astimezone()
        by_day[local.date()] = by_day.get(local.date(), PassageCounts()) + row.counts
        by_hour[local.hour] += row.counts
    return CameraFigures(by_day, {h: by_hour[h] for h in range(24)}, statistics.plate_sizes(since, now, camera))


def today_of(statistics: Statistics, now: datetime) -> dict[str, PassageCounts]:
    """Return the passages of today by camera. Raise StoreError."""
    counts: dict[str, PassageCounts] = defaultdict(PassageCounts)
    for row in statistics.passages_by_hour(_midnight(now, 0), now + timedelta(hours=1)):
        counts[row.camera] += row.counts
    return dict(counts)


def latest_sizes(statistics: Statistics, camera: str, now: datetime) -> Sequence[PlateSizes]:
    """Return the sizes of plates of the last WIDTH_DAYS days. Raise StoreError."""
    return statistics.plate_sizes(_midnight(now, WIDTH_DAYS - 1), now, camera)


def median_width(sizes: Sequence[PlateSizes], days: int = WIDTH_DAYS) -> float | None:
    """Return about the median width of the plates of the last days that have any, in pixels; None without a plate."""
    latest = sorted(sizes, key=lambda one: one.day)[-days:]
    ordered = sorted(latest, key=lambda one: one.width)
    half, passed = sum(one.readings for one in ordered) / 2, 0
    for one in ordered:
        passed += one.readings
        if passed >= half:
            return one.width
    return None


def _midnight(now: datetime, days_ago: int) -> datetime:
    """Return when a day of local time began."""
    day = now.astimezone().date() - timedelta(days=days_ago)
    return datetime.combine(day, time()).astimezone()
