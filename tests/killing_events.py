"""Kill a program that writes events and delivers them, at random moments; then compare database and receiver.

The program is the daemon's own writer, its store and its receivers' threads. Each of its transactions holds a passage
and the event that tells of it.
"""

import random
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from forking import SERVER
from receivers import SECRET, Got, Receiver
from records import passage, rows

FAULTY = 12
"""Every so many runs the receiver answers 500 once, so that kills meet pauses, too."""


def work(url: str, data: Path, hook: str, last: int, begun: Connection) -> None:
    """Write numbered events and deliver them. last: the number after which it ends by itself; 0: never."""
    from streamwatch.app.lifecycle import Lifecycle
    from streamwatch.app.mqtt_service import MqttService
    from streamwatch.app.outward import Outward
    from streamwatch.app.persistence import Persistence
    from streamwatch.app.write_queue import WriteQueue
    from streamwatch.config.settings import Settings
    from streamwatch.core.clock import SystemClock
    from streamwatch.core.codes import EventType
    from streamwatch.core.event_data import TrialData
    from streamwatch.pipeline import ChannelClosed
    from streamwatch.store import open_reader, open_store
    from streamwatch.system.heartbeat import Heartbeats
    from streamwatch.system.threads import spawn

    webhook = {"url": hook, "secret": SECRET, "allow_private": True}
    settings = Settings.model_validate({"outward": {"webhooks": {"hook": webhook}}})
    clock, lifecycle = SystemClock(), Lifecycle(threading.Event())
    heartbeats, reader_of = Heartbeats(clock.monotonic), partial(open_reader, url, data)
    store = open_store(url, data, sole=True)
    with closing(reader_of()) as reader:
        number = reader.passages.last_revision()
    writer = WriteQueue(store, clock, Persistence(clock, lifecycle, heartbeats), heartbeats)
    mqtt = MqttService(lambda: settings, dict, None, reader_of, spawn)  # type: ignore[arg-type]
    outward = Outward(lambda: settings, store, writer, reader_of, clock, spawn, mqtt)
    outward.prepare()

    def run() -> None:
        with suppress(ChannelClosed):
            writer.run()

    def write() -> None:
        with store.together():
            store.passages.save(passage(closed=True))
            store.events.add(EventType.TEST, "x", TrialData(str(number), ""), None, datetime.now(UTC))

    recorder = spawn(run, "recorder")
    outward.start()
    begun.send("begun")
    while not last or number < last:
        number += 1
        writer.ask_vital(write)
    while any(one.waiting for one in outward.health) or not outward.health:
        outward.look()
        time.sleep(0.05)
    outward.stop()
    writer.close()
    recorder.join()
    store.close()


@dataclass
class Found:
    """The findings after the last run.

    written: numbers, each a passage with its event. events: rows. delivered: numbers that came. lost: events that did
    not. repeated: deliveries beyond the first of a number. other_ids: numbers that came with more than one id.
    in_order: True if the first deliveries of all numbers came in order.
    """

    kills: int
    written: int
    events: int
    delivered: int
    lost: int
    repeated: int
    other_ids: int
    in_order: bool
    signed: bool


class EventsVictim:
    """The program on a database of its own, and its receiver."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self._folder, self._receiver = folder, receiver
        self.url = f"sqlite:///{folder / 'streamwatch.db'}"

    def start(self, last: int = 0, wait: bool = True) -> BaseProcess:
        """Start it, and return once it has begun to write, or has ended. wait: False to return at once."""
        here, there = SERVER.Pipe()
        with closing(here):
            arguments = self.url, self._folder / "data", self._receiver.url, last, there
            child = SERVER.Process(target=work, args=arguments)
            child.start()
            there.close()
            with suppress(EOFError):
                if wait:
                    here.recv()
        return child

    def killed(self, times: int, seed: int) -> None:
        """Run and kill it at random moments, while it writes and delivers; one kill in five comes while it starts."""
        moments = random.Random(seed)
        for n in range(times):
            if n % FAULTY == 1:
                self._receiver.then(500)
            child = self.start(wait=n % 5 != 4)
            time.sleep(moments.uniform(0.0, 0.9))
            child.kill()
            child.join()
            child.close()

    def judge(self, kills: int) -> Found:
        """Run it once more to the end, and compare."""
        written = rows(self._folder / "streamwatch.db", "SELECT count(*) AS n FROM passages")[0]["n"]
        child = self.start(last=written + 5)
        child.join(600)
        assert child.exitcode == 0
        told = rows(self._folder / "streamwatch.db", "SELECT key, data FROM events ORDER BY id")
        written = rows(self._folder / "streamwatch.db", "SELECT count(*) AS n FROM passages")[0]["n"]
        taken = self._receiver.taken
        first = list(dict.fromkeys(number_of(got) for got in taken))
        ids = {(number_of(got), got.told["id"]) for got in taken}
        return Found(
            kills=kills,
            written=written,
            events=len(told),
            delivered=len(first),
            lost=len({row["key"] for row in told} - {got.told["id"] for got in taken}),
            repeated=len(taken) - len(first),
            other_ids=sum(1 for many in Counter(number for number, _ in ids).values() if many > 1),
            in_order=first == sorted(first),
            signed=all(got.is_signed(SECRET) and got.headers["webhook-id"] == got.told["id"] for got in taken),
        )


def number_of(got: Got) -> int:
    return int(got.told["data"]["text"])


def kill_events(folder: Path, kills: int, seed: int = 1) -> Found:
    """Kill it so many times, and return what was found."""
    folder.mkdir(exist_ok=True)
    with Receiver() as receiver:
        victim = EventsVictim(folder, receiver)
        victim.killed(kills, seed)
        return victim.judge(kills)
