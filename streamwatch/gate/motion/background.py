"""What the empty scene looks like, and where a picture differs from it.

A running mean and mean deviation per pixel (the deviation as in Manzanera & Richefeu, "A robust and computationally
efficient motion detection algorithm based on Sigma-Delta background estimation", ICVGIP 2004), kept on a small luma
picture. Two things are added for a gate: a light step of the whole picture is taken out before comparing, and pixels
under a vehicle are not learned, so that a standing vehicle is not swallowed.
"""

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Picture
from streamwatch.gate.motion.regions import Region

BLACK = 16.0  # luma of black in limited-range video; light scales what lies above it
LEARN = 3.0  # s, time constant of the mean
LEARN_SPREAD = 6.0  # s, time constant of the mean deviation
SPREADS = 3.0  # how many mean deviations a pixel may swing without counting as change
UPDATE_EVERY = 0.2  # s between two updates: learning is slow, so it need not be paid for on every frame
GONE_OUTLINE, GONE_INSIDE = 1.3, 1.15  # edges of the remembered scene over those of now from which a region is a gap
_OUTLINE, _GAPS = np.ones((3, 3), np.uint8), np.ones((9, 9), np.uint8)
SAME_LIGHT = 0.02  # relative gain below which nothing is corrected
NEAR = 6.0  # grey levels; of one tone, or as expected, is what differs by no more
PLAIN = 0.9  # part of the pixels that are of one tone where a picture shows nothing
EXPECTED = 0.6  # part of them that are as expected where it shows the scene all the same


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
        self._gain = 1.0
        self.shows_nothing = False
        """True if the last picture was of one tone, as cameras and decoders send it when something fails."""
        self._started = self._updated = 0.0

    def start(self, small: Picture, at: float) -> None:
        """Takes this picture as the empty scene."""
        self._mean = small.astype(np.float32)
        self._spread = np.full(small.shape, 2.0, np.float32)
        self._started = self._updated = at
        self._renew()

    def change(self, small: Picture, vehicles: Picture | None) -> Picture:
        """255 where `small` differs from the empty scene, else 0; the same shape. Everywhere if it shows no scene.

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
        """Follows slow change where no vehicle stands. at: seconds, capture time. Call after `change`."""
        assert self._mean is not None
        passed = at - self._updated
        if passed < UPDATE_EVERY:
            return
        self._updated, age = at, at - self._started
        if self._gain != 1.0:
            self._mean = cv2.addWeighted(self._mean, self._gain, self._mean, 0.0, BLACK * (1 - self._gain))
        free = None if vehicles is None else cv2.bitwise_not(vehicles)
        # At first an average of all there was, so that what moved through the first pictures soon is forgotten.
        cv2.accumulateWeighted(small, self._mean, max(1 - np.exp(-passed / LEARN), passed / age), mask=free)
        cv2.accumulateWeighted(self._difference, self._spread, 1 - np.exp(-passed / LEARN_SPREAD), mask=free)
        self._renew()

    def uncovered(self, small: Picture, region: Region) -> bool:
        """True if a region differs because something has gone that was there when the empty scene was learned.

        A thing has its outline in the picture of now, a gap it left has it in the remembered scene (Cucchiara et al.,
        "Detecting moving objects, ghosts, and shadows in video streams", PAMI 2003, tell the two apart by motion).
        """
        outline, inside = self._edges_of_before(small, region)
        return outline > GONE_OUTLINE and inside > GONE_INSIDE

    def outlined_before(self, small: Picture, region: Region) -> bool:
        """True if the remembered scene has the region's outline, whatever lies inside: the weaker sign of the same.

        Ground with a line on it has more edges than a vehicle of which only a blur was learned.
        """
        return self._edges_of_before(small, region)[0] > GONE_OUTLINE

    def _edges_of_before(self, small: Picture, region: Region) -> tuple[float, float]:
        """Edges of the remembered scene over those of now, on a region's outline and inside it."""
        assert self._mean is not None
        part = region.around(len(_GAPS), small.shape)  # so far that closing gaps does not reach the edge
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
        """Takes what is in the region now as part of the empty scene."""
        assert self._mean is not None
        part = region.around(3, small.shape)
        self._mean[part] = self._scene[part] = small[part]
        self._gain = 1.0

    def _light(self, small: Picture, vehicles: Picture | None) -> float:
        """Median ratio of a coarse sample to the empty scene, 1.0 where they agree, or where it shows nothing."""
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
        gain = float(np.partition(ratios, middle)[middle])  # as np.median, at a third of its price
        gain = 1.0 if abs(gain - 1) < SAME_LIGHT else min(4.0, max(0.25, gain))
        self.shows_nothing = _one_tone(now[votes], gain * before[votes])
        return 1.0 if self.shows_nothing else gain

    def _lit(self, mean: npt.NDArray[np.float32]) -> Picture:
        """The empty scene, or a part of it, in the light of now."""
        lit: Picture = cv2.convertScaleAbs(mean, alpha=self._gain, beta=BLACK * (1 - self._gain))
        return lit

    def _renew(self) -> None:
        """What follows from mean and spread, which are slower to change than pictures come."""
        assert self._mean is not None
        self._scene = cv2.convertScaleAbs(self._mean)
        light = min(1.0, max(0.35, (float(self._mean[::8, ::8].mean()) - BLACK) / (110 - BLACK)))
        self._margin = cv2.convertScaleAbs(self._spread, alpha=SPREADS, beta=self._threshold * light)


def _one_tone(now: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> bool:
    """True if one tone explains a sample of a picture, and the scene in another light does not."""
    if np.count_nonzero(np.abs(now - expected) <= NEAR) >= EXPECTED * now.size:
        return False
    tone = np.partition(now, now.size // 2)[now.size // 2]
    return bool(np.count_nonzero(np.abs(now - tone) <= NEAR) >= PLAIN * now.size)
