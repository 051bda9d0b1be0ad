"""Keeps the past of all cameras in memory, for findings that compare a camera with its own weeks before."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from streamwatch.core.clock import Span, window
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import StoreError
from streamwatch.health import CameraFinding, CameraHealth, Snapshot
from streamwatch.health.baselines import HISTORY, CameraHistory, CameraWatch, DaySizes, HourCount, findings
from streamwatch.store import DatabaseReader, PlateSizes, Statistics

log = logging.getLogger(__name__)

FIRST, AGAIN = 60.0, 300.0
"""The wait, in seconds, from the start of the daemon to the first findings, and the interval of later ones."""
STEP = timedelta(days=2)
"""The time that is read at once at the start, so that the caller does not wait long."""
LATE = timedelta(days=1)
"""The time that is read again each time, because passages close and answers come late."""
SIZES_EVERY = timedelta(hours=1)


@dataclass
class _Past:
    hours: dict[datetime, HourCount] = field(default_factory=dict)
    sizes: dict[date, DaySizes] = field(default_factory=dict)


class GateHistory:
    """The past of all cameras, for one thread: `advance` until it says True, then `findings`.

    What was read stays in memory, so that a later round reads only the last day.
    """

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._pasts: dict[str, _Past] = {}
        self._read_until: datetime | None = None
        self._sizes_read: dict[str, datetime] = {}

    def advance(self, cameras: Iterable[str], now: datetime) -> bool:
        """Read some of what is still unknown. Return True if all is known that was written until now.

        now: aware. Raise StoreError.
        """
        earliest = window(Span.DAY, now - HISTORY).begin
        known = self._read_until
        begin = earliest if known is None or not earliest <= known <= now else max(earliest, known - LATE)
        end = min(now, max(begin, known or begin) + STEP)
        self._read_hours(window(Span.HOUR, begin).begin, end, earliest)
        for camera in cameras:
            self._read_sizes(camera, window(Span.DAY, begin).begin, end, at_last=end == now)
        self._read_until = end
        return end == now

    def findings(self, snapshot: Snapshot) -> list[CameraFinding]:
        """Return what is unlike the weeks before, at the cameras of a snapshot. Raise StoreError.

        A camera that is not online now, and the time before it was, say nothing about vehicles. A clock without a time
        server will do: a box that has none should hear of a silence, too.
        """
        now = snapshot.taken_at
        names = [camera.name for camera in snapshot.cameras]
        histories = {name: _history(past) for name, past in self._pasts.items() if name in names}
        last = self._statistics.last_passages(names)
        started = now - timedelta(seconds=snapshot.uptime)
        watches = {
            camera.name: CameraWatch(last.get(camera.name), max(started, camera.since) if _watched(camera) else None)
            for camera in snapshot.cameras
        }
        return findings(histories, watches, now)

    def past_findings(self, now: datetime) -> list[CameraFinding]:
        """Return what can be said without a daemon: nothing about silence, because nobody knows if it was watched."""
        return findings({name: _history(past) for name, past in self._pasts.items()}, {}, now)

    def _read_hours(self, begin: datetime, end: datetime, earliest: datetime) -> None:
        for past in self._pasts.values():
            past.hours = {hour: count for hour, count in past.hours.items() if earliest <= hour < begin}
        for row in self._statistics.passages_by_hour(begin, end):
            past = self._pasts.setdefault(row.camera, _Past())
            counts = row.counts
            past.hours[row.hour] = HourCount(row.hour, counts.opened, counts.answered, counts.read)

    def _read_sizes(self, camera: str, begin: datetime, end: datetime, at_last: bool) -> None:
        """at_last: it is the present day, which is read again only now and then."""
        read = self._sizes_read.get(camera)
        if camera not in self._pasts or (at_last and read is not None and end - read < SIZES_EVERY):
            return
        past = self._pasts[camera]
        earliest = (end - HISTORY).astimezone().date()
        past.sizes = {day: sizes for day, sizes in past.sizes.items() if day >= earliest}
        past.sizes |= {row.day: _sizes(row) for row in self._statistics.plate_sizes(begin, end, camera)}
        if at_last:
            self._sizes_read[camera] = end


class FindingRounds:
    """Looks for findings every few minutes, for one thread.

    At the start it reads the history in steps of `STEP`, one each round.
    """

    def __init__(self, open_reader: Callable[[], DatabaseReader], monotonic: Callable[[], float]) -> None:
        """open_reader: called at the first round. monotonic: seconds."""
        self._open, self._monotonic = open_reader, monotonic
        self._reader: DatabaseReader | None = None
        self._history: GateHistory | None = None
        self._next = monotonic() + FIRST

    def look(self, snapshot: Snapshot) -> tuple[CameraFinding, ...] | None:
        """Return the findings if it is time for them and the database can be read; None otherwise."""
        if self._monotonic() < self._next or not snapshot.database.ok:
            return None
        try:
            if self._history is None:
                self._reader = self._open()
                self._history = GateHistory(self._reader.statistics)
            if not self._history.advance([camera.name for camera in snapshot.cameras], snapshot.taken_at):
                return None
            found = tuple(self._history.findings(snapshot))
        except StoreError as error:
            log.debug("no findings now: %s", error)
            found = None
        self._next = self._monotonic() + AGAIN
        return found

    def close(self) -> None:
        """Close the database."""
        if self._reader is not None:
            self._reader.close()


def _watched(camera: CameraHealth) -> bool:
    return camera.state == CameraState.ONLINE


def _history(past: _Past) -> CameraHistory:
    hours: Sequence[HourCount] = [past.hours[hour] for hour in sorted(past.hours)]
    return CameraHistory(hours, [past.sizes[day] for day in sorted(past.sizes)])


def _sizes(row: PlateSizes) -> DaySizes:
    return DaySizes(row.day, row.readings, row.width, row.x, row.y, row.night_readings, row.night_width)
