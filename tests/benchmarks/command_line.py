"""What the command line costs: CPU seconds (user and system) of short verbs, beside an import of SQLAlchemy and Rich.

    python tests/benchmarks/command_line.py [RUNS]

The goal: `sightings --limit 10` costs at most 0.8 times the import of both plus 0.3 s, and `--version` nearly nothing.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIG = "cameras:\n  gate:\n    source: sample\n"


def cpu(command: list[str], folder: Path, runs: int) -> float:
    """Return the median of the CPU seconds of a command; the first run, which may compile modules, does not count."""
    spent = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(spent[1:])


def main() -> None:
    """Print a line for each command."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    program = [sys.executable, "-m", "streamwatch"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "data").mkdir()
        make = (
            "from pathlib import Path; from streamwatch.store import open_store; "
            "open_store('sqlite:///data/streamwatch.db', Path('data')).close()"
        )
        subprocess.run([sys.executable, "-c", make], cwd=folder, check=True)
        imports = cpu([sys.executable, "-c", "import sqlalchemy, rich"], folder, runs)
        print(f"{imports:6.2f} s  import sqlalchemy, rich")
        for arguments in (["--version"], ["--help"], ["sightings", "--limit", "10"], ["calls"]):
            print(f"{cpu([*program, *arguments], folder, runs):6.2f} s  streamwatch {' '.join(arguments)}")
    print(f"{0.8 * imports + 0.3:6.2f} s  goal for `sightings --limit 10`")


if __name__ == "__main__":
    main()
