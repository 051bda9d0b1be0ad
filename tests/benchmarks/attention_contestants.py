"""The programs that watch a clip in the attention benchmark, and how their CPU seconds are counted."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from attention_clips import BUSY, FPS, SECONDS, SIZE, Clip, first_seconds, joined
from daemons import query_database
from fakes import Behaviour, FakeOcrCars, ServedAnswer, ServedCall, plate

from streamwatch.config import loading

Command = Sequence[str | Path]
KEYS = list(loading.keys())
APPCODE = "invented0appcode0of0benchmarks"
REDDER = 6.0  # grey levels by which red or green stands out in the mean of a painted vehicle's picture
BLUER = 70  # grey levels by which blue stands out over red on a plate
AGAIN = 3  # further runs through a clip for a program that loads something at its first vehicle
START = 2.0  # s of a clip whose cost counts as that of the program's start
SETTLING = 20.0  # s after its start in which a playing one meets its first vehicle and loads what it needs for it
PATIENCE = 60.0  # s for its start
READ = "import sys, cv2\nclip = cv2.VideoCapture(sys.argv[1])\nwhile clip.read()[0]:\n    pass\n"
MOTION = """
daemon off
setup_mode off
log_level 4
webcontrol_port 0
stream_port 0
picture_output off
movie_output off
width {width}
height {height}
framerate {fps}
netcam_url file://{clip}
target_dir {folder}
"""


@dataclass(frozen=True)
class Through:
    """Runs through a file as fast as it goes. command: from the file and an empty folder.

    again: it loads what it needs when a vehicle is first there; so the whole clip is its start, and several in one
    recording are what counts.
    """

    name: str
    command: Callable[[Path, Path], Command]
    again: bool = False

    def minute(self, clip: Path, folder: Path) -> float:
        """Return the CPU seconds for a minute of the clip: the difference between a longer and a shorter run."""
        if self.again:
            parts, seconds = {"less": clip, "more": joined(clip, 1 + AGAIN, folder)}, float(AGAIN * SECONDS)
        else:
            parts, seconds = {"less": first_seconds(clip, START, folder), "more": clip}, SECONDS - START
        spent = {}
        for part, video in parts.items():
            place = folder / f"{self.name} {part}"
            place.mkdir()
            spent[part] = _cpu_of(self.command(video, place), place)
        return 60 * (spent["more"] - spent["less"]) / seconds


@dataclass(frozen=True)
class Playing:
    """Plays a file at its pace, in a loop. started: a line of its log after which it does; "" where it says nothing."""

    name: str
    command: Callable[[Clip, Path], Command]
    started: str = ""


def minute_of(player: Playing, clip: Clip, folder: Path) -> float:
    """Return the CPU seconds of a minute without another program, as programs that share caches slow each other."""
    place = folder / player.name
    place.mkdir()
    with ExitStack() as ends:
        process = _start(player.command(clip, place), place, ends)
        _wait_for(player.started, process, place / "log")
        time.sleep(SETTLING)
        before, began = cpu_so_far(process.pid), time.monotonic()
        time.sleep(SECONDS)
        return 60 * (cpu_so_far(process.pid) - before) / (time.monotonic() - began)


def cpu_so_far(pid: int) -> float:
    """Return the CPU seconds of a process and its threads."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def knows(key: str) -> bool:
    """True if this version has a key of the config."""
    return any(one == key or one.startswith(f"{key}.") for one in KEYS)


def ffmpeg(clip: Path, folder: Path) -> Command:
    return ["ffmpeg", "-v", "error", "-threads", "1", "-i", clip, "-f", "null", "-"]


def cv2_read(clip: Path, folder: Path) -> Command:
    return [sys.executable, "-c", READ, clip]


def dvr_scan(program: Path) -> Callable[[Path, Path], Command]:
    return lambda clip, folder: [program.absolute(), "-q", "-so", "-i", clip]


