"""The daemon and a bare database, as the console sees them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from records import Database, passage
from snapshots import WELL

from streamwatch.app.backend import Backend
from streamwatch.app.backends import DatabaseBackend
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import StorageFailed
from streamwatch.health import STATUS_FILE, write_status
from streamwatch.pipeline import ChannelClosed
from streamwatch.store import Store, open_store
from streamwatch.store.lock import sole_writer
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    return Settings.model_validate({"database": database.url, "data_dir": tmp_path / "data"})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings.database, settings.data_dir)
    yield opened
    opened.close()


@contextmanager
def writing(store: Store) -> Iterator[WriteQueue]:
    """Run a writer's thread."""
    clock, lifecycle = SystemClock(), Lifecycle(threading.Event())
    heartbeats = Heartbeats(clock.monotonic)
    writer = WriteQueue(store, clock, Persistence(clock, lifecycle, heartbeats), heartbeats)

    def run() -> None:
        with heartbeats.register("recorder"), suppress(ChannelClosed):
            writer.run()

    thread = spawn(run, "recorder")
    try:
        yield writer
    finally:
        lifecycle.finish()
        writer.close()
        thread.join(30)


def test_a_page_writes_in_the_writers_thread(store: Store) -> None:
    with writing(store) as writer:
        assert writer.ask_once(lambda: threading.current_thread().name, 60) == "recorder"


def test_an_error_in_what_a_page_writes_is_the_pages_and_the_writer_goes_on(store: Store) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with writing(store) as writer:
        with pytest.raises(ZeroDivisionError):
            writer.ask_once(broken, 60)
        assert writer.ask_once(lambda: 1, 60) == 1


def test_a_page_does_not_wait_for_a_storage_that_fails(store: Store) -> None:
    """It is told, and what it wanted is neither tried again nor done later."""
    tries: list[int] = []

    def full() -> None:
        tries.append(1)
        raise StorageFailed("The disk is full.")

    begun, go_on = threading.Event(), threading.Event()

    def outage() -> None:
        begun.set()
        assert go_on.wait(60)

    with writing(store) as writer:
        with pytest.raises(StorageFailed, match="The disk is full"):
            writer.ask_once(full, 60)
        assert tries == [1]
        writer.put(outage)
        assert begun.wait(60)
        with pytest.raises(StorageFailed, match="Nothing can be written now"):
            writer.ask_once(lambda: tries.append(2), 0.05)
        go_on.set()
        assert writer.ask_once(lambda: 1, 60) == 1
    assert tries == [1]
    with pytest.raises(StorageFailed, match="Nothing can be written now"):
        writer.ask_once(lambda: 1, 60)


def test_a_bare_database_is_written_for_a_moment_only(settings: Settings) -> None:
    open_store(settings.database, settings.data_dir).close()
    backend: Backend = DatabaseBackend(settings, threading.Event())
    backend.write(lambda store: store.passages.save(passage("a")))
    assert backend.write(lambda store: store.passages.last_views("gate", passage("a").opened_at)) == []
    with sole_writer(settings.database, settings.data_dir):  # a daemon runs beside it
        assert backend.write(lambda store: store.passages.last_views("gate", passage("a").opened_at)) == []


def test_threads_that_write_a_bare_database_wait_for_each_other(settings: Settings) -> None:
    backend = DatabaseBackend(settings, threading.Event())
    errors: list[BaseException] = []

    def write(n: int) -> None:
        try:
            backend.write(lambda store: store.passages.save(passage(str(n))))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []


def test_a_bare_database_has_a_state_while_a_daemon_writes_it(settings: Settings) -> None:
    stop = threading.Event()
    backend = DatabaseBackend(settings, stop)
    assert backend.snapshot() is None
    settings.data_dir.mkdir(exist_ok=True)
    write_status(settings.data_dir / STATUS_FILE, WELL)
    assert backend.snapshot() is None
    with sole_writer(settings.database, settings.data_dir):
        assert backend.snapshot() == WELL
    assert not backend.stopping()
    stop.set()
    assert backend.stopping()
    assert backend.settings is settings
