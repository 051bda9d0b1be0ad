"""Vehicles that are no tracks: they stood there when watching began, or came to stand beside one that is followed.

Nobody looks for change of theirs alone. A plate is found once, in the first pictures, and from then on it is only asked
whether that plate still is where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import cv2

from streamwatch.gate.likeness import same_vehicle, view_of
from streamwatch.gate.plate_box import bounds, inside, middle, vehicle_around
from streamwatch.gate.track import PaidView, Track, Verdict
from streamwatch.model import Box, Corners, Picture

CHECK_EVERY = 0.5  # s between two looks at a standing plate
GONE_AFTER = 2.0  # s without the plate, and without anything before it, after which the vehicle has left
SAME_PLATE = 0.8  # correlation of a plate's place in two of the first pictures, from which on the plate stands still


@dataclass
class Standing:
    """One vehicle that stood there from the start.

    seen_at, looked_at: seconds of capture time. calls: what it cost; 0 where an earlier run paid. beside: it came to
    stand beside one that is followed, in whose region it lies.
    """

    passage: int
    opened_at: datetime
    last_seen: datetime
    view: PaidView
    seen_at: float
    looked_at: float
    calls: int = 1
    beside: bool = False

    def look(self, luma: Picture, hidden: bool, captured_at: datetime, at: float) -> None:
        """Looks for its plate now and then. hidden: something moves before it."""
        if not self.look_is_due(at):
            return
        self.looked_at = at
        if self.visible(luma):
            self.seen_at, self.last_seen = at, captured_at
        elif hidden:
            self.seen_at = at

    def look_is_due(self, at: float) -> bool:
        """Whether its plate should be looked for again."""
        return at - self.looked_at >= CHECK_EVERY

    def visible(self, luma: Picture) -> bool:
        """Whether its plate is where it was, as far as that is known."""
        return self.view.plate is None or self.view.plate_still_there(luma)

    def gone(self, at: float) -> bool:
        """Whether it has left, or was none."""
        was_none = self.view.verdict is Verdict.UNREAD and self.view.plate is None
        return was_none or at - self.seen_at >= GONE_AFTER


@dataclass(frozen=True, slots=True)
class Remembered:
    """A vehicle of an earlier run. box: in frame pixels; luma: of it, at the frame's scale; plate: None if unknown."""

    opened_at: datetime
    last_seen: datetime
    luma: Picture
    box: Box
    plate: Corners | None


def standing_of(track: Track) -> Standing | None:
    """A track whose vehicle was read as one that just stands there, for when nothing else is known of the scene."""
    if not track.announced or not track.paid or track.paid[-1].verdict in (Verdict.UNREAD, Verdict.FAILED):
        return None
    return Standing(track.passage, track.opened_at, track.last_seen, track.paid[-1], track.seen_at, track.seen_at)


def stands_still(plate: Corners, before: Picture, now: Picture) -> bool:
    """Whether two full-resolution luma pictures show the same at a plate's place."""
    left, top, right, bottom = bounds(plate)
    part = slice(max(0, round(top)), round(bottom)), slice(max(0, round(left)), round(right))
    if min(before[part].shape) < 4:
        return False
    return float(cv2.matchTemplate(now[part], before[part], cv2.TM_CCOEFF_NORMED)[0, 0]) >= SAME_PLATE


def the_one_there(known: Sequence[Standing], plate: Corners, luma: Picture) -> Standing | None:
    """Which of the known vehicles shows this plate: at its own place, or elsewhere where the camera was moved."""
    for standing in known:
        view = standing.view
        place = view.plate or (plate if inside(view.box, middle(plate)) else None)
        if (
            place is not None
            and inside(vehicle_around(place, luma.shape), middle(plate))
            and view.still_there(place, luma)
        ):
            return standing
    now = view_of(luma, vehicle_around(plate, luma.shape))
    return next((s for s in known if s.view.plate is not None and same_vehicle(s.view.view, now)), None)
