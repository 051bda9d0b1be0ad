"""A site for tests: the barriers of a daemon with their writer, over a real database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import Database
from relays import Relay

from streamwatch.app.barriers import Barriers
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import BarrierState, OpeningOutcome
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import DecisionReason, OpeningCause, OpeningState, Verdict
from streamwatch.core.events import DecisionMade
from streamwatch.pipeline import ChannelClosed
from streamwatch.store import open_store
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn

FIRE = "fire brigade"


class Moving(SystemClock):
    """A clock whose wall time a test sets; it is trusted."""

    def __init__(self) -> None:
        super().__init__()
        self.wall: datetime | None = None

    def now(self) -> datetime:
        return super().now() if self.wall is None else self.wall

    @property
    def trusted(self) -> bool:
        return True


class Site:
    """Barriers with a writer and its thread, over a real database."""

    def __init__(self, database: Database, folder: Path, config: dict[str, Any]) -> None:
        self.database = database
        cameras = {"gate": {"source": "sample"}, "back": {"source": "sample"}}
        everything = {"database": database.url, "data_dir": folder / "data", "cameras": cameras, **config}
        self.settings = Settings.model_validate(everything)
        self.settings.data_dir.mkdir(exist_ok=True)
        self.store = open_store(database.url, self.settings.data_dir)
        self.clock, lifecycle = Moving(), Lifecycle(threading.Event())
        heartbeats = Heartbeats(self.clock.monotonic)
        self.persistence = Persistence(self.clock, lifecycle, heartbeats)
        self.writer = WriteQueue(self.store, self.clock, self.persistence, heartbeats)
        self.lifecycle = lifecycle
        self.barriers = Barriers(lambda: self.settings, self.writer, self.store, self.clock)
        self.recorder = spawn(self._record, "recorder")
        self.barriers.start(spawn)

    def _record(self) -> None:
        with suppress(ChannelClosed):
            self.writer.run()

    def end(self) -> None:
        self.barriers.stop()
        self.lifecycle.finish()
        self.writer.close()
        self.recorder.join(20)
        self.store.close()

    def by_hand(self, lane: str = "entry") -> OpeningOutcome:
        return self.barriers.request(lane, OpeningCause.BY_HAND, who="ann", note=FIRE)

    def open(self, lane: str = "entry") -> OpeningState:
        return self.by_hand(lane).state

    def allowed(self, lane: str = "entry", **more: Any) -> OpeningOutcome:
        """Ask as the gatekeeper does for a vehicle that may pass, and return the outcome."""
        decision = DecisionMade(
            key="d",
            lane=lane,
            camera="gate",
            verdict=Verdict.ALLOW,
            reason=DecisionReason.PERMITTED,
            plate="京AF0236",
            sighting="s",
            passage="p",
            keyframe="k",
            captured_at=datetime.now(UTC),
            read_at=self.clock.monotonic(),
            live=True,
        )
        decision = replace(decision, **more)
        return self.barriers.request(lane, OpeningCause.AUTOMATIC, decision)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return cause, state and reason of all openings, in order, once the writer has done what is queued."""
        self.writer.ask(lambda: None)
        return [tuple(row) for row in self.database.rows("SELECT cause, state, reason FROM openings ORDER BY id")]

    def state(self, name: str = "front") -> BarrierState:
        return next(state for state in self.barriers.states() if state.name == name)


def lane(**more: Any) -> dict[str, Any]:
    return {"cameras": ["gate"], "barrier": "front", "mode": "automatic", **more}


@contextmanager
def site(database: Database, folder: Path, barrier: dict[str, Any], **config: Any) -> Iterator[Site]:
    lanes = config.pop("lanes", {"entry": lane()})
    one = Site(database, folder, {"barriers": {"front": barrier}, "lanes": lanes, **config})
    try:
        yield one
    finally:
        one.end()


def relayed(relay: Relay, **more: Any) -> dict[str, Any]:
    return {"driver": "http", "url": f"{relay.url}/open", "pulse": "100ms", **more}
