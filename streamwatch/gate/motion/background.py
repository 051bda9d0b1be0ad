"""The background model: what the empty scene looks like, and where a picture differs from it.

A running mean and mean deviation per pixel (the deviation as in Manzanera & Richefeu, "A robust and computationally
efficient motion detection algorithm based on Sigma-Delta background estimation", ICVGIP 2004), kept on a small luma
picture. Two things are added for a gate: a change of light of the whole picture is removed before the comparison, and
pixels under a vehicle are not learned, so that a parked vehicle does not become a part of the scene.
"""

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Picture
from streamwatch.gate.motion.regions import Region

BLACK = 16.0  # luma of black in limited-range video; light scales what lies above it
LEARN = 3.0  # s, time constant of the mean
LEARN_SPREAD = 6.0  # s, time constant of the mean deviation
SPREADS = 3.0  # mean deviations by which a pixel may differ without counting as changed
GRAIN = 4  # grey levels; noise of the sensor, by which a pixel differs from the mean although it does not flicker
UPDATE_EVERY = 0.2  # s between two updates: learning is slow, so it is not needed on every frame
GONE_OUTLINE, GONE_INSIDE = 1.3, 1.15  # ratios of edges, learned scene to now, from which a region is a gap
_OUTLINE, _GAPS = np.ones((3, 3), np.uint8), np.ones((9, 9), np.uint8)
SAME_LIGHT = 0.02  # relative gain below which nothing is corrected
NEAR = 6.0  # grey levels by which a pixel may differ from a tone, or from what is expected
PLAIN = 0.9  # part of the pixels from which a picture of one tone shows nothing
EXPECTED = 0.6  # part of the pixels as expected from which it shows the scene nevertheless


