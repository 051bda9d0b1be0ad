"""How long after its plate can be read a vehicle's picture is in the outbox, live over RTSP.

    python tests/benchmarks/delay.py [--loops 2] [--only TEXT]

A drawn scene, 1280x720 at 25 pictures a second and an I-frame every 2 s, in which vehicles come at all phases of these
groups. Every picture decoded, I-frames (the default), and with a substream, one after the other; --only: those whose
name holds a text. A keyframe is in the outbox when its JPEG is on disk. Exits with 1 where a limit is broken.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from attention_contestants import APPCODE, AtTheBlue, cpu_so_far
from clips import Truth, Vehicle, render
from daemons import Running, paid
from fakes import FakeOcrCars
from rtsp_server import RtspServer

SECONDS, FPS, SUB_FPS, SUB_SIZE = 84.0, 25, 5, (640, 360)
PLATES = ("京AF0236", "苏EK3P82", "川A0638B", "浙AD6071", "粤B57E71", "鲁C88J23", "沪A6T950", "冀D31K40", "豫E2Q765")
COLOURS = ((45, 40, 165), (50, 125, 45), (150, 150, 155), (200, 200, 205), (60, 60, 62))
TRAFFIC = [
    Vehicle(text, enter=5 + 8.3 * n, approach=(2.4, 1.7, 3.0)[n % 3], stop=1.5, colour=COLOURS[n % 5])
    for n, text in enumerate(PLATES)
]
SETTLING = 2.0  # s after the first picture in which the scene is learned
PATIENCE = 3.0  # s for which a picture is waited for after its vehicle has gone


@dataclass(frozen=True)
class Mode:
    """A way to watch. median, worst: limits in seconds; None where there is none."""

    name: str
    attention: str
    watch: bool
    median: float | None
    worst: float | None


MODES = (
    Mode("every picture", "full", False, None, None),
    Mode("I-frames", "auto", False, 0.6, 2.5),
    Mode("substream", "auto", True, None, 1.0),
)


def waited(daemon: Running, truth: list[Truth], first: float, watched: tuple[float, float]) -> Iterator[float | None]:
    """Return the seconds from readable to the outbox, for each vehicle that was watched from its coming to its going.

    first: when the clip began first, and watched: from when until when, in seconds of the epoch. None: no picture came.
    """
    stored = sorted((daemon.data / path).stat().st_mtime for (path,) in daemon.rows("SELECT path FROM keyframes"))
    for loop in range(int((watched[1] - first) / SECONDS) + 1):
        for row in truth:
            came, went = first + loop * SECONDS + row.seen_from, first + loop * SECONDS + row.seen_until
            if row.readable_from is None or came < watched[0] or went + PATIENCE > watched[1]:
                continue
            near = [at for at in stored if came <= at <= went + PATIENCE]
            yield max(0.0, near[0] - first - loop * SECONDS - row.readable_from) if near else None


def measure(mode: Mode, folder: Path, truth: list[Truth], service: FakeOcrCars, loops: int) -> list[float | None]:
    """Return all waits in a number of loops of the scene."""
    with ExitStack() as ends:
        main = ends.enter_context(RtspServer(folder / "main.mp4"))
        small = ends.enter_context(RtspServer(folder / "small.mp4", began=main.began))
        camera = {"source": main.url} | ({"watch": small.url} if mode.watch else {})
        config: dict[str, Any] = {
            "cameras": {"gate": camera},
            "attention": mode.attention,
            "recognizer": paid(service) | {"ocrcars": {"endpoint": service.endpoint, "appcode": APPCODE}},
        }
        place = folder / mode.name
        place.mkdir()
        daemon = Running(place, config)
        ends.callback(daemon.end)
        daemon.until(lambda: "is online" in daemon.log(), 60)
        time.sleep(SETTLING)
        began, before = time.time(), cpu_so_far(daemon.process.pid)
        time.sleep(loops * SECONDS)
        used = cpu_so_far(daemon.process.pid) - before
        first = time.time() - time.monotonic() + main.began
        found = list(waited(daemon, truth, first, (began, time.time())))
    print(row(mode, found, 60 * used / (loops * SECONDS)), flush=True)
    return found


def row(mode: Mode, found: list[float | None], cpu: float) -> str:
    known = [one for one in found if one is not None]
    middle, worst = (statistics.median(known), max(known)) if known else (float("nan"), float("nan"))
    return f"{mode.name:14} {len(known):3} of {len(found):3} vehicles   {middle:6.2f}   {worst:5.2f}   {cpu:5.2f}"


def broken(mode: Mode, found: list[float | None]) -> Iterator[str]:
    """Return sentences about limits that are broken."""
    known = [one for one in found if one is not None]
    if len(known) < len(found) or not known:
        yield f"{mode.name}: {len(found) - len(known)} of {len(found)} vehicles without a picture"
        return
    for what, value, limit in (("median", statistics.median(known), mode.median), ("worst", max(known), mode.worst)):
        if limit is not None and value > limit:
            yield f"{mode.name}: {value:.2f} s in the {what}, not {limit:g}"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--loops", type=int, default=2)
    parser.add_argument("--only", default="")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, AtTheBlue(appcode=APPCODE) as service:
        folder = Path(name)
        truth = render(folder / "main.mp4", TRAFFIC, SECONDS, fps=FPS)
        render(folder / "small.mp4", TRAFFIC, SECONDS, fps=SUB_FPS, size=SUB_SIZE)
        print("from readable to the outbox           median   worst   CPU s a minute")
        modes = [mode for mode in MODES if told.only in mode.name]
        sentences = [text for m in modes for text in broken(m, measure(m, folder, truth, service, told.loops))]
    print("\n" + ("\n".join(f"BROKEN {text}" for text in sentences) if sentences else "no limit is broken"))
    return int(bool(sentences))


if __name__ == "__main__":
    sys.exit(main())
