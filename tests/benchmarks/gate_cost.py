"""What the gate costs: CPU milliseconds per decoded 1080p frame, quiet and while a vehicle comes, stands and leaves.

The plate detector's looks are included. The searches of the whole picture in the first three seconds are shown apart:
they are paid once. Beside it what others do: MOG2 on a picture of 320 px, a strided luma difference, and the tutorials'
grey, blur and absdiff at full size.

    python tests/benchmarks/gate_cost.py
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from clips import Vehicle, render

from streamwatch.core.model import Frame, Picture
from streamwatch.detection import PlateDetector
from streamwatch.gate import Gate, Shot, Why

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIZE, FPS, SECONDS = (1920, 1080), 15, 30
SETTLED = 3  # s after which the whole picture is not searched any more
QUIET_LIMIT, BUSY_LIMIT = 0.3, 1.5  # ms


Look = Callable[[Picture, Callable[[], Picture]], object]
"""Looks at a picture: its luma, and how to get its colours."""


class Watched:
    """The gate, with what it saw and paid."""

    def __init__(self) -> None:
        self._gate, self._frames, self.busy, self.calls = Gate(find_plates=PlateDetector().look), 0, list[bool](), 0

    def look(self, luma: Picture, to_bgr: Callable[[], Picture]) -> None:
        at = START + timedelta(seconds=self._frames / FPS)
        self._frames += 1
        for decision in self._gate.look(Frame("gate", at, luma, to_bgr)):
            if isinstance(decision, Shot):
                self.calls += 1
                self._gate.answered(decision.passage, [(True, None)])
        report = self._gate.report
        self.busy.append(report is not None and report.why is not Why.QUIET)


class Others:
    """What others do with a picture."""

    def __init__(self) -> None:
        self._mog = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
        self._luma = self._blurred = np.empty((0, 0), np.uint8)

    def mog2(self, luma: Picture, _: Callable[[], Picture]) -> None:
        self._mog.apply(cv2.resize(luma, (320, 180)))

    def strided(self, luma: Picture, _: Callable[[], Picture]) -> None:
        small = luma[::6, ::6].copy()
        if self._luma.size:
            cv2.countNonZero(cv2.compare(cv2.absdiff(small, self._luma), 20, cv2.CMP_GT))
        self._luma = small

    def tutorial(self, _: Picture, to_bgr: Callable[[], Picture]) -> None:
        blurred = np.asarray(cv2.GaussianBlur(cv2.cvtColor(to_bgr(), cv2.COLOR_BGR2GRAY), (21, 21), 0), np.uint8)
        if self._blurred.size:
            cv2.threshold(cv2.absdiff(blurred, self._blurred), 25, 255, cv2.THRESH_BINARY)
        self._blurred = blurred


def costs(clip: Path, look: Look) -> list[float]:
    """Return the CPU milliseconds of each look; each contestant gets the pictures fresh from the decoder."""
    spent = []
    with av.open(str(clip)) as box:
        for frame in box.decode(video=0):
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
            bgr = partial(frame.to_ndarray, format="bgr24", threads=1)
            began = time.process_time()
            look(luma, bgr)
            spent.append(1000 * (time.process_time() - began))
    return spent


def main() -> None:
    cv2.setNumThreads(1)
    gate, others = Watched(), Others()
    with TemporaryDirectory() as folder:
        clip = Path(folder) / "gate.mp4"
        render(clip, [Vehicle("京A12345", enter=12.0, approach=2.5, stop=8.0)], SECONDS, fps=FPS, size=SIZE)
        looks = list(zip(costs(clip, gate.look), gate.busy, strict=True))
        print(f"{sum(cost for cost, _ in looks[: SETTLED * FPS]):6.0f} ms  gate, its first {SETTLED} s, once")
        looks = looks[SETTLED * FPS :]
        quiet, busy = (float(np.mean([cost for cost, b in looks if b is wanted])) for wanted in (False, True))
        print(f"{quiet:6.2f} ms  gate, nothing in view (at most {QUIET_LIMIT})")
        print(f"{busy:6.2f} ms  gate, a vehicle in view (at most {BUSY_LIMIT})")
        for name, other in (
            ("MOG2 at 320 px", others.mog2),
            ("strided luma difference", others.strided),
            ("grey, blur and absdiff at full size", others.tutorial),
        ):
            print(f"{np.mean(costs(clip, other)):6.2f} ms  {name}")
    print(f"{gate.calls} call for one vehicle")
    sys.exit(quiet > QUIET_LIMIT or busy > BUSY_LIMIT or gate.calls != 1)


if __name__ == "__main__":
    main()
