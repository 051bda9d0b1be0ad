"""Tell two webhooks 1,000 events a second, and measure rate, CPU and memory of the program that tells.

    python tests/benchmarks/events.py [SECONDS] [EVENTS_A_SECOND]

Runs the daemon's own writer, store (SQLite on disk) and receivers' threads in one process, and two receivers in
processes of their own on this machine. Once with one event in a request, once with batches of 50. Each transaction
holds ten events. Prints for each: events written a second, events delivered a second to each receiver until all were
there, CPU cores used, memory at the beginning, at the end and at most, and how long the last one was on its way.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.mqtt_service import MqttService
from streamwatch.app.outward import Outward
from streamwatch.app.persistence import Persistence
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import EventType
from streamwatch.core.event_data import SightingData
from streamwatch.pipeline import ChannelClosed
from streamwatch.store import Store, open_reader, open_store
from streamwatch.system.allocator import share_memory_between_threads
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn

TOGETHER = 10
"""Events in one transaction."""
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


def receive() -> None:
    """Take requests on a socket and count events, until the parent closes stdin. Prints the port, then the count."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    count = 0

    def serve() -> None:
        nonlocal count
        while True:
            connection, _ = listener.accept()
            with closing(connection), suppress(OSError), connection.makefile("rb") as requests:
                while line := requests.readline():
                    length = 0
                    while line not in (b"\r\n", b""):
                        name, _, value = line.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                        line = requests.readline()
                    told = json.loads(requests.read(length))
                    count += len(told) if isinstance(told, list) else 1
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    for _ in sys.stdin:
        print(count, flush=True)


class Elsewhere:
    """A receiver in a process of its own."""

    def __init__(self) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, __file__, "receive"], **pipes)
        self.port = int(self._say())

    @property
    def count(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._say())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _say(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def rss() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def add(store: Store, first: int) -> None:
    """Write ten sightings."""
    now = datetime.now(UTC)
    with store.together():
        for n in range(first, first + TOGETHER):
            key = f"{n:032x}"
            told = SightingData(
                key, "entry", "京A12345", "ordinary", 0.97, "local", now, now, 1, "provisional", key, key
            )
            store.events.add(EventType.SIGHTING, "京A12345", told, "entry", now)


def measure(batch: int, seconds: float, wanted: float) -> None:
    """Measure once and print."""
    receivers = [Elsewhere(), Elsewhere()]
    webhooks = {
        f"hook{n}": {
            "url": f"http://127.0.0.1:{one.port}/x",
            "allow_private": True,
            "secret": SECRET,
            "batch": batch,
        }
        for n, one in enumerate(receivers)
    }
    settings = Settings.model_validate({"outward": {"webhooks": webhooks}})
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DIR")) as folder:
        url, data = f"sqlite:///{folder}/streamwatch.db", Path(folder)
        clock, lifecycle = SystemClock(), Lifecycle(threading.Event())
        heartbeats = Heartbeats(clock.monotonic)
        store = open_store(url, data, sole=True)
        writer = WriteQueue(store, clock, Persistence(clock, lifecycle, heartbeats), heartbeats)
        reader_of = partial(open_reader, url, data)
        mqtt = MqttService(lambda: settings, dict, None, reader_of, spawn)  # type: ignore[arg-type]
        outward = Outward(lambda: settings, store, writer, reader_of, clock, spawn, mqtt)
        outward.prepare()

        def run() -> None:
            with suppress(ChannelClosed):
                writer.run()

        recorder = spawn(run, "recorder")
        outward.start()
        before, most, cpu, begun = rss(), 0.0, time.process_time(), time.monotonic()
        written = 0
        while (passed := time.monotonic() - begun) < seconds:
            if written < wanted * passed:
                writer.ask_vital(partial(add, store, written))
                written += TOGETHER
            else:
                time.sleep(0.002)
            if written % 500 == 0:
                most = max(most, rss())
        wrote = time.monotonic() - begun
        behind = [written - one.count for one in receivers]
        limit = time.monotonic() + 600
        while min(one.count for one in receivers) < written and time.monotonic() < limit:
            most = max(most, rss())
            time.sleep(0.05)
        took, used = time.monotonic() - begun, time.process_time() - cpu
        counts = [one.count for one in receivers]
        print(
            f"batch {batch:3}: {written / wrote:6.0f} written/s, {min(counts) / took:6.0f} delivered/s to each of two, "
            f"{used / took:4.2f} cores ({used / written * 1e3:4.2f} ms an event), memory {before:.0f} MB before, "
            f"{rss():.0f} MB after, {most:.0f} MB at most; {max(behind)} behind at the end, all there after "
            f"{took - wrote:.1f} s more; counts {counts} of {written}"
        )
        outward.stop()
        writer.close()
        recorder.join()
        store.close()
    for one in receivers:
        one.end()


def main() -> None:
    """Measure single events and batches."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    wanted = float(sys.argv[2]) if len(sys.argv) > 2 else 1000
    share_memory_between_threads()
    for batch in (1, 50):
        measure(batch, seconds, wanted)


if __name__ == "__main__":
    if sys.argv[1:] == ["receive"]:
        receive()
    else:
        main()
