"""The durable queue and a real broker: what waits in the database comes once each, in order."""

import json
from collections.abc import Iterator
from datetime import timedelta

from brokers import Listener, running_broker, until
from test_delivery import Time, reader, store
from test_mqtt_link import linked

from streamwatch.core.codes import EventType, ReceiverState
from streamwatch.core.event_data import TrialData
from streamwatch.outward.delivery import Delivery
from streamwatch.outward.mqtt.link import MqttSender
from streamwatch.store import DatabaseReader, Store

__all__ = ["reader", "store"]  # fixtures

HOOK = "hook"
"""The receiver that the fixture `store` makes."""


def add(store: Store, numbers: Iterator[int] | range) -> list[str]:
    """Write events in transactions of ten, and return their keys."""
    keys: list[str | None] = []
    numbers = list(numbers)
    for begin in range(0, len(numbers), 10):
        with store.together():
            for number in numbers[begin : begin + 10]:
                told = TrialData(str(number), "nobody")
                keys.append(store.events.add(EventType.TEST, "here", told, None, Time().wall))
    return [key for key in keys if key is not None]


def deliver(delivery: Delivery) -> None:
    while delivery.step() == 0.0:
        pass


def test_a_broker_that_is_away_for_an_hour(store: Store, reader: DatabaseReader) -> None:
    time = Time()
    with running_broker() as broker, linked(broker) as daemon:
        sender = MqttSender(daemon.link)
        delivery = Delivery(HOOK, sender, reader.events, store.events, lambda: time.wall, time.monotonic)
        told = add(store, range(25))
        deliver(delivery)
        broker.stop()
        told += add(store, range(25, 300))
        for _ in range(60):
            delivery.step()
            time.pass_by(60)
        row = reader.events.receiver(HOOK)
        assert row is not None
        assert row.state is ReceiverState.PAUSED
        assert "refuses the connection" in row.error or "closed the connection" in row.error
        before = daemon.connected
        broker.start()
        with Listener(broker) as listener:
            until(lambda: daemon.connected > before)
            store.events.hurry(HOOK)  # as the daemon does after each new connection
            deliver(delivery)
            listener.until(lambda: len(listener.payloads("gate/test")) >= 275)
            assert [json.loads(text)["id"] for text in listener.payloads("gate/test")] == told[25:]
        row = reader.events.receiver(HOOK)
        assert row is not None
        assert row.state is ReceiverState.OK
        assert row.taken_at == time.wall
        assert time.wall - Time().wall == timedelta(hours=1)


def test_a_program_that_ends_before_it_notes_repeats_the_same_ids(store: Store, reader: DatabaseReader) -> None:
    """The place in the queue is written after the acknowledgement; in between the program may be killed."""

    class Killed(Exception):
        pass

    class Dying(MqttSender):
        def send(self, events: object) -> str:
            super().send(events)  # type: ignore[arg-type]
            raise Killed

    time = Time()
    told = add(store, range(7))
    with running_broker() as broker, Listener(broker) as listener, linked(broker) as daemon:
        for sender in (Dying(daemon.link), Dying(daemon.link), MqttSender(daemon.link)):
            delivery = Delivery(HOOK, sender, reader.events, store.events, lambda: time.wall, time.monotonic)
            try:
                deliver(delivery)
            except Killed:
                continue
        listener.until(lambda: len(listener.payloads("gate/test")) >= 21)
        assert [json.loads(text)["id"] for text in listener.payloads("gate/test")] == told * 3
