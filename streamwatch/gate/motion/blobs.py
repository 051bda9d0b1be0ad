"""Blobs: regions that differ from the empty scene, followed by their place. A plate may appear in them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import cv2
import numpy as np

from streamwatch.core.model import Box, Frame, Picture
from streamwatch.gate.motion.regions import Region

MOST_BLOBS = 8
STILL_STEP, STILL_PART = 14, 0.985  # grey levels; part of the pixels that must not change if a blob stands still
MOVED = 0.03  # part of the pixels of a resting blob that may differ from the last look


class BlobView(NamedTuple):
    """A frame that shows a blob, and where. legible: True if the whole blob is in view, large enough for letters."""

    frame: Frame
    box: Box
    legible: bool


@dataclass(eq=False)
class Blob:
    """A region of change, followed from frame to frame. Only the blob tracker makes it, so its fields are many.

    Times except `opened_at` and `last_seen` are seconds of capture time. passage: its number, used if it shows no
    plate. first: its region when it was seen first. still_since: None while it moves. largest: pixels of its largest
    rectangle in the small picture. plate: True once a plate was followed inside it. recorded: True once such a plate
    had a passage of its own, or was sure to get one. view: the frame that shows most of it. tries: looks of the
    detector at it while it stood still without a plate; next_try: when the next one is due.
    """

    passage: int
    region: Region
    first: Region
    opened_at: datetime
    last_seen: datetime
    since: float
    seen_at: float
    still_since: float | None = None
    frames: int = 1
    largest: int = 0
    plate: bool = False
    recorded: bool = False
    view: BlobView | None = None
    tries: int = 0
    next_try: float = 0.0

    def stands(self, at: float) -> float:
        """Return the seconds for which the blob has stood still."""
        return 0.0 if self.still_since is None else at - self.still_since


class BlobTracker:
    """Follows the blobs of one camera. now: the blobs of the last frame."""

    def __init__(self, next_passage: Callable[[], int]) -> None:
        """next_passage: gives numbers that no passage had before."""
        self._next_passage = next_passage
        self.now: list[Blob] = []
        self._all: list[Blob] = []
        self._previous: Picture | None = None

    def clear(self) -> None:
        """Forget all blobs, as the scene is another one."""
        self.now, self._all, self._previous = [], [], None

    def look(
        self, regions: list[Region], small: Picture, captured_at: datetime, at: float, memory: float
    ) -> list[Blob]:
        """Take in the regions of a frame; return the blobs that were last seen `memory` seconds ago.

        A vehicle whose middle looks like the road appears in pieces: pieces inside the place of one blob are joined.
        """
        found: dict[int, Region] = {}
        born: list[Region] = []
        for region in regions:
            near = max(self._all, key=lambda m: m.region.overlap(region), default=None)
            if near is None or near.region.overlap(region) == 0:
                born.append(region)
            elif id(near) not in found:
                found[id(near)] = region
            elif near.region.holds(region) and found[id(near)].shares_columns(region):
                found[id(near)] = found[id(near)].joined(region)
            else:
                born.append(region)
        for blob in self._all:
            if id(blob) in found:
                blob.region, blob.seen_at, blob.last_seen = found[id(blob)], at, captured_at
                blob.frames += 1
        fresh = [
            Blob(self._next_passage(), r, r, captured_at, captured_at, at, at)
            for r in born[: max(0, MOST_BLOBS - len(self._all))]
        ]
        self._all += fresh
        for blob in self._all:
            if blob.seen_at == at:
                self._measure(blob, small, at)
        gone = [blob for blob in self._all if at - blob.seen_at >= memory]
        self._all = [blob for blob in self._all if at - blob.seen_at < memory]
        self.now = [blob for blob in self._all if blob.seen_at == at]
        self._previous = small
        return gone

    def forget(self, blob: Blob) -> None:
        """Forget a blob that has become a part of the scene."""
        self._all.remove(blob)
        self.now.remove(blob)

    def _measure(self, blob: Blob, small: Picture, at: float) -> None:
        blob.largest = max(blob.largest, blob.region.size)
        if self._previous is None or stillness(small, self._previous, blob.region, STILL_STEP) < STILL_PART:
            blob.still_since = None
        elif blob.still_since is None:
            blob.still_since = at


def stillness(small: Picture, previous: Picture, region: Region, step: int) -> float:
    """Return the part (0 to 1) of a region whose luma moved by at most `step` grey levels between two frames."""
    now = small[region.top : region.bottom, region.left : region.right]
    before = previous[region.top : region.bottom, region.left : region.right]
    return 1.0 - float(np.count_nonzero(cv2.absdiff(now, before) > step)) / max(1, now.size)
