"""The state of the daemon at this moment, gathered from its parts."""

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Lock

from streamwatch import __version__
from streamwatch.app.barriers import Barriers
from streamwatch.app.console_server import ConsoleServer
from streamwatch.app.gate_history import FindingRounds
from streamwatch.app.persistence import Persistence
from streamwatch.app.substream_camera import Camera
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.sentences import in_words
from streamwatch.core.text import age, some
from streamwatch.health import (
    STATUS_FILE,
    BreakerHealth,
    BudgetUse,
    CameraFinding,
    CameraHealth,
    ConsoleHealth,
    DiskHealth,
    InFlightHealth,
    OutboxHealth,
    ReceiverHealth,
    ReloadReport,
    Snapshot,
    write_status,
)
from streamwatch.pipeline import Pipeline
from streamwatch.system.heartbeat import Heartbeats


class HealthMonitor:
    """Gathers the state of all parts; any thread may ask.

    console: the server of the console, once it is there. barriers: those of the daemon. reload: how the last reload of
    the settings ended.
    receivers: how the receivers of events were when somebody last looked.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        cameras: Mapping[str, Camera],
        pipeline: Pipeline,
        persistence: Persistence,
        heartbeats: Heartbeats,
        clock: Clock,
        rounds: FindingRounds,
    ) -> None:
        self._settings, self._cameras, self._persistence = settings, cameras, persistence
        self._dispatcher, self._counters = pipeline.dispatcher, pipeline.recorder.counters
        self._heartbeats, self._clock, self._began = heartbeats, clock, clock.monotonic()
        self._rounds = rounds
        self._findings: tuple[CameraFinding, ...] = ()
        self._writing = Lock()
        self.console: ConsoleServer | None = None
        self.barriers: Barriers | None = None
        self.reload: ReloadReport | None = None
        self.receivers: tuple[ReceiverHealth, ...] = ()

    def snapshot(self) -> Snapshot:
        """Return how everything is now."""
        now = self._clock.monotonic()
        settings = self._settings()
        items, size, oldest = self._dispatcher.backlog()
        return Snapshot(
            taken_at=self._clock.now(),
            version=__version__,
            uptime=now - self._began,
            clock_trusted=self._clock.trusted,
            cameras=tuple(self._camera(camera) for camera in list(self._cameras.values())),
            outbox=OutboxHealth(items, size, oldest, self._counters.dropped),
            calls=dict(self._counters.calls),
            budget=tuple(BudgetUse(u.window, u.camera or "", u.used, u.limit) for u in self._dispatcher.usage()),
            breakers=tuple(self._breakers(now)),
            disk=DiskHealth(_free(settings.data_dir), settings.retention.min_free, self._counters.evidence),
            database=self._persistence.health,
            stalled=tuple(self._heartbeats.stalled()),
            in_flight=InFlightHealth(*self._dispatcher.in_flight()),
            findings=self._findings,
            pid=os.getpid(),
            reload=self.reload,
            barriers=() if self.barriers is None else tuple(self.barriers.states()),
            killed=self.barriers is not None and self.barriers.killed,
            receivers=self.receivers,
            console=ConsoleHealth() if self.console is None else self.console.health,
        )

    def write_status(self, snapshot: Snapshot) -> None:
        """Write the status file. Any thread may do that. Raise StorageFailed."""
        with self._writing:
            write_status(self._settings().data_dir / STATUS_FILE, snapshot)

    def set_evidence(self, size: int) -> None:
        """Set the bytes of all pictures, as they were just counted; the recorder adds those that come."""
        self._counters.evidence = size

    def compare_with_past(self, snapshot: Snapshot) -> None:
        """Look from time to time for what is unlike the weeks before, for later snapshots. For one thread."""
        found = self._rounds.look(snapshot)
        if found is not None:
            self._findings = found

    def close(self) -> None:
        """Close the database in which the past is read."""
        self._rounds.close()

    def sentence(self) -> str:
        """Return one line for the service manager."""
        states = [camera.status().state for camera in list(self._cameras.values())]
        online = sum(state == "online" for state in states)
        waiting, _, _ = self._dispatcher.backlog()
        held = ", ".join(in_words(breaker.name) for breaker in self._dispatcher.breakers())
        _, longest, overdue = self._dispatcher.in_flight()
        return f"{online} of {len(states)} cameras online, {some(waiting, 'picture')} waiting" + (
            f", held back: {held}" * bool(held) + f", an answer is overdue for {age(longest)}" * overdue
        )

    def _camera(self, camera: Camera) -> CameraHealth:
        status, counts = camera.status(), self._counters.passages
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
            outages=status.outages,
            last_error=status.last_error,
            unwatched=status.unwatched,
            passages=counts[status.name, "opened"],
            read=counts[status.name, "read"],
            unread=counts[status.name, "unread"],
            unsure=counts[status.name, "unsure"],
            failed=counts[status.name, "failed"],
            gate={why.value: n for why, n in self._counters.frames.get(status.name, {}).items()},
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
