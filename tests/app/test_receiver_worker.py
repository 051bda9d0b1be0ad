"""The thread of a receiver: what goes wrong in it ends neither it nor the watching, and it ends when it is told to."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from receivers import Receiver, hangs
from records import NOON, ONLY_SQLITE, Database

from streamwatch.app.outward import ReceiverWorker
from streamwatch.app.receivers import ReceiverPlan
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import EventType, ReceiverState
from streamwatch.core.errors import ConfigError
from streamwatch.core.event_data import TrialData
from streamwatch.outward.delivery import Sender, everything
from streamwatch.outward.http_post import HttpPost
from streamwatch.outward.webhook import Webhook
from streamwatch.store import DatabaseReader, EventRow, Store, open_reader, open_store

pytestmark = ONLY_SQLITE


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database.url, tmp_path / "data", sole=True)) as opened:
        opened.events.set_receivers(["hook"])
        opened.events.add(EventType.TEST, "x", TrialData("one", ""), None, NOON)
        yield opened


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    with closing(open_reader(database.url, tmp_path / "data")) as opened:
        yield opened


class Working:
    """A worker in a thread; the notes are written by the store itself, which nobody else uses meanwhile."""

    def __init__(self, store: Store, reader: DatabaseReader, make: object) -> None:
        plan = ReceiverPlan("hook", everything, make, None)  # type: ignore[arg-type]
        self.worker = ReceiverWorker(plan, reader, store.events, SystemClock())  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self.worker.run)
        self._reader = reader

    def __enter__(self) -> "Working":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def until(self, state: ReceiverState) -> str:
        for _ in range(600):
            row = self._reader.events.receiver("hook")
            if row is not None and row.state is state:
                return row.error
            threading.Event().wait(0.05)
        raise AssertionError(row)


@pytest.mark.errors_expected
def test_a_sender_that_fails_unexpectedly_pauses_its_receiver_and_nothing_else(
    store: Store, reader: DatabaseReader
) -> None:
    class Broken:
        most = 1

        def send(self, events: Sequence[EventRow]) -> str:
            raise ZeroDivisionError

        def close(self) -> None: ...

    with Working(store, reader, Broken) as working:
        assert working.until(ReceiverState.PAUSED) == "Sending failed unexpectedly. The log says more."


def test_a_sender_that_cannot_be_made_is_said_to_fail(store: Store, reader: DatabaseReader) -> None:
    def make() -> Sender:
        raise ConfigError("The file ca.pem cannot be used.", "Write another.")

    with Working(store, reader, make) as working:
        assert working.until(ReceiverState.PAUSED) == "The file ca.pem cannot be used. Write another."


def test_a_worker_ends_in_the_middle_of_a_request_and_that_is_no_failure(store: Store, reader: DatabaseReader) -> None:
    with Receiver(hangs) as receiver:
        with Working(store, reader, lambda: Webhook(HttpPost(receiver.url, 3600, True), "urn:test")):
            receiver.wait(lambda: bool(receiver.got))
        row = reader.events.receiver("hook")
        assert row is not None
        assert (row.state, row.failures) == (ReceiverState.OK, 0)
