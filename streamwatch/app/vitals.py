"""How the daemon is at this moment, gathered from its parts."""

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from streamwatch import __version__
from streamwatch.app.watched import Camera
from streamwatch.core.clock import Clock
from streamwatch.core.sentences import in_words
from streamwatch.core.words import age, some
from streamwatch.health import (
    BreakerHealth,
    BudgetUse,
    CameraHealth,
    DatabaseHealth,
    DiskHealth,
    InFlightHealth,
    OutboxHealth,
    Snapshot,
)
from streamwatch.pipeline import Dispatcher, Tally
from streamwatch.system.pulse import Pulses


class Vitals:
    """Looks at everything and changes nothing. From any thread.

    database: replaced by the recorder when that can not write. evidence: bytes, as housekeeping last counted them, and
    what came since.
    """

    def __init__(
        self, cameras: Mapping[str, Camera], dispatcher: Dispatcher, tally: Tally, clock: Clock, pulses: Pulses
    ) -> None:
        self._cameras, self._dispatcher, self._tally = cameras, dispatcher, tally
        self._clock, self._pulses, self._began = clock, pulses, clock.monotonic()
        self.database = DatabaseHealth()
        self.evidence = 0

    def snapshot(self, data_dir: Path, floor: int) -> Snapshot:
        """Everything. floor: free bytes under which evidence gives way."""
        now = self._clock.monotonic()
        items, size, oldest = self._dispatcher.backlog()
        return Snapshot(
            taken_at=self._clock.now(),
            version=__version__,
            uptime=now - self._began,
            clock_trusted=self._clock.trusted,
            cameras=tuple(self._camera(camera) for camera in list(self._cameras.values())),
            outbox=OutboxHealth(items, size, oldest, self._tally.dropped),
            calls=dict(self._tally.calls),
            budget=tuple(BudgetUse(u.window, u.camera or "", u.used, u.limit) for u in self._dispatcher.usage()),
            breakers=tuple(self._breakers(now)),
            disk=DiskHealth(_free(data_dir), floor, self.evidence),
            database=self.database,
            stalled=tuple(self._pulses.stalled()),
            in_flight=InFlightHealth(*self._dispatcher.in_flight()),
        )

    def sentence(self) -> str:
        """One line for the service manager."""
        states = [camera.status().state for camera in list(self._cameras.values())]
        online = sum(state == "online" for state in states)
        waiting, _, _ = self._dispatcher.backlog()
        held = ", ".join(in_words(breaker.name) for breaker in self._dispatcher.breakers())
        _, longest, overdue = self._dispatcher.in_flight()
        return f"{online} of {len(states)} cameras online, {some(waiting, 'picture')} waiting" + (
            f", held back: {held}" * bool(held) + f", an answer is overdue for {age(longest)}" * overdue
        )

    def _camera(self, camera: Camera) -> CameraHealth:
        status, counts = camera.status(), self._tally.passages
        age = None if status.last_frame_at is None else (self._clock.now() - status.last_frame_at).total_seconds()
        return CameraHealth(
            name=status.name,
            state=status.state.value,
            since=status.since,
            fps=status.fps,
            frames=status.frames,
            dropped=status.dropped,
            attempts=status.attempts,
            last_frame_age=age,
            last_error=status.last_error,
            unwatched=status.unwatched,
            passages=counts[status.name, "opened"],
            read=counts[status.name, "read"],
            unread=counts[status.name, "unread"],
            unsure=counts[status.name, "unsure"],
            failed=counts[status.name, "failed"],
            gate={why.value: n for why, n in self._tally.frames.get(status.name, {}).items()},
        )

    def _breakers(self, now: float) -> list[BreakerHealth]:
        wall = self._clock.now()
        return [
            BreakerHealth(
                breaker.name,
                wall - timedelta(seconds=now - breaker.since),
                wall + timedelta(seconds=max(0.0, breaker.until - now)),
                breaker.why,
                breaker.camera or "",
            )
            for breaker in self._dispatcher.breakers()
        ]


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
