"""Vehicles on which no plate was seen: which of them are recorded, and which are paid for."""

from collections.abc import Callable

import numpy as np

from streamwatch.core.codes import ViewReason
from streamwatch.core.model import Box, Frame, Picture
from streamwatch.gate.decisions import Closed, Decision, Kept, Opened, Shot
from streamwatch.gate.motion.blobs import Blob, BlobView
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.tracking.direction import direction

LARGE = 0.08  # part of the watched picture; a smaller blob without a plate is not recorded
LASTED = 1.0  # s; a blob that was in view for a shorter time is not recorded
WIDE = 240  # px; least width of a vehicle whose plate could be read
GREW = 1.1  # growth of a blob from which a new view replaces the old one


class VehiclesWithoutPlate:
    """The passages of one camera's vehicles without a visible plate."""

    def __init__(self, sees_letters: Callable[[Picture], bool] | None, *, keep_unpaid: bool) -> None:
        """See `Gate` for both arguments."""
        self._sees_letters, self._keep_unpaid = sees_letters, keep_unpaid

    def keep_views(self, motion: Motion) -> None:
        """Keep a frame for each blob without a plate that it shows best, if the blob may be recorded or paid for."""
        for blob in motion.blobs:
            if blob.recorded:
                blob.view = None
                continue
            box = motion.geometry.box(blob.region)
            view = BlobView(motion.frame, box, box.width >= WIDE and motion.geometry.whole(blob.region))
            recorded = self._keep_unpaid and blob.region.size >= LARGE * motion.geometry.watched
            paid = self._sees_letters is not None and view.legible
            if (recorded or paid) and (blob.view is None or _shows_more(view, blob.view)):
                blob.view = view

    def record(self, motion: Motion) -> list[Decision]:
        """Return what is decided about the blobs that have left."""
        return [decision for blob in motion.gone for decision in self._record(blob, motion.geometry)]

    def _record(self, blob: Blob, geometry: Geometry) -> list[Decision]:
        """Return the passage of a blob that has left, with a call, a kept picture or neither; nothing if small."""
        lasted = blob.seen_at - blob.since
        if blob.recorded or lasted < LASTED or blob.largest < LARGE * geometry.watched:
            return []
        way = direction(geometry.box(blob.first), geometry.box(blob.region))
        opened = Opened(blob.passage, blob.opened_at)
        closed = Closed(blob.passage, blob.opened_at, blob.last_seen, way)
        return [opened, *self._shown(blob), closed]

    def _shown(self, blob: Blob) -> list[Decision]:
        """Return the best view of a blob to be paid for or kept; nothing if there is none."""
        if blob.view is None:
            return []
        frame, box, legible = blob.view
        if legible and self._shows_letters(frame, box):
            return [Shot(blob.passage, frame, box, float(box.width), ViewReason.WITHOUT_PLATE)]
        return [Kept(blob.passage, frame, box, float(box.width), ViewReason.NO_PLATE_SEEN)] if self._keep_unpaid else []

    def _shows_letters(self, frame: Frame, box: Box) -> bool:
        """True if a vehicle without a visible plate is worth its one call, because it shows letters."""
        if self._sees_letters is None:
            return False
        part = frame.to_bgr()[box.y : box.y + box.height, box.x : box.x + box.width]
        return self._sees_letters(np.ascontiguousarray(part))


def _shows_more(view: BlobView, before: BlobView) -> bool:
    """True if a view should replace an earlier one: because it is legible, or because the blob is clearly larger."""
    if view.legible is not before.legible:
        return view.legible
    return view.box.width * view.box.height > GREW * before.box.width * before.box.height
