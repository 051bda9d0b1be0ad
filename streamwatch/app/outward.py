"""The receivers of events in the daemon: one thread for each, which delivers what the writer has committed.

A receiver thread only reads the database; what it has delivered is written down by the writer's thread, in tasks that
wait for nobody. So a receiver that hangs holds up neither the gate nor another receiver.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import uuid4

from streamwatch.app.health_events import HealthEvents
from streamwatch.app.mqtt_service import RECEIVER as BROKER
from streamwatch.app.mqtt_service import MqttService
from streamwatch.app.receivers import ReceiverPlan, plans, receiver_names
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.codes import AuditAction, EventType, ReceiverState
from streamwatch.core.errors import DeliveryError, ReceiverUnusable, StoreError, StreamwatchError
from streamwatch.core.event_data import TrialData, as_data
from streamwatch.health import ReceiverHealth, Snapshot
from streamwatch.outward.delivery import Delivery, Sender, Ticking
from streamwatch.store import AuditEntry, DatabaseReader, EventRow, ReceiverRow, Store

log = logging.getLogger(__name__)

POLL = 2.0
"""Seconds between two looks without news: other programs write events, and people ask for another try."""
NOTING = 10.0
"""Seconds that a receiver waits for the writer."""
TELLING = 2.0
"""Seconds that what is told of health waits for the writer: the thread that tells it feeds the watchdog."""
FLUSH = 2.0
"""Seconds that the receivers have at the end for what is still to be sent."""
ENDING = 10.0
"""Seconds that a thread may take to end once its connection is closed."""
RECENT = 500
"""Events about health that are looked through after a start, for what was told and is not over."""
TRIAL = "This is a test by a person. Nothing has happened at the gate."

Spawn = Callable[[Callable[[], None], str], threading.Thread]


@dataclass(frozen=True, slots=True)
class Tried:
    """How a person's trial of a receiver ended. said: what the receiver said, or what went wrong, in words."""

    ok: bool
    said: str


class QueuedNotes:
    """Has the writer's thread write down how far receivers have got. See `delivery.Notes`."""

    def __init__(self, store: Store, writer: WriteQueue) -> None:
        self._events, self._writer = store.events, writer

    def save_receiver(self, row: ReceiverRow) -> None:
        """Write it down. Raise StorageFailed."""
        self._writer.ask_once(partial(self._events.save_receiver, row), NOTING)

    def give_up(self, receiver: str, event: int, error: str, at: datetime) -> None:
        """Write it down. Raise StorageFailed."""
        self._writer.ask_once(partial(self._events.give_up, receiver, event, error, at), NOTING)

    def delivered(self, receiver: str, events: Sequence[int]) -> None:
        """Write it down. Raise StorageFailed."""
        self._writer.ask_once(partial(self._events.delivered, receiver, events), NOTING)


