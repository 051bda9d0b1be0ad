"""The one thread that writes the database, and those that work beside it."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from records import Database, keyframe, passage, saved_view

from streamwatch.app import persistence, wiring
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.app.retention_rounds import RetentionRounds
from streamwatch.app.workers import ReaderAccess, ReadingWorker, answers
from streamwatch.app.writer import Writer
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.events import Event, KeyframeTaken, PassageOpened
from streamwatch.core.model import CallResult, Engine, JudgedPlate, Ledger, PlateText
from streamwatch.pipeline import ChannelClosed, Dispatcher, Pipeline
from streamwatch.store import EvidenceFiles, KeyframeState, Store, open_evidence, open_store
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn

WAIT = 60.0  # s; generous, because only a test that fails waits for as long


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"database": database.url, "data_dir": tmp_path / "data", "retention": {"min_free": 0, "max_bytes": 1_000_000}}
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings.database, settings.data_dir)
    yield opened
    opened.close()


class Threads:
    """A writer and its thread, which ends with the block."""

    def __init__(self, store: Store) -> None:
        self.clock, self.lifecycle = SystemClock(), Lifecycle(threading.Event())
        self.persistence = Persistence(self.clock, self.lifecycle)
        self.writer = Writer(store, self.clock, self.persistence)
        self.error: BaseException | None = None
        self._heartbeats = Heartbeats(self.clock.monotonic)

    def __enter__(self) -> "Threads":
        spawn(self._run, "recorder")
        return self

    def __exit__(self, *_: object) -> None:
        self.lifecycle.finish()
        self.writer.close()

    def _run(self) -> None:
        with self._heartbeats.register("recorder") as heartbeat:
            try:
                self.writer.run(heartbeat)
            except BaseException as error:
                self.error = error


class Paid:
    """A paid engine that finds one plate in every picture."""

    engine = Engine.OCRCARS

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        plates = [PlateText("京A12345", 0.99, None)]
        ledger.about_to_pay(1, jpeg)
        ledger.ended(1, CallResult("read", True, 1, 0.1, 200, plates=tuple(plates)))
        return plates

    def close(self) -> None:
        pass


class SlowDisk(EvidenceFiles):
    """Deletes nothing until it is let go."""

    def __init__(self, evidence: EvidenceFiles) -> None:
        super().__init__(evidence._engine, evidence._place, evidence._data_dir)
        self.hangs, self.let_go = threading.Event(), threading.Event()

    def remove(self, paths: object) -> tuple[int, int]:
        self.hangs.set()
        assert self.let_go.wait(WAIT)
        return 0, 0


def test_a_retention_step_that_hangs_delays_no_call(store: Store, settings: Settings, database: Database) -> None:
    too_much = saved_view(store, jpeg=bytes(2_000_000), closed=True)
    store.keyframes.set_state(too_much.key, KeyframeState.ANSWERED)
    disk = SlowDisk(open_evidence(settings.database, settings.data_dir))
    with Threads(store) as threads:
        rounds = RetentionRounds(settings, store, disk, threads.clock, threads.writer.ask)

        def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
            access = ReaderAccess(disk, threads.persistence, threads.writer, take)
            return wiring.make_dispatcher(settings, store, Paid(), threads.clock, access)

        recorder = wiring.make_recorder(settings, store, lambda sighting, corrected: None)
        pipeline = Pipeline(recorder, dispatcher, attempt=threads.writer.persist)
        tidied: Future[int] = Future()
        spawn(lambda: tidied.set_result(rounds.tidy()), "keeper")
        assert disk.hangs.wait(WAIT)
        stay = passage(at=threads.clock.now())
        view = replace(keyframe(stay), captured_at=threads.clock.now())
        for event in (PassageOpened(stay), KeyframeTaken(view)):
            threads.writer.ask_vital(lambda event=event: pipeline.take(event))  # type: ignore[misc]
        found = answers()
        worker = ReadingWorker(pipeline.dispatcher, {"gate": found}, threads.lifecycle)
        heartbeats = Heartbeats(threads.clock.monotonic)

        def read() -> None:
            with heartbeats.register("reader 1") as heartbeat:
                worker.run(pipeline.dispatcher.next, heartbeat)

        spawn(read, "reader 1")
        until = threads.clock.monotonic() + WAIT
        while not (got := found.take_all()) and threads.clock.monotonic() < until:
            threads.lifecycle.wait_until_over(0.01)
        assert not tidied.done(), "the step still hangs"
        assert got == [(view, (JudgedPlate(PlateText("京A12345", 0.99, None)),))]
        assert [row["outcome"] for row in database.rows("SELECT outcome FROM calls")] == ["read"]
        pipeline.dispatcher.close()
        disk.let_go.set()
        tidied.result(WAIT)
    disk.close()


@pytest.mark.errors_expected
def test_while_the_machine_is_at_fault_a_task_is_tried_again_and_that_is_said_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamwatch")
    monkeypatch.setattr(persistence, "RETRY_FIRST", 0.001)
    tried, health = [], []
    with Threads(store) as threads:

        def attempt() -> str:
            tried.append(1)
            health.append(threads.persistence.health.ok)
            if len(tried) < 4:
                raise StorageFailed("The disk is full.")
            return "stored"

        assert threads.writer.ask(attempt) == "stored"
        assert threads.persistence.health.ok
    assert health == [True, False, False, False]
    assert [record.getMessage() for record in caplog.records] == [
        "The disk is full. Watching goes on; what is seen is written as soon as that is possible.",
        "the database and the evidence folder can be written again",
    ]


def test_before_the_thread_runs_nothing_is_tried_again(store: Store) -> None:
    def full() -> None:
        raise StorageFailed("The disk is full.")

    with pytest.raises(StorageFailed):
        Threads(store).writer.persist(full)


def test_after_an_error_in_a_vital_task_nothing_is_written(store: Store) -> None:
    def wrong() -> None:
        raise StoreError("There is no such passage.")

    with Threads(store) as threads:
        with pytest.raises(StoreError):
            threads.writer.ask(wrong)
        assert threads.writer.ask(lambda: "goes on") == "goes on"
        with pytest.raises(StoreError):
            threads.writer.ask_vital(wrong)
        late = threads.writer.offer(lambda: None)
        assert late is not None
        threads.writer.abandon()
        assert isinstance(late.exception(WAIT), StorageFailed)
        assert isinstance(threads.error, StoreError)
        with pytest.raises(ChannelClosed):
            threads.writer.put(lambda: None)
        assert threads.writer.offer(lambda: None) is None


@pytest.mark.errors_expected
def test_a_reader_waits_for_a_picture_folder_that_is_away(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, folder = saved_view(store), settings.data_dir / "evidence"
    evidence = open_evidence(settings.database, settings.data_dir)
    folder.rename(folder.with_name("unmounted"))
    threads = Threads(store)
    waited: list[float] = []

    def mount(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            folder.with_name("unmounted").rename(folder)

    monkeypatch.setattr(threads.lifecycle, "wait_to_retry", mount)
    access = ReaderAccess(evidence, threads.persistence, threads.writer, lambda event: None)
    assert access.load(view.key) == view
    assert waited == [1.0, 2.0]
    (folder.parent / view_path(settings)).unlink()
    with pytest.raises(StoreError, match="is gone"):
        access.load(view.key)
    evidence.close()


def view_path(settings: Settings) -> Path:
    (path,) = settings.data_dir.glob("evidence/*/*/*.jpg")
    return path.relative_to(settings.data_dir)


@pytest.mark.errors_expected
def test_the_storage_is_well_again_once_every_thread_can_use_it(caplog: pytest.LogCaptureFixture) -> None:
    lifecycle = Lifecycle(threading.Event())
    shared = Persistence(SystemClock(), lifecycle)
    failing, mended = threading.Event(), threading.Event()

    def until_mended() -> None:
        if not mended.is_set():
            failing.set()
            raise StorageFailed("The disk is full.")

    reader = spawn(lambda: shared.persist(until_mended), "reader 1")
    assert failing.wait(WAIT)
    while shared.health.ok:
        assert reader.is_alive()
    failed: list[int] = []

    def once() -> None:
        if not failed:
            failed.append(1)
            raise StorageFailed("The disk is full.")

    lifecycle.drain()  # which makes the pauses short
    shared.persist(once)
    assert not shared.health.ok, "the reader still cannot"
    mended.set()
    reader.join(WAIT)
    assert shared.health.ok
    said = [record.getMessage()[:17] for record in caplog.records]
    assert said == ["The disk is full.", "the database and "]
