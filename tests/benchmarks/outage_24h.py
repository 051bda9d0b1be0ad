"""The service refuses connections for 24 hours and then comes back. The clock is moved by hand, no more.

    python tests/benchmarks/outage_24h.py [--every 40] [--latency 0.05] [--max-items 5000]

A vehicle passes every 40 s, every third one leaves a second view. Prints what waited, its bytes, how often the service
was tried meanwhile, and how the outbox drained: time, order, calls per picture. Vehicles that come while it drains have
to be read first. Takes some minutes. Exits with 1 where something was lost or paid twice.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import itertools

import cv2
from clips import Vehicle, frames
from fakes import Behaviour, ServedAnswer, ServedCall
from misbehaving import SECRET, Truthful, counted, of_passage, read_figures
from pydantic import SecretStr
from records import keyframe, passage

from streamwatch.core.events import Event, KeyframeTaken, PassageClosed, PassageOpened
from streamwatch.core.model import Engine, Keyframe, Passage
from streamwatch.pipeline import (
    Acceptance,
    Budget,
    CallLimits,
    CircuitBreaker,
    DirectAccess,
    Dispatcher,
    Engines,
    Job,
    LocalHelp,
    Outbox,
    Pipeline,
    Recorder,
)
from streamwatch.recognition.ocrcars.client import OcrCars
from streamwatch.recognition.ocrcars.credentials import AppCode
from streamwatch.store import Store, open_store

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = 86400.0
READERS = 2
NEW_ONE_EVERY = 200  # jobs between two vehicles that come while the outbox drains


class MovedClock:
    """Real time from NOON on, and moved forward by hand."""

    trusted = True

    def __init__(self) -> None:
        self._began, self._moved = time.monotonic(), 0.0

    def monotonic(self) -> float:
        return time.monotonic() - self._began + self._moved

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.monotonic())

    def move(self, seconds: float) -> bool:
        """Move the clock, also in place of a sleep; return False, as the program goes on."""
        self._moved += seconds
        return False


class Slow(Truthful):
    """Answers after a while."""

    latency = 0.0

    def answer(self, method: str, call: ServedCall) -> ServedAnswer | Behaviour:
        time.sleep(self.latency)
        return super().answer(method, call)


class SharedAccess(DirectAccess):
    """The storage for several readers, one at a time."""

    def __init__(self, store: Store, take: Callable[[Event], None], lock: "threading._RLock") -> None:
        super().__init__(store, take)
        self._lock = lock

    def load(self, key: str) -> Keyframe:
        with self._lock:
            return super().load(key)

    def record(self, event: Event) -> None:
        with self._lock:
            super().record(event)


@dataclass
class Gate:
    """Vehicles that come, without the pictures of a camera."""

    clock: MovedClock
    pipeline: Pipeline
    lock: "threading._RLock"
    jpeg: bytes
    views: int = 0

    @property
    def dispatcher(self) -> Dispatcher:
        return self.pipeline.dispatcher

    def take(self, event: Event) -> None:
        with self.lock:
            self.pipeline.take(event)

    def vehicle(self, views: int) -> None:
        """Let a vehicle come, be seen in a number of views, and go."""
        stay = passage(at=self.clock.now())
        self.take(PassageOpened(stay))
        for n in range(views):
            self.view(stay, n)
        self.take(PassageClosed(replace(stay, closed=True)))

    def view(self, stay: Passage, n: int) -> None:
        self.views += 1
        at = stay.opened_at + timedelta(seconds=n)
        # What follows the end of a JPEG is ignored, and makes each picture one of its own.
        shot = replace(keyframe(stay, self.jpeg + self.views.to_bytes(4, "big")), captured_at=at, score=float(n))
        self.take(KeyframeTaken(shot))


def picture() -> bytes:
    """Return a JPEG as a gate sends it."""
    *_, (_, frame) = frames([Vehicle("京AF0236", enter=0.0, approach=0.5, stop=2.0)], 1.0, fps=5)
    return bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 88])[1])


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def outage(gate: Gate, every: float) -> tuple[int, int]:
    """Play a day without the service; return the most keyframes and bytes that ever waited."""
    items = size = 0
    for n in range(round(DAY / every)):
        gate.clock.move(every)
        gate.vehicle(views=2 if n % 3 == 0 else 1)
        while (job := gate.dispatcher.next(0.0)) is not None:
            gate.dispatcher.serve(job)
        waiting, waiting_bytes, _ = gate.dispatcher.backlog()
        items, size = max(items, waiting), max(size, waiting_bytes)
    return items, size


def drain(gate: Gate) -> tuple[list[Job], float]:
    """Read everything that waits; return the jobs in their order, and the seconds that it took."""
    jobs: list[Job] = []
    lock = threading.Lock()

    def read() -> None:
        while gate.dispatcher.backlog()[0]:
            with lock:
                job = gate.dispatcher.next(1.0)
                if job is None:
                    continue
                jobs.append(job)
                if len(jobs) % NEW_ONE_EVERY == 0:
                    gate.vehicle(views=1)
            gate.dispatcher.serve(job)

    began = time.monotonic()
    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return jobs, time.monotonic() - began


def not_newest_first(jobs: list[Job], back: datetime) -> tuple[int, int]:
    """Return the number of old ones that were read after an older one, and of new ones that were not read at once."""
    old = [job.entry.keyframe.captured_at for job in jobs if job.entry.keyframe.captured_at < back]
    late = sum(
        not (n > 0 and n % NEW_ONE_EVERY == 0) for n, job in enumerate(jobs) if job.entry.keyframe.captured_at >= back
    )
    return sum(later > earlier for earlier, later in itertools.pairwise(old)), late


@contextmanager
def gate_of(folder: Path, endpoint: str, max_items: int) -> Iterator[Gate]:
    """Yield all parts behind a camera."""
    clock = MovedClock()
    client = OcrCars(endpoint, AppCode(SecretStr(SECRET)), wait=clock.move)
    with closing(open_store(f"sqlite:///{folder / 'streamwatch.db'}", folder)) as store, closing(client):
        counts = Acceptance({Engine.OCRCARS: 0.85, Engine.LOCAL: 0.95})
        recorder, lock = (
            Recorder(store, acceptance=lambda _: counts, notify=lambda *_: None),
            threading.RLock(),
        )
        budget = Budget(CallLimits(), {}, store.calls.spent, clock.now(), clock.monotonic())
        outbox = Outbox(max_items, 2_000_000_000, 7 * DAY)
        nobody = LocalHelp(lambda: None, first=False, stands_in=False, pay_below=1.0)
        engines = Engines(client, nobody)

        def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
            access = SharedAccess(store, take, lock)
            return Dispatcher(outbox, CircuitBreaker(20), budget, lambda _: engines, clock, access)

        yield Gate(clock, Pipeline(recorder, dispatcher), lock, picture())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--every", type=float, default=40.0, help="seconds between two vehicles")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the service takes for a picture")
    parser.add_argument("--max-items", type=int, default=5000, help="outbox.max_items")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        database = folder / "streamwatch.db"
        service = Slow(database, of_passage, lambda _: None)
        service.latency = asked.latency
        with service:
            with gate_of(folder, service.endpoint, asked.max_items) as gate:
                service.leave()
                began = time.monotonic()
                items, size = outage(gate, asked.every)
                figures = read_figures(database)
                waiting, _, age = gate.dispatcher.backlog()
                print(f"24 h without the service, simulated in {time.monotonic() - began:.0f} s")
                print(f"  keyframes waiting: {waiting}, the oldest for {age / 3600:.1f} h; most ever: {items}")
                print(f"  bytes waiting: {size / 1e6:.1f} MB; the whole folder: {on_disk(folder) / 1e6:.1f} MB")
                print(f"  connections tried: {counted(figures.calls)}; keyframes: {counted(figures.states)}")
                service.enter()
                back = gate.clock.now()
                gate.clock.move(60.0)  # the longest pause between two tries
                jobs, took = drain(gate)
            calls = service.calls
            figures = read_figures(database)
    wrong_order, late = not_newest_first(jobs, back)
    given_up = figures.states["dropped"]
    print(
        f"drained in {took:.0f} s by {READERS} readers at {asked.latency} s per call: {len(jobs) / took:.1f} per second"
    )
    print(f"  out of order: {wrong_order} of {len(jobs)}; new vehicles that had to wait: {late}")
    print(f"  keyframes: {counted(figures.states)}; passages: {counted(figures.outcomes)}")
    twice = len(calls) - len({call.picture for call in calls}) + figures.paid_twice
    print(f"  calls at the service: {len(calls)}, pictures sent twice: {twice}, database: {figures.integrity}")
    print(f"  passages lost: {figures.lost} (pictures dropped for the bounds: {given_up})")
    unread = figures.states.total() - figures.states["answered"] - given_up
    return int(
        bool(twice or unread or wrong_order or late or (figures.lost and not given_up) or items > asked.max_items)
    )


if __name__ == "__main__":
    sys.exit(main())
