"""Kill a daemon at random moments around openings, then compare its rows with what the relay heard."""

import random
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemons import Running, free_port, running
from relays import Relay, http_relay

SLOWEST = 0.08  # s for which the relay thinks before it answers, so that kills meet openings in flight
BETWEEN = 0.05  # s between the end of a daemon and the start of the next one, for what is still on its way


@dataclass
class Openings:
    """What was found. orders: that the relay heard; rows: states of `openings`.

    twice: orders beyond the first one of a row. after_restart: orders before the first row of a run, after its start.
    without_row: orders without a row that was requested before them. missing: rows `done` without an order.
    """

    kills: int
    orders: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    after_restart: int = 0
    without_row: int = 0
    missing: int = 0

    @property
    def bad(self) -> int:
        """Return the number of faults."""
        return self.twice + self.after_restart + self.without_row + self.missing + self.rows["requested"]


def kill_around_openings(folder: Path, kills: int, seed: int = 1) -> Openings:
    """Kill a daemon so often while people open its barrier as fast as they can, and compare."""
    moments = random.Random(seed)
    heard: list[datetime] = []
    starts: list[datetime] = []

    def slow(handler: Any) -> None:
        heard.append(datetime.now(UTC))
        time.sleep(moments.uniform(0, SLOWEST))
        with suppress(OSError):
            handler.send_response(200)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    with http_relay(behaviour=slow) as relay:
        for n in range(kills + 1):
            starts.append(datetime.now(UTC))
            with _daemon(folder, relay) as (daemon, port):
                _open_for(daemon, port, relay, moments.uniform(0.0, 0.12), last=n == kills)
                if n == kills:
                    assert daemon.stop() == 0, daemon.log()[-3000:]
                else:
                    daemon.process.wait(60)
            time.sleep(BETWEEN)
        rows = [
            (datetime.fromisoformat(at).replace(tzinfo=UTC), state)
            for at, state in daemon.rows("SELECT requested_at, state FROM openings ORDER BY id")
        ]
    return _judged(kills, rows, heard, starts)


def _judged(kills: int, rows: list[tuple[datetime, str]], heard: list[datetime], starts: list[datetime]) -> Openings:
    found = Openings(kills, len(heard), Counter(state for _, state in rows))
    sent = [(at, state) for at, state in rows if state != "withheld"]
    found.without_row = sum(order < sent[0][0] for order in heard) if sent else len(heard)
    for (at, state), (until, _) in zip(sent, [*sent[1:], (datetime.max.replace(tzinfo=UTC), "")], strict=True):
        orders = [order for order in heard if at <= order < until]
        found.twice += max(0, len(orders) - 1)
        found.missing += state == "done" and not orders
        start = next((start for start in starts if at < start < until), None)
        found.after_restart += start is not None and any(order > start for order in orders)
    return found


@contextmanager
def _daemon(folder: Path, relay: Relay) -> Iterator[tuple[Running, int]]:
    """Run a daemon whose camera is never there, and return it with the port of its console."""
    port = free_port()
    barriers = {"front": {"driver": "http", "url": f"{relay.url}/open", "pulse": "100ms"}}
    lanes = {"entry": {"cameras": ["gate"], "barrier": "front"}}
    recognizer = {"engine": "local", "fallback": "none"}
    with running(
        folder,
        {"gate": {"source": "rtsp://127.0.0.1:9/none"}},
        web={"port": port},
        barriers=barriers,
        lanes=lanes,
        recognizer=recognizer,
    ) as daemon:
        yield daemon, port


def _open_for(daemon: Running, port: int, relay: Relay, seconds: float, last: bool) -> None:
    """Open again and again for so many seconds after the first order of this run."""
    before, ending = len(relay.orders), threading.Event()

    def press() -> None:
        while not ending.is_set():
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v1/barriers/front/open",
                b'{"reason": "a test"}',
                {"Content-Type": "application/json"},
            )
            with suppress(urllib.error.URLError, OSError, ValueError):
                urllib.request.urlopen(asked, timeout=30).close()
            ending.wait(0.01)

    people = [threading.Thread(target=press) for _ in range(2)]
    for one in people:
        one.start()
    try:
        daemon.until(lambda: len(relay.orders) > before)
        time.sleep(seconds)
        if not last:
            daemon.process.send_signal(signal.SIGKILL)  # while people press
    finally:
        ending.set()
        for one in people:
            one.join(60)
