"""Memory of the daemon on a live RTSP camera at 25 frames a second, after five minutes and at the end.

    python tests/benchmarks/memory.py [--minutes 60]

Prints a line a minute: resident and peak memory (MB), threads, open files, CPU seconds, calls. Exits with 1 where the
resident memory at the end is over 5 % more than after five minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from clips import Person, Vehicle, render
from fakes import FakeOcrCars, plate
from rtsp_server import RtspServer

SETTLED = 5  # min; what is loaded lazily is loaded by then
GROWTH = 1.05
SECRET = "invented0appcode0of0benchmarks"
PLATES = [f"京A{n:05d}" for n in range(10000, 99999, 37)]


def megabytes(status: str, key: str) -> float:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(key)) / 1024


def figures(pid: int) -> tuple[float, float, int, int, float]:
    """Return resident and peak megabytes, threads, open files, CPU seconds."""
    process = Path(f"/proc/{pid}")
    status = (process / "status").read_text()
    ticks = (process / "stat").read_text().rsplit(") ", 1)[1].split()[11:13]
    return (
        megabytes(status, "VmRSS"),
        megabytes(status, "VmHWM"),
        len(list((process / "task").iterdir())),
        len(list((process / "fd").iterdir())),
        sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
    )


def watch(process: subprocess.Popen[bytes], service: FakeOcrCars, minutes: int) -> list[float]:
    """Return the resident megabytes at the end of each minute."""
    resident, began = [], time.monotonic()
    print("minute     MB   peak  threads  files   CPU s  calls")
    for minute in range(1, minutes + 1):
        time.sleep(max(0.0, began + minute * 60 - time.monotonic()))
        if process.poll() is not None:
            raise SystemExit(f"the daemon ended with {process.returncode}")
        now, peak, threads, files, cpu = figures(process.pid)
        resident.append(now)
        line = f"{minute:6d} {now:6.1f} {peak:6.1f} {threads:8d} {files:6d} {cpu:7.1f} {len(service.calls):6d}"
        print(line, flush=True)
    return resident


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=int, default=60)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "gate.mp4"
        vehicles = [Vehicle("京AF0236", enter=1), Vehicle("苏EK3P82", "yellow", 9), Person(enter=16)]
        render(clip, vehicles, 22, fps=25, size=(1280, 720))
        replies = [plate(text, range=[]) for text in PLATES]
        with RtspServer(clip) as server, FakeOcrCars(*replies, appcode=SECRET) as service:
            config = {
                "cameras": {"gate": {"source": server.url}},
                "recognizer": {"ocrcars": {"endpoint": service.endpoint, "appcode": SECRET}},
            }
            (folder / "config.yaml").write_text(json.dumps(config))
            command = [sys.executable, "-m", "streamwatch", "run", "--config", str(folder / "config.yaml")]
            with open(folder / "log", "w") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                resident = watch(process, service, minutes)
            finally:
                process.terminate()
                code = process.wait(30)
    early, late = resident[min(SETTLED, minutes) - 1], resident[-1]
    print(f"{early:.1f} MB after {SETTLED} min, {late:.1f} MB at the end: {late / early - 1:+.1%}; exit code {code}")
    return int(late > early * GROWTH or code != 0)


if __name__ == "__main__":
    sys.exit(main())