class ReceiverWorker:
    """Delivers to one receiver until it is stopped."""

    def __init__(self, plan: ReceiverPlan, reader: DatabaseReader, notes: QueuedNotes, clock: Clock) -> None:
        self.plan = plan
        self._reader, self._notes, self._clock = reader, notes, clock
        self._sender: Sender | None = None
        self._stop, self._news, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._told = ReceiverState.OK
        self.thread: threading.Thread | None = None

    def run(self) -> None:
        """Do the work of the thread."""
        sender = self._open()
        try:
            delivery = Delivery(
                self.plan.name,
                sender,
                self._reader.events,
                self._notes,
                self._clock.now,
                self._clock.monotonic,
                self.plan.wants,
                self._stop.is_set,
            )
            while not self._stop.is_set():
                self._work(delivery)
            with suppress(StoreError):
                delivery.note()
        finally:
            sender.close()

    def wake(self) -> None:
        """Have the thread look for events. Any thread may call it."""
        self._idle.clear()
        self._news.set()

    def flush(self, seconds: float) -> None:
        """Wait until all is sent that can be sent now, so many seconds at most."""
        self._idle.wait(seconds)

    def stop(self) -> None:
        """Have the thread end, also in the middle of a request."""
        self._stop.set()
        self._news.set()
        if self._sender is not None:
            self._sender.close()

    def _open(self) -> Sender:
        try:
            self._sender = self.plan.make()
        except StreamwatchError as error:
            self._sender = Hopeless(error)
        return self._sender

    def _work(self, delivery: Delivery) -> None:
        self._news.clear()
        try:
            wait = delivery.step()
        except StoreError as error:
            log.debug("receiver %s: %s", self.plan.name, error)  # the writer logs that the database is away
            wait = POLL
        except Exception:
            # An event that trips a sender must not end the watching of the gate, at each start again.
            log.exception("receiver %s failed unexpectedly", self.plan.name)
            wait = POLL
            with suppress(StoreError):
                delivery.fail(ReceiverUnusable("Sending failed unexpectedly.", "The log says more."))
        self._tell(delivery)
        if isinstance(delivery.sender, Ticking):
            delivery.sender.tick()
        if wait:
            self._idle.set()
            self._news.wait(min(wait, POLL))

    def _tell(self, delivery: Delivery) -> None:
        """Log a receiver that fails for long, and its return; not each failure."""
        row = delivery.row
        if row is None or row.state is self._told or row.state is ReceiverState.FAILING:
            return
        if row.state is ReceiverState.PAUSED:
            log.warning("receiver %s is paused: %s It is tried again now and then.", self.plan.name, row.error)
        else:
            log.info("receiver %s takes events again", self.plan.name)
        self._told = row.state


class Hopeless:
    """Stands for a sender that cannot be made, so that its receiver is said to fail."""

    most = 1

    def __init__(self, error: StreamwatchError) -> None:
        self._error = error

    def send(self, events: Sequence[EventRow]) -> str:
        """Raise ReceiverUnusable."""
        raise ReceiverUnusable(self._error.message, self._error.what_to_do)

    def close(self) -> None:
        """Do nothing."""


