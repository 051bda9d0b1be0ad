"""How long an honest request to serve-ocr takes while 300 slow clients hold connections, and what they cost.

    python tests/benchmarks/slow_clients.py [--clients 300] [--requests 40]

The engine answers at once, so the figures are those of the server. The slow clients come from one address or from many;
each is at another point of its request, sends a byte a second, and comes again when it is hung up on. An honest request
carries a picture of about 50 kB.
"""

import argparse
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from serving_clients import BODY, BY_APPCODE, KINDS, Got, everything, request, serving

RAW = request(BODY, KINDS, BY_APPCODE)
POINTS = (0, 5, 60, len(RAW) - len(BODY) - 2, len(RAW) - len(BODY) + 10, len(RAW) // 2, len(RAW) - 3)
"""Where in its request a slow client stands."""


def trickle(place: tuple[str, int], address: str, number: int, over: threading.Event) -> None:
    """One slow client."""
    while not over.is_set():
        with suppress(OSError), socket.create_connection(place, source_address=(address, 0)) as connection:
            point = POINTS[number % len(POINTS)]
            connection.sendall(RAW[:point])
            while not over.wait(1.0):
                connection.sendall(RAW[point : point + 1])
                point += 1


def honest(place: tuple[str, int], raw: bytes) -> float:
    """Seconds until the answer is there. Raises AssertionError for any but a good one."""
    began = time.monotonic()
    with socket.create_connection(place, timeout=60) as connection:
        connection.sendall(raw)
        assert Got(everything(connection)).status == 200
    return time.monotonic() - began


def measure(clients: int, requests: int, address_of: Callable[[int], str]) -> tuple[list[float], float]:
    """Seconds of each honest request, and the CPU seconds of the process for each second that passed."""
    over = threading.Event()
    with serving() as where:
        place = ("127.0.0.1", where.service.port)
        crowd = [
            threading.Thread(target=trickle, args=(place, address_of(n), n, over), daemon=True) for n in range(clients)
        ]
        for one in crowd:
            one.start()
        time.sleep(5.0)
        began, cpu = time.monotonic(), time.process_time()
        taken = []
        for _ in range(requests):
            taken.append(honest(place, RAW))
            time.sleep(0.25)
        cost = (time.process_time() - cpu) / (time.monotonic() - began)
        over.set()
        for one in crowd:
            one.join()
    return taken, cost


def main() -> None:
    """Print one line for each crowd."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--clients", type=int, default=300)
    arguments.add_argument("--requests", type=int, default=40)
    asked = arguments.parse_args()
    print(f"an honest request has {len(RAW)} bytes; the CPU includes that of the clients, which share the process")
    for name, clients, address_of in (
        ("nobody beside", 0, lambda _: "127.0.0.1"),
        (f"{asked.clients} of one address", asked.clients, lambda _: "127.0.0.2"),
        (f"{asked.clients} of as many", asked.clients, lambda n: f"127.0.{1 + n // 250}.{1 + n % 250}"),
    ):
        taken, cost = measure(clients, asked.requests, address_of)
        print(f"{name:24} median {statistics.median(taken):.3f} s, longest {max(taken):.3f} s, CPU {cost:.2f} cores")
        assert max(taken) <= 1.0, "an honest request took longer than a second"


if __name__ == "__main__":
    main()
