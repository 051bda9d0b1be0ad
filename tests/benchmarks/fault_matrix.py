"""What each known kind of fault costs, one after the other. Takes about twenty minutes on two cores.

    python tests/benchmarks/fault_matrix.py [--only WORD] [--table KIND] [--local] [--side-by-side 4]

Prints two Markdown tables. Faults of the service: `streamwatch replay` of a clip with four vehicles, while calls 2
and 3 (transient) or all calls (permanent) go wrong. Faults of the machine: `streamwatch run` on a gate where a vehicle
passes every two and a half seconds. Without --local the local engine is hidden, as where that extra is not installed.
Full and read-only disks are small tmpfs and need root.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from clips import Vehicle, render
from killing import NO_LOCAL, ONLINE, draw_clip
from misbehaving import FAULTS, Figures, Truthful, counted, of_passage, read_figures, write_config
from rtsp_server import Mode, RtspServer

START = datetime.fromisoformat("2026-01-05T08:00:00+00:00")
VEHICLES = [
    Vehicle("京AF0236", enter=1.0, approach=1.5, stop=1.5, leave=0.6),
    Vehicle("苏EK3P82", enter=6.5, approach=1.5, stop=1.5, leave=0.6),
    Vehicle("粤BP57E7", enter=12.0, approach=1.5, stop=1.5, leave=0.6),
    Vehicle("沪C8M215", enter=17.5, approach=1.5, stop=1.5, leave=0.6),
]
SECONDS = 23
AWAY = 15.0  # s that the service refuses connections, a lock is held, a disk is full
WATCHED = 12.0  # s of ordinary work before a fault and after it


def environment(folder: Path, local: bool) -> dict[str, str]:
    """Hide the local engine, unless it is wanted."""
    if local:
        return dict(os.environ)
    (folder / "hidden").mkdir(exist_ok=True)
    (folder / "hidden" / "sitecustomize.py").write_text(NO_LOCAL)
    return {**os.environ, "PYTHONPATH": str(folder / "hidden")}


def of_vehicle(database: sqlite3.Connection, keyframe: int) -> str:
    """Return the plate of the vehicle that was before the gate when the keyframe was taken."""
    (text,) = database.execute("SELECT captured_at FROM keyframes WHERE id = ?", (keyframe,)).fetchone()
    at = (datetime.fromisoformat(text + "+00:00") - START) / timedelta(seconds=1)
    return max((v for v in VEHICLES if v.enter <= at), key=lambda v: v.enter).plate


def row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def first_complaint(log: Path) -> str:
    """Return the first error in a log, else the first warning, without its time."""
    lines = log.read_text().splitlines()
    for mark in (" ERROR ", " WARNING "):
        for line in lines:
            if mark in line:
                return line.split(mark, 1)[1].strip()[:110].replace("|", "/")
    return "-"


def service_fault(folder: Path, clip: Path, fault: str, permanent: bool, local: bool) -> str:
    """Return one row of the first table."""
    folder.mkdir()
    database = folder / "data" / "streamwatch.db"
    gone = fault == "connection refused"
    first, last = (1, 10**9) if permanent else (2, 3)
    service = Truthful(database, of_vehicle, lambda n: fault if not gone and first <= n <= last else None)
    with service:
        config = write_config(folder, service.endpoint, str(clip))
        if gone and permanent:
            service.leave()
        elif gone:
            threading.Thread(target=away_after_first_call, args=(service,)).start()
        with open(folder / "log", "w") as log:
            command = [sys.executable, "-m", "streamwatch", "replay", "--config", str(config), "--camera", "gate"]
            began = time.monotonic()
            code = subprocess.run(
                [*command, "--start", START.isoformat(), str(clip)],
                env=environment(folder, local),
                stdout=log,
                stderr=log,
                timeout=900,
            ).returncode
        took = time.monotonic() - began
        if gone and permanent:
            service.enter()
        figures = read_figures(database)
    truth = {vehicle.plate for vehicle in VEHICLES}
    f", wrong {len(figures.plates - truth)}" if figures.plates - truth else ""
    return row(
        fault + (" (all calls)" if permanent else ""),
        counted(figures.calls),
        first_complaint(folder / "log"),
        counted(figures.states),
        f"{len(figures.plates & truth)} of {len(truth)}"
        + (f", wrong {len(figures.plates - truth)}" if figures.plates - truth else ""),
        figures.lost,
        figures.paid_twice,
        f"{took:.0f} s" + (f", exit {code}" if code else ""),
    )


def away_after_first_call(service: Truthful) -> None:
    limit = time.monotonic() + 60
    while not service.calls and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.2)
    service.leave()
    time.sleep(AWAY)
    service.enter()


class Daemon:
    """`streamwatch run` in a folder."""

    def __init__(self, folder: Path, config: Path, local: bool) -> None:
        self.log, self._config, self._env = folder / "log", config, environment(folder, local)
        self.log.touch()
        self.start()

    def start(self) -> None:
        before = self.log.read_text().count(ONLINE)
        with open(self.log, "a") as log:
            command = [sys.executable, "-m", "streamwatch", "run", "--config", str(self._config)]
            self.process = subprocess.Popen(command, env=self._env, stdout=subprocess.DEVNULL, stderr=log)
        limit = time.monotonic() + 60
        while self.log.read_text().count(ONLINE) == before and time.monotonic() < limit and self.process.poll() is None:
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(60)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Yield a tmpfs."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def watching(folder: Path, source: str, local: bool, **more: object) -> Iterator[Daemon]:
    """Yield a daemon with an honest service, and watch it before the fault and after it."""
    data = Path(str(more.get("data_dir", folder / "data")))
    with Truthful(folder_database(folder, data, more), of_passage, lambda _: None) as service:
        config = write_config(folder, service.endpoint, source, **{"gate": GATE, "retention": {"min_free": 0}, **more})
        daemon = Daemon(folder, config, local)
        try:
            time.sleep(WATCHED)
            yield daemon
            time.sleep(WATCHED)
        finally:
            daemon.end()


GATE = {"patience": "200ms", "close_after": "400ms"}


def folder_database(folder: Path, data: Path, more: dict[str, object]) -> Path:
    given = more.get("database")
    return Path(str(given).removeprefix("sqlite:///")) if given else data / "streamwatch.db"


def disk_full(folder: Path, clip: Path, local: bool) -> tuple[Figures, Daemon]:
    with small_disk(folder / "data", "12m") as disk:
        with watching(folder, str(clip), local) as daemon:
            filler = disk / "filler"
            with open(filler, "wb", buffering=0) as file, suppressed_full():
                while True:
                    file.write(bytes(65536))
            time.sleep(AWAY)
            filler.unlink()
        return read_figures(disk / "streamwatch.db"), daemon


@contextmanager
def suppressed_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != 28:
            raise


def read_only(folder: Path, clip: Path, local: bool) -> tuple[Figures, Daemon]:
    database = folder / "base" / "streamwatch.db"
    database.parent.mkdir()
    with small_disk(folder / "data", "50m") as disk:
        with watching(folder, str(clip), local, database=f"sqlite:///{database}") as daemon:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            time.sleep(AWAY)
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        return read_figures(database), daemon


def locked(folder: Path, clip: Path, local: bool) -> tuple[Figures, Daemon]:
    database = folder / "data" / "streamwatch.db"
    with (
        watching(folder, str(clip), local) as daemon,
        closing(sqlite3.connect(database, isolation_level=None)) as other,
    ):
        other.execute("PRAGMA busy_timeout = 30000")
        other.execute("BEGIN IMMEDIATE")
        time.sleep(AWAY)
        other.execute("ROLLBACK")
    return read_figures(database), daemon


def killed(folder: Path, clip: Path, local: bool) -> tuple[Figures, Daemon]:
    with watching(folder, str(clip), local) as daemon:
        daemon.end(signal.SIGKILL)
        daemon.start()
    return read_figures(folder / "data" / "streamwatch.db"), daemon


def camera(mode: Mode) -> Callable[[Path, Path, bool], tuple[Figures, Daemon]]:
    """Watch a camera that misbehaves in this way for a while."""

    def fault(folder: Path, clip: Path, local: bool) -> tuple[Figures, Daemon]:
        patient = {"deadline": "3s", "frozen_after": "5s", "reopen_longest": "2s"}
        with RtspServer(clip) as server, watching(folder, server.url, local, capture=patient) as daemon:
            server.misbehave(mode)
            time.sleep(AWAY)
            server.misbehave("well")
        return read_figures(folder / "data" / "streamwatch.db"), daemon

    return fault


def camera_gone(folder: Path, clip: Path, local: bool) -> tuple[Figures, Daemon]:
    with RtspServer(clip) as server, watching(folder, server.url, local) as daemon:
        server.stop()
        time.sleep(AWAY)
        server.restart()
    return read_figures(folder / "data" / "streamwatch.db"), daemon


MACHINE: dict[str, Callable[[Path, Path, bool], tuple[Figures, Daemon]]] = {
    "disk full": disk_full,
    "evidence folder read-only": read_only,
    "database locked": locked,
    "SIGKILL and restart": killed,
    "camera off": camera_gone,
    "camera silent": camera("silent"),
    "camera sends no picture": camera("frozen"),
    "camera sends one picture": camera("stuck"),
    "camera sends noise": camera("noise"),
}


def machine_fault(folder: Path, clip: Path, fault: str, local: bool) -> str:
    """Return one row of the second table."""
    folder.mkdir()
    figures, daemon = MACHINE[fault](folder, clip, local)
    return row(
        fault,
        first_complaint(daemon.log),
        counted(figures.outcomes),
        f"{figures.longest_gap:.1f} s",
        f"{figures.sightings} of {figures.passages}",
        figures.lost,
        figures.paid_twice,
        f"exit {daemon.process.returncode}, {figures.integrity}",
    )


def table(heading: list[str], rows: Iterable[str]) -> None:
    print(row(*heading))
    print(row(*("---" for _ in heading)))
    for line in rows:
        print(line, flush=True)
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--table", choices=["transient", "permanent", "machine"], help="only these")
    parser.add_argument("--local", action="store_true", help="with the local engine where it is installed")
    parser.add_argument("--side-by-side", type=int, default=4, help="replays at the same time; they mostly wait")
    asked = parser.parse_args()
    names = [name for name in [*FAULTS, "slow", "connection refused"] if asked.only in name]
    with tempfile.TemporaryDirectory() as text, ThreadPoolExecutor(asked.side_by_side) as pool:
        folder = Path(text)
        clip, gate = folder / "four.mp4", folder / "gate.mp4"
        render(clip, VEHICLES, SECONDS, fps=10, size=(640, 360), preset="ultrafast")
        draw_clip(gate)
        cases = [
            (name, permanent)
            for permanent, kind in ((False, "transient"), (True, "permanent"))
            for name in names
            if asked.table in (None, kind)
        ]

        def run(case: tuple[str, bool]) -> str:
            place = folder / f"{case[0]}-{case[1]}".replace(" ", "-")
            return service_fault(place, clip, *case, asked.local)

        if cases:
            heading = ["service", "calls", "first complaint", "keyframes", "plates", "lost", "paid twice", "took"]
            table(heading, pool.map(run, cases))
        found = [name for name in MACHINE if asked.only in name and asked.table in (None, "machine")]
        if found:
            heading = ["machine", "first complaint", "passages", "longest gap", "plates", "lost", "paid twice", "end"]
            table(heading, (machine_fault(folder / name.replace(" ", "-"), gate, name, asked.local) for name in found))


if __name__ == "__main__":
    main()
