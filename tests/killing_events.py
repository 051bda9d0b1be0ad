"""Kill a program that writes events and delivers them, at random moments; then compare database and receiver.

The program is the daemon's own writer, its store and its receivers' threads. Each of its transactions holds a passage
and the event that tells of it.
"""

import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from receivers import SECRET, Got, Receiver
from records import python, rows

WORK = """
import sys, threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from records import passage
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

url, data, hook, secret, last = sys.argv[1:6]
last = int(last)
webhook = {"url": hook, "secret": secret, "allow_private": True}
settings = Settings.model_validate({"outward": {"webhooks": {"hook": webhook}}})
clock, lifecycle = SystemClock(), Lifecycle(threading.Event())
heartbeats = Heartbeats(clock.monotonic)
store = open_store(url, Path(data), sole=True)
with closing(open_reader(url, Path(data))) as reader:
    number = reader.passages.last_revision()
writer = WriteQueue(store, clock, Persistence(clock, lifecycle, heartbeats), heartbeats)
mqtt = MqttService(lambda: settings, dict, None, lambda: open_reader(url, Path(data)), spawn)
outward = Outward(lambda: settings, store, writer, lambda: open_reader(url, Path(data)), clock, spawn, mqtt)
outward.prepare()

def run() -> None:
    try:
        writer.run()
    except ChannelClosed:
        pass

spawn(run, "recorder")
outward.start()

def write() -> None:
    with store.together():
        store.passages.save(passage(closed=True))
        store.events.add(EventType.TEST, "x", TrialData(str(number), ""), None, datetime.now(UTC))

print("begun", flush=True)
while not last or number < last:
    number += 1
    writer.ask_vital(write)
if last:
    import time
    while True:
        outward.look()
        (health,) = outward.health
        if not health.waiting:
            break
        time.sleep(0.05)
outward.stop()
writer.close()
"""


@dataclass
class Found:
    """The findings after the last run. ids: the ids that each number came with. order: True if first ones did."""

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

    def start(self, last: int = 0) -> "subprocess.Popen[str]":
        """Start it; last: the number after which it ends by itself, 0: never."""
        return python(WORK, self.url, self._folder / "data", self._receiver.url, SECRET, last)

    def killed(self, times: int, seed: int) -> None:
        """Run and kill it at random moments: from its start on, while it writes and delivers."""
        moments = random.Random(seed)
        for n in range(times):
            child = self.start()
            if n % 5 != 4:  # one kill in five comes while it starts
                assert child.stdout is not None
                assert child.stdout.readline() == "begun\n", child.communicate()
            # A fault now and then: kills meet pauses and retries, too.
            if n % 3 == 0:
                self._receiver.then(500)
            time.sleep(moments.uniform(0.0, 0.4))
            child.send_signal(signal.SIGKILL)
            child.communicate()

    def judge(self, kills: int) -> Found:
        """Run it once more to the end, and compare."""
        written = rows(self._folder / "streamwatch.db", "SELECT count(*) AS n FROM passages")[0]["n"]
        child = self.start(last=written + 5)
        _, said = child.communicate(timeout=300)
        assert child.returncode == 0, said
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