class Outward:
    """The receivers of the settings in force."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        writer: WriteQueue,
        open_reader: Callable[[], DatabaseReader],
        clock: Clock,
        spawn: Spawn,
        mqtt: MqttService | None = None,
    ) -> None:
        """store: of the writer. open_reader: called once there is a receiver. mqtt: the link to the broker."""
        self._settings, self._store, self._writer = settings, store, writer
        self._open_reader, self._clock, self._spawn, self._mqtt = open_reader, clock, spawn, mqtt
        if mqtt is not None:
            mqtt.connected, mqtt.killed = self._broker_is_back, self._broker_killed
        self._notes = QueuedNotes(store, writer)
        self._reader: DatabaseReader | None = None
        self._threads: dict[str, ReceiverWorker] = {}
        self._changing = threading.Lock()
        self._told = HealthEvents(self._write, self._recent_health, clock.monotonic)
        self.health: tuple[ReceiverHealth, ...] = ()

    def prepare(self) -> None:
        """Let the database know the receivers, in the thread of the store, before the writer runs. Raise StoreError."""
        self._store.events.committed = self.wake
        self._store.events.set_receivers(receiver_names(self._settings().outward))

    def start(self) -> None:
        """Start the threads of the receivers that the settings name, and end those of others. Raise StoreError."""
        with self._changing:
            if self._mqtt is not None:
                self._mqtt.start()
            wanted = self._plans()
            self._end(
                [name for name, at in self._threads.items() if name not in wanted or at.plan.same != wanted[name].same]
            )
            for name in wanted.keys() - self._threads.keys():
                at = self._threads[name] = ReceiverWorker(wanted[name], self._reader_of(), self._notes, self._clock)
                at.thread = self._spawn(at.run, f"receiver {name}")

    def reload(self) -> None:
        """Take up changed settings. What fails for now is done by the next reload."""
        try:
            names = receiver_names(self._settings().outward)
            if names or self._threads:
                self._writer.ask_once(partial(self._store.events.set_receivers, names), NOTING)
                self.start()
                for name in names:  # perhaps with what it lacked
                    self._writer.ask_once(partial(self._store.events.hurry, name), NOTING)
                self.wake()
        except StoreError as error:
            log.error("the receivers of events could not be changed: %s", error)

    def wake(self) -> None:
        """Have all receivers look for events. Any thread may call it."""
        for at in list(self._threads.values()):
            at.wake()

    def look(self) -> None:
        """Note how the receivers are, for snapshots. For one thread."""
        if not self._threads:
            self.health = ()
            return
        with suppress(StoreError):
            self.health = tuple(
                ReceiverHealth(
                    one.row.name,
                    one.row.state.value,
                    one.row.failing_since,
                    one.row.error,
                    one.waiting,
                    one.dead,
                    one.row.lost,
                )
                for one in self._reader_of().events.standings()
            )

    def tell_health(self, snapshot: Snapshot) -> None:
        """Tell the receivers what has begun to fail and what is well again. For one thread."""
        if self._threads and snapshot.database.ok:
            self._told.look(snapshot)

    def test(self, name: str, who: str) -> Tried:
        """Send a receiver a test event, past its queue, and return what it said. who: like audit_log.who.

        Raise KeyError for a receiver that the settings do not name.
        """
        plan, now = self._plans()[name], self._clock.now()
        event = EventRow(0, uuid4().hex, EventType.TEST, name, None, now, now, as_data(TrialData(TRIAL, who)))
        try:
            sender = plan.make()
        except StreamwatchError as error:
            return Tried(False, str(error))
        try:
            return Tried(True, sender.send([event]))
        except DeliveryError as error:
            return Tried(False, str(error))
        finally:
            sender.close()

    def stop(self) -> None:
        """Send what can be sent at once, and end all threads. To be called before the writer ends."""
        with self._changing:
            self.wake()
            until = self._clock.monotonic() + FLUSH
            for at in self._threads.values():
                at.flush(max(0.0, until - self._clock.monotonic()))
            self._end(list(self._threads))
            if self._mqtt is not None:
                self._mqtt.close()
            if self._reader is not None:
                self._reader.close()

    def _broker(self) -> Sender:
        """Return a sender to the broker. Raise ReceiverUnusable if there is no link."""
        if self._mqtt is None:
            raise ReceiverUnusable("This program has no link to an MQTT broker.")
        return self._mqtt.sender()

    def _broker_is_back(self) -> None:
        """Have what waits for the broker sent at once; for the thread of the link, which waits for nobody."""
        self._writer.offer(partial(self._store.events.hurry, BROKER))
        self.wake()

    def _broker_killed(self) -> None:
        """Have the audit log say that a command by MQTT has stopped all openings; wait for nobody."""
        entry = AuditEntry(self._clock.now(), BROKER, "", AuditAction.OPENINGS_STOPPED, "", {})
        self._writer.offer(partial(self._store.audit.add, entry))

    def _write(self, call: Callable[[Store], object]) -> None:
        self._writer.ask_once(partial(call, self._store), TELLING)

    def _recent_health(self) -> list[EventRow]:
        return self._reader_of().events.newest(RECENT, types=(EventType.CAMERA, EventType.HEALTH))

    def _plans(self) -> dict[str, ReceiverPlan]:
        settings = self._settings()
        if not receiver_names(settings.outward):
            return {}
        return plans(settings.outward, self._reader_of(), self._broker, bool(settings.lanes))

    def _reader_of(self) -> DatabaseReader:
        if self._reader is None:
            self._reader = self._open_reader()
        return self._reader

    def _end(self, names: Sequence[str]) -> None:
        """End threads. One that does not end keeps its place: two for one receiver would send everything twice."""
        for name in names:
            self._threads[name].stop()
        for name in names:
            thread = self._threads[name].thread
            if thread is not None:
                thread.join(ENDING)
            if thread is not None and thread.is_alive():
                log.error("the receiver %s does not end; its new settings count from the next start on", name)
            else:
                del self._threads[name]
