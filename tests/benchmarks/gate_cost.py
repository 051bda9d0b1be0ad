"""What the gate costs: CPU milliseconds per decoded 1080p frame, quiet and while a vehicle comes, stands and leaves.

Beside it what others do: MOG2 on a picture of 320 px, a strided luma difference, and the tutorials' grey, blur and
absdiff at full size. Plates are not looked for: that is the local finder's price, paid a few times per passage.

    python tests/benchmarks/gate_cost.py
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from clips import Vehicle, render

from streamwatch.gate import Gate, Shot
from streamwatch.model import Frame, Picture

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIZE, FPS, SECONDS = (1920, 1080), 15, 30
QUIET_LIMIT, BUSY_LIMIT = 0.3, 1.5  # ms


@dataclass
class Contestant:
    """Something that looks at every picture, luma and BGR, and the CPU seconds that each look took."""

    name: str
    work: Callable[[Picture, Picture], object]
    costs: list[float] = field(default_factory=list)

    def look(self, luma: Picture, bgr: Picture) -> None:
        began = time.process_time()
        self.work(luma, bgr)
        self.costs.append(time.process_time() - began)


class Watched:
    """The gate, with what it saw and paid."""

    def __init__(self) -> None:
        self._gate, self._frames, self.busy, self.calls = Gate(), 0, list[bool](), 0

    def look(self, luma: Picture, bgr: Picture) -> None:
        at = START + timedelta(seconds=self._frames / FPS)
        self._frames += 1
        for decision in self._gate.look(Frame("gate", at, luma, lambda: bgr)):
            if isinstance(decision, Shot):
                self.calls += 1
                self._gate.answered(decision.passage, [(True, None)])
        glance = self._gate.glance
        self.busy.append(glance is not None and bool(glance.followed))


class Others:
    """What others do with a picture."""

    def __init__(self) -> None:
        self._mog = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
        self._luma = self._blurred = np.empty((0, 0), np.uint8)

    def mog2(self, luma: Picture, bgr: Picture) -> None:
        self._mog.apply(cv2.resize(luma, (320, 180)))

    def strided(self, luma: Picture, bgr: Picture) -> None:
        small = luma[::6, ::6].copy()
        if self._luma.size:
            cv2.countNonZero(cv2.compare(cv2.absdiff(small, self._luma), 20, cv2.CMP_GT))
        self._luma = small

    def tutorial(self, luma: Picture, bgr: Picture) -> None:
        blurred = np.asarray(cv2.GaussianBlur(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), (21, 21), 0), np.uint8)
        if self._blurred.size:
            cv2.threshold(cv2.absdiff(blurred, self._blurred), 25, 255, cv2.THRESH_BINARY)
        self._blurred = blurred


def main() -> None:
    cv2.setNumThreads(1)
    gate, others = Watched(), Others()
    first, *rest = contestants = [
        Contestant("gate", gate.look),
        Contestant("MOG2 at 320 px", others.mog2),
        Contestant("strided luma difference", others.strided),
        Contestant("grey, blur and absdiff at full size", others.tutorial),
    ]
    with TemporaryDirectory() as folder:
        clip = Path(folder) / "gate.mp4"
        render(clip, [Vehicle("京A12345", enter=12.0, approach=2.5, stop=8.0)], SECONDS, fps=FPS, size=SIZE)
        with av.open(str(clip)) as box:
            for frame in box.decode(video=0):
                plane = frame.planes[0]
                luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
                bgr = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                for contestant in contestants:
                    contestant.look(luma, bgr)
    looks = list(zip(first.costs, gate.busy, strict=True))[2 * FPS :]
    quiet, busy = (1000 * float(np.mean([cost for cost, b in looks if b is wanted])) for wanted in (False, True))
    print(f"{quiet:6.2f} ms  gate, nothing in view (at most {QUIET_LIMIT})")
    print(f"{busy:6.2f} ms  gate, a vehicle in view (at most {BUSY_LIMIT})")
    for other in rest:
        print(f"{1000 * float(np.mean(other.costs)):6.2f} ms  {other.name}")
    print(f"{gate.calls} call for one vehicle")
    sys.exit(quiet > QUIET_LIMIT or busy > BUSY_LIMIT or gate.calls != 1)


if __name__ == "__main__":
    main()
