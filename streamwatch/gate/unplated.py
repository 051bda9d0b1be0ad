"""Things of a vehicle's size on which no plate was seen: what is recorded of them, and which are paid for."""

from collections.abc import Callable

import numpy as np

from streamwatch.core.codes import ViewReason
from streamwatch.core.model import Box, Frame, Picture
from streamwatch.gate.decisions import Closed, Decision, Kept, Opened, Shot
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.movers import Mover, Sight
from streamwatch.gate.tracking.direction import direction

LARGE = 0.08  # part of the watched picture; what fills less and shows no plate is nothing to record
LASTED = 1.0  # s that it must have been in view
WIDE = 240  # px of a vehicle whose plate could be read
GREW = 1.1  # growth of a view that is worth keeping


class Unplated:
    """The passages of one camera's vehicles without a visible plate."""

    def __init__(self, sees_letters: Callable[[Picture], bool] | None, *, keep_unpaid: bool) -> None:
        """See `Gate` for both."""
        self._sees_letters, self._keep_unpaid = sees_letters, keep_unpaid

    def keep_view(self, mover: Mover, frame: Frame, geometry: Geometry) -> None:
        """Keep the frame that shows most of a thing without a plate, if it may be recorded or paid for."""
        box = geometry.box(mover.region)
        view = Sight(frame, box, box.width >= WIDE and geometry.whole(mover.region))
        recorded = self._keep_unpaid and mover.region.size >= LARGE * geometry.watched
        paid = self._sees_letters is not None and view.legible
        if mover.plate:
            mover.view = None
        elif (recorded or paid) and (mover.view is None or _shows_more(view, mover.view)):
            mover.view = view

    def record(self, mover: Mover, geometry: Geometry) -> list[Decision]:
        """Return what is decided of a thing that has gone: nothing, or a passage with a call, a picture or neither."""
        lasted = mover.seen_at - mover.since
        if mover.plate or lasted < LASTED or mover.largest < LARGE * geometry.watched:
            return []
        passage = mover.passage
        way = direction(geometry.box(mover.first), geometry.box(mover.region))
        opened, closed = Opened(passage, mover.opened_at), Closed(passage, mover.opened_at, mover.last_seen, way)
        if mover.view is None:
            return [opened, closed]
        frame, box, legible = mover.view
        if legible and self._shows_letters(frame, box):
            return [opened, Shot(passage, frame, box, float(box.width), ViewReason.WITHOUT_PLATE), closed]
        kept = [Kept(passage, frame, box, float(box.width), ViewReason.NO_PLATE_SEEN)] if self._keep_unpaid else []
        return [opened, *kept, closed]

    def _shows_letters(self, frame: Frame, box: Box) -> bool:
        """True if a vehicle on which no plate was seen is worth its one call, because it shows letters."""
        if self._sees_letters is None:
            return False
        part = frame.to_bgr()[box.y : box.y + box.height, box.x : box.x + box.width]
        return self._sees_letters(np.ascontiguousarray(part))


def _shows_more(view: Sight, before: Sight) -> bool:
    """True if a view of a thing is worth keeping in the place of one before: it is legible, or clearly larger."""
    if view.legible is not before.legible:
        return view.legible
    return view.box.width * view.box.height > GREW * before.box.width * before.box.height
