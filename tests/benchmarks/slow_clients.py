"""How long an honest request takes while 300 slow clients hold connections, and what they cost.

    python tests/benchmarks/slow_clients.py [serve-ocr] [console] [--clients 300] [--requests 40]

Without a word, both servers. The engine of serve-ocr answers at once, so the figures are those of the servers. The slow
clients come from one address or from many. Each is at another point of its request, sends a byte a second, and comes
again when it is hung up on. With the console, one of four has asked for the page of the gate and takes a byte of it a
second. An honest request is a picture of about 50 kB for serve-ocr, or the page of the gate.

Exits with an AssertionError if an honest request takes longer than a second.
"""

import argparse
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from consoles import console_over
from listening import running
from serving_clients import BODY, BY_APPCODE, KINDS, Got, everything, request, serving

from streamwatch.http.pages import serve_pages
from streamwatch.web.console import make_console

PICTURE = request(BODY, KINDS, BY_APPCODE)
PAGE = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Language: zh-CN\r\nConnection: close\r\n\r\n"


@contextmanager
def serving_ocr() -> Iterator[int]:
    """Serve pictures; yield the port."""
    with serving() as where:
        yield where.service.port


@contextmanager
def serving_console() -> Iterator[int]:
    """Serve the console with its own limits; yield the port."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            console_over(f"sqlite:///{folder}/gate.db", folder) as console,
            running(serve_pages(lambda: make_console(console.backend, console.reader), "127.0.0.1", 0)) as server,
        ):
            yield server.port


def points(raw: bytes) -> tuple[int, ...]:
    """Return where in its request a slow client stands. Behind the end: it takes the answer slowly."""
    head = raw.index(b"\r\n\r\n") + 4
    return (0, 5, 30, head - 2, *((head + 10, len(raw) // 2, len(raw) - 3) if head < len(raw) else (len(raw),)))


def trickle(place: tuple[str, int], raw: bytes, address: str, number: int, over: threading.Event) -> None:
    """One slow client."""
    where = points(raw)
    while not over.is_set():
        with suppress(OSError), socket.create_connection(place, source_address=(address, 0)) as connection:
            point = where[number % len(where)]
            connection.sendall(raw[:point])
            while not over.wait(1.0):
                if point < len(raw):
                    connection.sendall(raw[point : point + 1])
                    point += 1
                elif not connection.recv(1):
                    break


def honest(place: tuple[str, int], raw: bytes) -> float:
    """Return the seconds until the answer is there. Raise AssertionError for any but a good one."""
    began = time.monotonic()
    with socket.create_connection(place, timeout=60) as connection:
        connection.sendall(raw)
        assert Got(everything(connection)).status == 200
    return time.monotonic() - began


def measure(
    server: Callable[[], AbstractContextManager[int]],
    raw: bytes,
    clients: int,
    requests: int,
    address_of: Callable[[int], str],
) -> tuple[list[float], float]:
    """Return the seconds of each honest request, and the CPU seconds of the process for each second that passed."""
    over = threading.Event()
    with server() as port:
        place = ("127.0.0.1", port)
        honest(place, raw)
        crowd = [
            threading.Thread(target=trickle, args=(place, raw, address_of(n), n, over), daemon=True)
            for n in range(clients)
        ]
        for one in crowd:
            one.start()
        time.sleep(5.0)
        began, cpu = time.monotonic(), time.process_time()
        taken = []
        for _ in range(requests):
            taken.append(honest(place, raw))
            time.sleep(0.25)
        cost = (time.process_time() - cpu) / (time.monotonic() - began)
        over.set()
        for one in crowd:
            one.join()
    return taken, cost


def main() -> None:
    """Print one line for each crowd."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("what", nargs="*", choices=["serve-ocr", "console"], default=["serve-ocr", "console"])
    arguments.add_argument("--clients", type=int, default=300)
    arguments.add_argument("--requests", type=int, default=40)
    asked = arguments.parse_args()
    for what, server, raw in (("serve-ocr", serving_ocr, PICTURE), ("console", serving_console, PAGE)):
        if what not in asked.what:
            continue
        print(f"{what}: an honest request has {len(raw)} bytes; the CPU includes the clients, which share the process")
        for name, clients, address_of in (
            ("nobody beside", 0, lambda _: "127.0.0.1"),
            (f"{asked.clients} of one address", asked.clients, lambda _: "127.0.0.2"),
            (f"{asked.clients} of as many", asked.clients, lambda n: f"127.0.{1 + n // 250}.{1 + n % 250}"),
        ):
            taken, cost = measure(server, raw, clients, asked.requests, address_of)
            print(
                f"{name:24} median {statistics.median(taken):.3f} s, longest {max(taken):.3f} s, CPU {cost:.2f} cores"
            )
            assert max(taken) <= 1.0, "an honest request took longer than a second"


if __name__ == "__main__":
    main()
