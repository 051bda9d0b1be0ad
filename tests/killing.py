"""Kill a daemon at random moments, then compare the database, the ledger and the service's own log."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clips import Vehicle, render
from fakes import Behaviour, FakeOcrCars, ServedAnswer, ServedCall, plate

SECRET = "invented0appcode0of0kill0tests"
ONLINE = "Camera gate is online"
CLIPS = 12
FOUR = ("京AF0236", "苏EK3P82", "浙AD6071", "川B57K21")
LATENCY = 0.12  # s; long enough that kills meet calls in flight
NO_LOCAL = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
HIDDEN = ("rapidocr", "onnxruntime")
PathFinder.find_spec = lambda name, path=None, target=None: None if name in HIDDEN else find(name, path, target)
"""


class Counting(FakeOcrCars):
    """A service that reads each picture as a plate of its own after a moment, and counts the pictures' digests."""

    def __init__(self) -> None:
        super().__init__(plate(), appcode=SECRET)
        self.digests: Counter[str] = Counter()

    def answer(self, method: str, call: ServedCall) -> ServedAnswer | Behaviour:
        checked = super().answer(method, call)
        digest = hashlib.sha256(call.picture).hexdigest()
        with self._lock:
            self.digests[digest] += 1
        time.sleep(LATENCY)
        return plate(plate_of(digest), range=[]) if checked is self._answers[0] else checked


def plate_of(digest: str) -> str:
    """Return an ordinary plate made from a picture's digest."""
    return "京A" + "".join(
        "ABCDEFGHJK"[int(c, 16) % 10] if i < 2 else str(int(c, 16) % 10) for i, c in enumerate(digest[:5])
    )


def draw_clip(path: Path, texts: Sequence[str] = FOUR) -> None:
    """Draw a small gate where a vehicle passes every two and a half seconds.

    The clip is played in a loop. A plate that came again before its call was answered would be the same passage.
    """
    vehicles = [
        Vehicle(text, "yellow" if n % 2 else "blue", enter=0.3 + 2.5 * n, approach=0.7, stop=0.5, leave=0.4)
        for n, text in enumerate(texts)
    ]
    render(path, vehicles, 2.5 * len(texts), fps=10, size=(640, 360), preset="ultrafast", gop=1.0)


def draw_clips(folder: Path) -> list[Path]:
    """Draw enough gates to show more vehicles than a daemon remembers over a restart."""
    clips = [folder / f"gate{n}.mp4" for n in range(CLIPS)]
    numbers = random.Random(1)
    for path in clips:
        draw_clip(path, [f"京A{numbers.randrange(10000, 100000)}", f"苏E{numbers.randrange(10000, 100000)}"])
    return clips


@dataclass
class Outcome:
    """The findings after the last run of one daemon.

    keyframes: number of those to be read. paid_twice: calls beyond the first of each keyframe. lost: keyframes that
    were not read and are not doubtful. ledger: calls of each picture, by its digest.
    """

    kills: int
    keyframes: int
    answered: int
    doubtful: int
    paid_twice: int
    lost: int
    sightings: int
    plates: int
    integrity: str
    ledger: Counter[str]


class Victim:
    """A daemon on a database of its own."""

    def __init__(self, folder: Path, clips: list[Path], service: Counting) -> None:
        self._folder, self._clips, self._lives = folder, clips, 0
        folder.mkdir()
        (folder / "hidden").mkdir()
        (folder / "hidden" / "sitecustomize.py").write_text(NO_LOCAL)
        self._config: dict[str, Any] = {
            "recognizer": {"engine": "ocrcars", "ocrcars": {"endpoint": service.endpoint, "appcode": SECRET}},
            "gate": {"patience": "200ms", "close_after": "400ms"},
            "dedup": {"window": "1h"},
            "web": {"enabled": False},
        }

    def run(self, seconds: float, number: int, watching: bool = True) -> int:
        """Run the daemon, signal it some seconds after it began to watch (or to start), and return its exit code.

        Each run sees vehicles that the last runs did not see, because a known vehicle is not paid for.
        """
        clip = self._clips[self._lives % len(self._clips)]
        self._lives += 1
        cameras = {"gate": {"source": str(clip), "loop": True}}
        (self._folder / "config.yaml").write_text(json.dumps(self._config | {"cameras": cameras}))
        path = self._folder / "log"
        path.touch()
        before = path.read_text().count(ONLINE)
        with open(path, "a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamwatch", "run"],
                cwd=self._folder,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(self._folder / "hidden")},
            )
            limit = time.monotonic() + 60
            while watching and path.read_text().count(ONLINE) == before and time.monotonic() < limit:
                time.sleep(0.05)
            time.sleep(seconds)
            process.send_signal(number)
            return process.wait(60)

    def killed(self, times: int, seed: int) -> None:
        """Run and kill it at random moments; one kill in five comes while it starts."""
        moments = random.Random(seed)
        for n in range(times):
            self.run(moments.uniform(0.0, 3.0), signal.SIGKILL, watching=n % 5 != 4)

    def judge(self, kills: int) -> Outcome:
        """Run it once more, end it with SIGTERM, and compare."""
        code = self.run(5.0, signal.SIGTERM)
        assert code == 0, (self._folder / "log").read_text()[-3000:]
        database = sqlite3.connect(self._folder / "data" / "streamwatch.db")
        try:

            def ask(query: str) -> list[Any]:
                return [row[0] for row in database.execute(query)]

            (integrity,) = ask("PRAGMA integrity_check")
            states = Counter(ask("SELECT state FROM keyframes"))
            to_read = states.total() - states["kept"]
            calls = Counter(ask("SELECT keyframe_id FROM calls"))
            read = len(ask("SELECT DISTINCT keyframe_id FROM readings"))
            return Outcome(
                kills=kills,
                keyframes=to_read,
                answered=states["answered"],
                doubtful=states["doubtful"],
                paid_twice=calls.total() - len(calls),
                lost=to_read - read - states["doubtful"],
                sightings=len(ask("SELECT id FROM sightings")),
                plates=len(set(ask("SELECT plate FROM readings"))),
                integrity=integrity,
                ledger=Counter(ask("SELECT sha256 FROM calls")),
            )
        finally:
            database.close()


def kill_many(folder: Path, daemons: int, kills: int) -> tuple[list[Outcome], Counting]:
    """Kill several daemons side by side, each `kills` times; return their outcomes and the service that they called."""
    clips = draw_clips(folder)
    outcomes: list[Outcome] = []
    with Counting() as service:
        victims = [Victim(folder / f"daemon{n}", clips, service) for n in range(daemons)]

        def suffer(victim: Victim, seed: int) -> None:
            victim.killed(kills, seed)
            outcomes.append(victim.judge(kills))

        threads = [threading.Thread(target=suffer, args=(victim, n)) for n, victim in enumerate(victims)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return outcomes, service