class Background:
    """The empty scene of one camera on small luma pictures, (height, width) uint8."""

    def __init__(self, threshold: int) -> None:
        """threshold: grey levels at ordinary light (mean luma 110) from which a still pixel counts as changed."""
        self._threshold = threshold
        self._mean: npt.NDArray[np.float32] | None = None
        self._spread: npt.NDArray[np.float32] = np.empty(0, np.float32)
        self._margin: Picture = np.empty(0, np.uint8)
        self._scene: Picture = np.empty(0, np.uint8)
        self._difference: Picture = np.empty(0, np.uint8)
        self._learned: Picture = np.empty(0, np.uint8)
        self._gain = 1.0
        self.shows_nothing = False
        """True if the last picture was of one tone, as cameras and decoders send it after a failure."""
        self._started = self._updated = 0.0

    def start(self, small: Picture, at: float) -> None:
        """Take this picture as the empty scene."""
        self._mean, self._learned = small.astype(np.float32), small
        self._spread = np.full(small.shape, 2.0, np.float32)
        self._started = self._updated = at
        self._renew()

    def change(self, small: Picture, vehicles: Picture | None) -> Picture:
        """Return 255 where `small` differs from the empty scene, else 0; the same shape. 255 everywhere if it is blank.

        vehicles: 255 where vehicles are known to stand, or None; they do not vote on the light.
        """
        assert self._mean is not None
        self._gain = self._light(small, vehicles)
        expected = self._scene if self._gain == 1.0 else self._lit(self._mean)
        self._difference = cv2.absdiff(small, expected)
        if self.shows_nothing:
            return np.full(small.shape, 255, np.uint8)
        change: Picture = cv2.compare(self._difference, self._margin, cv2.CMP_GT)
        return change

    def learn(self, small: Picture, vehicles: Picture | None, at: float) -> None:
        """Follow slow change where no vehicle stands. at: seconds of capture time. Call this after `change`."""
        assert self._mean is not None
        passed = at - self._updated
        if passed < UPDATE_EVERY:
            return
        self._updated, age = at, at - self._started
        if self._gain != 1.0:
            self._mean = cv2.addWeighted(self._mean, self._gain, self._mean, 0.0, BLACK * (1 - self._gain))
        free = None if vehicles is None else cv2.bitwise_not(vehicles)
        # At first the mean of all pictures, so that what moved through the first ones is soon forgotten.
        cv2.accumulateWeighted(small, self._mean, max(1 - np.exp(-passed / LEARN), passed / age), mask=free)
        # What flickers differs from the last picture, too; what stood there and has gone does not. If that counted, a
        # place where vehicles come and go, one of which was learned, would seem to flicker and hide the next ones.
        flicker = cv2.add(cv2.absdiff(small, self._learned), GRAIN)
        spread = cv2.min(self._difference, flicker)
        cv2.accumulateWeighted(spread, self._spread, 1 - np.exp(-passed / LEARN_SPREAD), mask=free)
        self._learned = small
        self._renew()

    def uncovered(self, small: Picture, region: Region) -> bool:
        """True if a region differs because something has left that was there when the empty scene was learned.

        An object has its outline in the current picture; the gap that it left has its outline in the learned scene.
        (Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams", PAMI 2003, distinguish the
        two by motion.)
        """
        outline, inside = self._edges_of_before(small, region)
        return outline > GONE_OUTLINE and inside > GONE_INSIDE

    def outlined_before(self, small: Picture, region: Region) -> bool:
        """True if the learned scene has the outline of a region, whatever lies inside: a weaker sign of a gap.

        Ground with a line on it can have more edges than the blur of a moving vehicle that was learned.
        """
        return self._edges_of_before(small, region)[0] > GONE_OUTLINE

    def _edges_of_before(self, small: Picture, region: Region) -> tuple[float, float]:
        """Return the ratio of edges, learned scene to current picture, on the outline of a region and inside it."""
        assert self._mean is not None
        part = region.around(len(_GAPS), small.shape)  # so that closing gaps does not reach the edge
        now, before = small[part], self._lit(self._mean[part])
        differs = cv2.compare(cv2.absdiff(now, before), self._margin[part], cv2.CMP_GT)
        inside = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, _GAPS)
        outline = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, _OUTLINE)
        edges_now, edges_before = (cv2.morphologyEx(p, cv2.MORPH_GRADIENT, _OUTLINE) for p in (now, before))
        on_outline, within = (
            cv2.mean(edges_before, mask=where)[0] / max(cv2.mean(edges_now, mask=where)[0], 0.01)
            for where in (outline, inside)
        )
        return on_outline, within

    def absorb(self, small: Picture, region: Region) -> None:
        """Take what is in a region now as a part of the empty scene."""
        assert self._mean is not None
        part = region.around(3, small.shape)
        self._mean[part] = self._scene[part] = small[part]
        self._gain = 1.0

    def _light(self, small: Picture, vehicles: Picture | None) -> float:
        """Return the median ratio of a coarse sample to the empty scene; 1.0 if they agree, or for a blank picture."""
        assert self._mean is not None
        self.shows_nothing = False
        sample = (slice(4, None, 8), slice(4, None, 8))
        now, before = small[sample].astype(np.float32) - BLACK, self._mean[sample] - BLACK
        votes = before > 8
        if vehicles is not None:
            votes &= vehicles[sample] == 0
        if np.count_nonzero(votes) < 40:
            return 1.0
        ratios = now[votes] / before[votes]
        middle = ratios.size // 2
        gain = float(np.partition(ratios, middle)[middle])  # the same as np.median, at a third of the cost
        gain = 1.0 if abs(gain - 1) < SAME_LIGHT else min(4.0, max(0.25, gain))
        self.shows_nothing = _one_tone(now[votes], gain * before[votes])
        return 1.0 if self.shows_nothing else gain

    def _lit(self, mean: npt.NDArray[np.float32]) -> Picture:
        """Return the empty scene, or a part of its mean, in the current light."""
        lit: Picture = cv2.convertScaleAbs(mean, alpha=self._gain, beta=BLACK * (1 - self._gain))
        return lit

    def _renew(self) -> None:
        """Compute what depends on mean and spread only, as these change less often than pictures come."""
        assert self._mean is not None
        self._scene = cv2.convertScaleAbs(self._mean)
        light = min(1.0, max(0.35, (float(self._mean[::8, ::8].mean()) - BLACK) / (110 - BLACK)))
        self._margin = cv2.convertScaleAbs(self._spread, alpha=SPREADS, beta=self._threshold * light)


def _one_tone(now: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> bool:
    """True if a sample of a picture is of one tone, and is not the expected scene."""
    if np.count_nonzero(np.abs(now - expected) <= NEAR) >= EXPECTED * now.size:
        return False
    tone = np.partition(now, now.size // 2)[now.size // 2]
    return bool(np.count_nonzero(np.abs(now - tone) <= NEAR) >= PLAIN * now.size)
