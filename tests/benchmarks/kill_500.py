"""SIGKILL at five hundred random moments: nothing lost, nothing paid twice. Takes about half an hour on two cores.

    python tests/benchmarks/kill_500.py [--kills 500] [--daemons 5]

Prints one line per daemon and their total; exits with 1 where one of them lost something or paid twice.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from killing import Counting, Outcome, kill_many

COLUMNS = ("kills", "keyframes", "answered", "doubtful", "lost", "paid_twice", "sightings", "plates")


def line(name: str, values: list[str]) -> str:
    return f"{name:>8} " + " ".join(f"{value:>10}" for value in values)


def unaccounted(outcomes: list[Outcome], service: Counting) -> int:
    """Return the number of calls that reached the service and have no row in any ledger."""
    return (service.digests - sum((outcome.ledger for outcome in outcomes), Counter[str]())).total()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=500, help="of all daemons together")
    parser.add_argument("--daemons", type=int, default=5, help="that run side by side")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes, service = kill_many(Path(folder), asked.daemons, asked.kills // asked.daemons)
    print(line("daemon", [*COLUMNS, "integrity"]))
    for n, outcome in enumerate(outcomes, 1):
        print(line(str(n), [*(str(getattr(outcome, name)) for name in COLUMNS), outcome.integrity]))
    totals = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in COLUMNS}
    whole = len(outcomes) == asked.daemons and all(outcome.integrity == "ok" for outcome in outcomes)
    print(line("total", [*map(str, totals.values()), "ok" if whole else "BROKEN"]))
    stray = unaccounted(outcomes, service)
    print(f"calls at the service: {service.digests.total()}, without a row in a ledger: {stray}")
    print(f"requests that the service refused: {len(service.complaints)}")
    bad = totals["lost"] + totals["paid_twice"] + abs(totals["sightings"] - totals["plates"]) + stray
    return int(bad > 0 or not whole or bool(service.complaints))


if __name__ == "__main__":
    sys.exit(main())
