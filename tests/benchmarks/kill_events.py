"""Kill the program that writes and delivers events 200 times, or as often as asked.

    python tests/benchmarks/kill_events.py [KILLS]

Prints what was written, what came to the receiver, what was lost, repeated, or came with another id or out of order.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from killing_events import kill_events


def main() -> None:
    """Kill, compare and print."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        found = kill_events(Path(folder), kills)
    for name, value in vars(found).items():
        print(f"{name:10} {value}")
    bad = found.lost or found.other_ids or not found.in_order or not found.signed or found.events != found.written
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
