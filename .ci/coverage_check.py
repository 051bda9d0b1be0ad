"""Branch coverage of the tests by room, and the uncovered branches of money, storage and security code.

    coverage_check.py COVERAGE.json

Exit code 1 if less than `LEAST` of those branches are covered. A branch that no test can reach is marked
`# pragma: no branch` or `# pragma: no cover` in the code, with the reason beside it.
"""

import json
import sys
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

LEAST = 0.985
"""Part of the branches of the careful files. The rest is a margin for branches that only a race reaches."""
CAREFUL = (
    "streamwatch/core/redact.py",
    "streamwatch/http/*",
    "streamwatch/pipeline/*",
    "streamwatch/recognition/ocrcars/*",
    "streamwatch/store/*",
    "streamwatch/system/connections.py",
    "streamwatch/web/accounts/*",
)


def room_of(file: str) -> str:
    """Return the folder of the house that a file lies in."""
    parts = Path(file).parts
    return parts[1] if len(parts) > 2 else parts[0]


def is_careful(file: str) -> bool:
    """Return True if a file deals with money, storage or security."""
    return any(fnmatch(file, pattern) for pattern in CAREFUL)


def uncovered(report: dict[str, Any]) -> list[str]:
    """Return `file:line -> line` of each uncovered branch of the careful files, and `file:line` of each such line."""
    found = []
    for file, told in sorted(report["files"].items()):
        if is_careful(file):
            missing = set(told["missing_lines"])
            found += [f"{file}:{line}" for line in sorted(missing)]
            branches = [(a, b) for a, b in told["missing_branches"] if a not in missing and b not in missing]
            found += [f"{file}:{a} -> {b if b > 0 else 'exit'}" for a, b in branches]
    return found


def main() -> int:
    """Print the figures; return the exit code."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file, told in report["files"].items():
        summary = told["summary"]
        rooms[room_of(file)][0] += summary["covered_branches"]
        rooms[room_of(file)][1] += summary["num_branches"]
    print(f"{'room':<14} {'branches':>8} {'covered':>8}")
    for room, (covered, branches) in sorted(rooms.items()):
        print(f"{room:<14} {branches:>8} {covered / branches if branches else 1:>8.1%}")
    totals = report["totals"]
    print(f"{'all':<14} {totals['num_branches']:>8} {totals['covered_branches'] / totals['num_branches']:>8.1%}")
    careless = uncovered(report)
    summaries = [told["summary"] for file, told in report["files"].items() if is_careful(file)]
    branches = sum(summary["num_branches"] for summary in summaries)
    part = sum(summary["covered_branches"] for summary in summaries) / branches
    print(f"{'careful':<14} {branches:>8} {part:>8.1%} of money, storage and security; at least {LEAST:.1%}")
    for one in careless:
        print(f"  uncovered: {one}")
    return 0 if part >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