def motion(clip: Clip, folder: Path) -> Command:
    text = MOTION.format(width=SIZE[0], height=SIZE[1], fps=FPS, clip=clip.main.absolute(), folder=folder)
    (folder / "motion.conf").write_text(text)
    return ["motion", "-n", "-c", folder / "motion.conf"]


@dataclass(frozen=True)
class Product:
    """streamwatch with a stand-in of the paid service."""

    recognizer: dict[str, Any]

    def replay(self, attention: str) -> Callable[[Path, Path], Command]:
        """Return the verb `replay` as a contestant. attention: auto or full."""

        def command(clip: Path, folder: Path) -> Command:
            words = ("replay", "--camera", "gate", clip)
            return self._command(*words, source=clip, attention=attention, folder=folder)

        return command

    def run(self, watch: bool) -> Callable[[Clip, Path], Command]:
        """Return the verb `run` as a contestant. watch: with the substream."""

        def command(clip: Clip, folder: Path) -> Command:
            sub = {"watch": str(clip.sub.absolute())} if watch else {}
            return self._command("run", source=clip.main, attention="auto", folder=folder, **sub)

        return command

    def _command(self, *words: str | Path, source: Path, attention: str, folder: Path, **camera: str) -> Command:
        settings: dict[str, Any] = {
            "cameras": {"gate": {"source": str(source.absolute()), "loop": True, **camera}},
            "recognizer": self.recognizer,
        }
        if knows("attention"):
            settings["attention"] = attention
        (folder / "config.yaml").write_text(json.dumps(settings), "utf-8")
        return [sys.executable, "-m", "streamwatch", *words, "--config", folder / "config.yaml"]


class AtTheBlue(FakeOcrCars):
    """Reads some plate where a picture is blue."""

    def answer(self, method: str, call: ServedCall) -> ServedAnswer | Behaviour:
        checked = super().answer(method, call)
        if checked is not self._answers[0]:
            return checked
        picture = cv2.imdecode(np.frombuffer(call.picture, np.uint8), cv2.IMREAD_COLOR)
        return plate(self.read(picture), range=blue(picture))

    def read(self, picture: np.ndarray) -> str:
        """Return the plate of a vehicle."""
        return BUSY[0].plate


class ByColour(AtTheBlue):
    """Knows the vehicles of the busy clips by their paint, so that it answers right whoever asks, and when."""

    def read(self, picture: np.ndarray) -> str:
        _, green, red = (float(value) for value in picture.mean(axis=(0, 1)))
        return BUSY[0 if red > green + REDDER else 1 if green > red + REDDER else 2].plate


def blue(picture: np.ndarray) -> list[dict[str, int]]:
    """Return the corners of the largest blue area, in the order of the service; none if nothing is blue."""
    blue, _, red = cv2.split(picture)
    areas, _ = cv2.findContours(
        cv2.compare(cv2.subtract(blue, red), BLUER, cv2.CMP_GT), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    if not areas:
        return []
    x, y, width, height = cv2.boundingRect(max(areas, key=cv2.contourArea))
    return [{"y": y + b * height, "x": x + a * width} for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]


def plates(place: Path) -> set[str]:
    """Return the plates that a run of the product in this folder has sighted."""
    return {plate for (plate,) in query_database(place / "data" / "streamwatch.db", "SELECT plate FROM sightings")}


def installed(program: str) -> bool:
    return shutil.which(program) is not None


def _cpu_of(command: Command, place: Path) -> float:
    """Run a command to its end; return the CPU seconds of all its processes."""
    with open(place / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{(place / 'log').read_text(errors='replace')[-2000:]}")
    return used.ru_utime + used.ru_stime


def _start(command: Command, place: Path, ends: ExitStack) -> subprocess.Popen[bytes]:
    with open(place / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
    ends.callback(process.wait)
    ends.callback(process.terminate)
    return process


def _wait_for(line: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while line not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{process.args} does not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
