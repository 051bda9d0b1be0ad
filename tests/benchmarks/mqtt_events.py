"""How many events a second one broker takes, and what that costs.

`python tests/benchmarks/mqtt_events.py [NUMBER]` starts Debian's mosquitto, publishes NUMBER events (default 10,000) in
batches over one link, each acknowledged, and prints events a second, CPU of this process for each event, and its
largest memory. A second client counts what arrives.
"""

import resource
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "outward")]

from brokers import Listener, running_broker  # noqa: E402
from test_mqtt_link import linked, sighting  # noqa: E402


def main(number: int) -> None:
    events = [sighting(n) for n in range(number)]
    with running_broker() as broker, Listener(broker, "gate/cameras/+/sighting") as listener, linked(broker) as daemon:
        sender = daemon.sender
        sender.send(events[:1])
        began, cpu = time.monotonic(), time.process_time()
        for at in range(0, number, sender.most):
            sender.send(events[at : at + sender.most])
        took, used = time.monotonic() - began, time.process_time() - cpu
        listener.until(lambda: len(listener.messages) >= number + 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"{number} events in {took:.1f} s: {number / took:.0f} a second")
    print(f"{used / number * 1000:.2f} ms CPU each, with the client that listens; {memory:.0f} MB at most")
    assert threading.active_count() == 1


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
