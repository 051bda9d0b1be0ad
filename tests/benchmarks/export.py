"""What exports of a large database cost: seconds, CPU, size, and memory above idle, by the console and by the verb.

    python tests/benchmarks/export.py [PASSAGES] [FOLDER]

PASSAGES (a million) are written as in search.py, a sighting for 19 of 20. FOLDER keeps the database for a second run.
`streamwatch web` serves it in a process of its own. Memory is the peak of its resident memory during an export less
that before it, when it has already answered and made a small export of each kind. The goal: at most 60 MB.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import httpx
from daemons import free_port
from search import fill_sqlite

KINDS = ("sightings.csv", "passages.csv", "sightings.xlsx", "passages.xlsx")
SMALL = "since=2023-01-02T00:00:00Z&until=2023-01-03T00:00:00Z"


def memory(pid: int, name: str) -> float:
    """Return a line of /proc/PID/status in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1000


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def download(client: httpx.Client, path: str) -> tuple[int, float]:
    """Return the bytes of an answer, of which none is kept, and the seconds until its first byte."""
    began, first, size = time.monotonic(), 0.0, 0
    with client.stream("GET", path) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            first = first or time.monotonic() - began
            size += len(piece)
    return size, first


def by_the_console(config: Path, port: int) -> bool:
    """Print a line for each kind of export; return True if each is within the goal."""
    command = [sys.executable, "-m", "streamwatch", "web", "--config", str(config)]
    good = True
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=3600) as client:
                for kind in KINDS:
                    download(client, f"/{kind}?{SMALL}")
                time.sleep(1)
                for kind in KINDS:
                    idle = memory(server.pid, "VmRSS")
                    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
                    began, spent = time.monotonic(), cpu(server.pid)
                    size, first = download(client, f"/{kind}")
                    took, spent = time.monotonic() - began, cpu(server.pid) - spent
                    above = memory(server.pid, "VmHWM") - idle
                    good = good and above <= 60
                    figures = f"{took:7.0f} {first:7.1f} {spent:7.0f} {size / 1e6:8.0f} {idle:7.0f} {above:7.1f}"
                    print(f"console {kind:16}{figures}", flush=True)
        finally:
            server.terminate()
    return good


def by_the_verb(config: Path, folder: Path) -> None:
    """Print a line for each kind of export."""
    for kind in KINDS:
        verb, _, ending = kind.partition(".")
        file = folder / f"out.{ending}"
        began = time.monotonic()
        command = [sys.executable, "-m", "streamwatch", verb, "--config", str(config), "--output", str(file)]
        process = subprocess.Popen(command)
        _, _, usage = os.wait4(process.pid, 0)
        took, spent = time.monotonic() - began, usage.ru_utime + usage.ru_stime
        size, peak = file.stat().st_size / 1e6, usage.ru_maxrss / 1000
        print(f"verb    {kind:16}{took:7.0f} {'':7} {spent:7.0f} {size:8.0f} {'':7} {peak:7.1f} (whole)", flush=True)


def main() -> int:
    """Print a table; return 1 if the console took more memory than the goal."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else name).absolute()
        folder.mkdir(exist_ok=True)
        file = folder / f"{number}.db"
        if not file.exists():
            fill_sqlite(file, number)
        port, config = free_port(), folder / "config.yaml"
        settings = {
            "database": f"sqlite:///{file}",
            "data_dir": str(folder / "data"),
            "web": {"port": port},
            "cameras": {"gate-1": {"source": "sample"}},
            "recognizer": {"engine": "local"},
        }
        config.write_text(json.dumps(settings))
        print("who     what                  s first s   CPU s       MB idle MB  + MB")
        good = by_the_console(config, port)
        by_the_verb(config, folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
