"""SIGKILL at two hundred random moments around openings: none opens twice, none after the restart, each has its row.

    python tests/benchmarks/kill_openings.py [--kills 200] [--seed 1]

A real daemon, a relay that answers after 0 to 80 ms, and two people who press without a pause. Prints what the relay
heard, the rows by their state, and the faults; exits with 1 if there is one. Takes a quarter of an hour.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from opening_kills import kill_around_openings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_around_openings(Path(folder) / "daemon", asked.kills, asked.seed)
    print(f"kills: {found.kills}, orders at the relay: {found.orders}, rows: {dict(found.rows)}")
    print(
        f"opened twice: {found.twice}, after a restart: {found.after_restart}, without a row before: "
        f"{found.without_row}, done without an order: {found.missing}, still requested: {found.rows['requested']}"
    )
    return int(found.bad > 0)


if __name__ == "__main__":
    sys.exit(main())
