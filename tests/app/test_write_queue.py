"""The one thread that writes the database, and those that work beside it."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from records import Database, keyframe, passage, saved_view

from streamwatch.app import persistence, wiring, write_queue
from streamwatch.app.daemon import READING
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.app.retention_rounds import RetentionRounds
from streamwatch.app.workers import ReaderAccess, ReadingWorker, answers
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.core.events import Event, KeyframeTaken, PassageOpened
from streamwatch.core.model import CallResult, Engine, JudgedPlate, Keyframe, Ledger, PlateText
from streamwatch.pipeline import ChannelClosed, Dispatcher, Engines, Pipeline
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
        self.seconds = 0.0  # of the heartbeats' clock, which a test sets
        self.heartbeats = Heartbeats(lambda: self.seconds)
        self.persistence = Persistence(self.clock, self.lifecycle, self.heartbeats)
        self.writer = WriteQueue(store, self.clock, self.persistence, self.heartbeats)
        self.error: BaseException | None = None

    def __enter__(self) -> "Threads":
        spawn(self._run, "recorder")
        return self

    def __exit__(self, *_: object) -> None:
        self.lifecycle.finish()
        self.writer.close()

    def _run(self) -> None:
        with self.heartbeats.register("recorder"):
            try:
                self.writer.run()
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
        rounds = RetentionRounds(lambda: settings, store, disk, threads.clock, threads.writer.ask)

        def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
            access = ReaderAccess(disk, threads.persistence, threads.writer, take)
            engines = Engines(Paid(), wiring.make_local_help(settings))
            return wiring.make_dispatcher(settings, store, lambda _: engines, threads.clock, access)

        recorder = wiring.make_recorder(lambda: settings, store, lambda sighting, corrected: None)
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

        def read() -> None:
            with threads.heartbeats.register("reader 1") as heartbeat:
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
def test_a_reader_that_waits_for_the_storage_does_not_hang(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for four hours: first the reader loads a picture, then it has an event recorded."""
    view = saved_view(store)
    evidence = open_evidence(settings.database, settings.data_dir)
    tries: dict[str, int] = {"reader 1": 0, "recorder": 0}
    stalled: list[str] = []

    with Threads(store) as threads:

        def away() -> None:
            """Raise StorageFailed for 480 tries of a thread, between which 30 s pass each time."""
            name = threading.current_thread().name
            if tries[name] < 480:
                tries[name] += 1
                raise StorageFailed("The database does not answer.")

        def pass_time(seconds: float) -> None:
            threads.seconds += persistence.RETRY_LONGEST
            stalled.extend(threads.heartbeats.stalled())

        def load(key: str) -> Keyframe:
            away()
            return EvidenceFiles.load_keyframe(evidence, key)

        monkeypatch.setattr(threads.lifecycle, "wait_to_retry", pass_time)
        monkeypatch.setattr(evidence, "load_keyframe", load)
        access = ReaderAccess(evidence, threads.persistence, threads.writer, lambda event: threads.writer.persist(away))
        read: Future[Keyframe] = Future()

        def work() -> None:
            with threads.heartbeats.register("reader 1", READING):
                loaded = access.load(view.key)
                access.record(PassageOpened(passage()))
                read.set_result(loaded)

        spawn(work, "reader 1")
        assert read.result(WAIT) == view
    assert tries == {"reader 1": 480, "recorder": 480}
    assert stalled == []
    evidence.close()


@pytest.mark.errors_expected
def test_a_camera_that_waits_for_room_in_the_queue_does_not_hang(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "QUEUED", 1)
    threads, waits, submitted = Threads(store), threading.Event(), Future[bool]()
    put = threads.writer._tasks.put

    def watched_put(task: object) -> None:
        waits.set()
        put(task)  # type: ignore[arg-type]

    monkeypatch.setattr(threads.writer._tasks, "put", watched_put)

    def submit() -> None:
        with threads.heartbeats.register("camera gate"):
            threads.writer.put(lambda: None)
            submitted.set_result(True)

    assert threads.writer.offer(lambda: None) is not None
    spawn(submit, "camera gate")
    assert waits.wait(WAIT)
    threads.seconds += 100_000
    assert threads.heartbeats.stalled() == []
    assert not submitted.done()
    with threads:
        assert submitted.result(WAIT)


@pytest.mark.errors_expected
def test_an_attempt_that_began_in_an_outage_which_has_ended_says_nothing_new(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection breaks in a commit; once the server is there again, it says that the commit is not in."""
    caplog.set_level(logging.INFO, "streamwatch")
    threads, asked, tried = Threads(store), list[int](), list[int]()
    monkeypatch.setattr(threads.lifecycle, "wait_to_retry", lambda seconds: None)

    def is_in() -> bool:
        asked.append(1)
        if len(asked) < 3:
            raise StorageFailed("The connection is refused.")
        return False

    def attempt() -> str:
        tried.append(1)
        if len(tried) == 1 and not threads.persistence.persist(is_in):
            raise StorageFailed("The connection broke off.")
        return "written"

    assert threads.persistence.persist(attempt) == "written"
    assert threads.persistence.health.ok
    said = [record.getMessage()[:26] for record in caplog.records]
    assert said == ["The connection is refused.", "the database and the evide"]
    broken = [True]

    def again() -> None:
        if broken:
            broken.clear()
            raise StorageFailed("The disk is full.")

    threads.persistence.persist(again)
    assert [record.getMessage()[:17] for record in caplog.records[2:]] == ["The disk is full.", "the database and "]


@pytest.mark.errors_expected
@pytest.mark.parametrize(
    ("error", "well"), [(StoreError("The picture is gone."), True), (DatabaseUnusable("It is damaged."), False)]
)
def test_a_storage_that_answers_with_an_error_of_the_caller_is_well_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: StoreError, well: bool
) -> None:
    threads, errors = Threads(store), [StorageFailed("The disk is full."), error]
    monkeypatch.setattr(threads.lifecycle, "wait_to_retry", lambda seconds: None)

    def attempt() -> None:
        raise errors.pop(0)

    with pytest.raises(type(error)):
        threads.persistence.persist(attempt)
    assert threads.persistence.health.ok == well


@pytest.mark.errors_expected
def test_the_storage_is_well_again_once_every_thread_can_use_it(caplog: pytest.LogCaptureFixture) -> None:
    lifecycle = Lifecycle(threading.Event())
    shared = Persistence(SystemClock(), lifecycle, Heartbeats(lambda: 0.0))
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
