"""Which frames are worth a call: a pure state machine, frames and answers in, decisions out.

A region of change that lasts opens a passage. While its view gets better the gate waits; when it stops getting better
for `patience` seconds, or the vehicle goes, the best view is sent. Before paying, the gate asks the pictures whether
this vehicle was paid for already. After a reading, nothing more is paid until something else stands there.
"""

from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np

from streamwatch.gate.background import Background
from streamwatch.gate.bestshot import Candidate, crop_around, score
from streamwatch.gate.likeness import same_vehicle, view_of
from streamwatch.gate.regions import Region, find_regions
from streamwatch.gate.track import PaidView, Stage, Track, Verdict, patch_of, stillness
from streamwatch.model import Box, Corners, Frame, Picture

SMALL_WIDTH = 320  # px; change is looked for at this width
LEARN_FIRST = 0.6  # s after the start in which change is only learned
CONFIRM_FRAMES, CONFIRM_AFTER = 3, 0.3  # a region must last so long before it is a passage
BETTER = 1.05  # a view counts as better from this ratio of scores on; a full picture of the codec alone gives 1.03
CLEARLY_BETTER = 1.3  # a view must be this much better to be paid after an unread one
STILL_STEP, STILL_PART = 14, 0.985  # grey levels; part of a region that must not move for it to stand still
STILL_FOR = 0.4  # s; a suspect is judged when it has stood still so long
SUSPECT_PATIENCE = 1.5  # s; or, moving, when its view has not become better for so long
SCENERY_AFTER = 3.0  # s; what stands still so long after a call found no plate is taken as part of the scene
CHANGED_FOR = 0.25  # s; a settled place must look different for so long, so that a bird does not count
CUT_OFF_STILL = 1.0  # s; a piece at the edge that stands still so long is a vehicle after all
WHOLE_FOR = 0.4  # s; what follows a paid vehicle must be wholly in view so long: pieces of the leaving one are not
REMEMBER = 3.0  # s after a passage in which pieces of its vehicle may still be in view
SCENE_CALM, SCENE_CHANGED = 0.3, 0.7  # parts of the picture; from one to the other at once no vehicle can come:
SCENE_JUMP, SCENE_CHANGED_FOR = 0.5, 1.5  # s; the camera was moved or switched its mode, and the gate starts anew
MOST_TRACKS = 8


@dataclass(frozen=True, slots=True)
class Opened:
    """A vehicle has come. `passage` numbers the passages of one gate."""

    passage: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Shot:
    """This view is worth a call. crop: the part of the frame to send; reason: why, in words."""

    passage: int
    frame: Frame
    crop: Box
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The vehicle has gone, or turned out to be another one."""

    passage: int
    opened_at: datetime
    last_seen: datetime


Decision = Opened | Shot | Closed


class Gate:
    """Watches one camera."""

    def __init__(
        self,
        *,
        threshold: int = 22,
        min_area: float = 0.015,
        patience: float = 0.6,
        close_after: float = 1.0,
        max_calls: int = 3,
        zone: list[tuple[float, float]] | None = None,
    ) -> None:
        """threshold: grey levels of change; min_area: fraction of the picture; patience, close_after: seconds;

        max_calls: per passage; zone: polygon in fractions of the picture outside of which nothing is looked at.
        """
        self._background = Background(threshold)
        self._min_area, self._patience, self._close_after = min_area, patience, close_after
        self._max_calls, self._zone_points = max_calls, zone
        self._shape: tuple[int, int] | None = None
        self._stride = 1
        self._zone: Picture | None = None
        self._started = 0.0
        self._previous: Picture | None = None
        self._tracks: list[Track] = []
        self._paid: list[PaidView] = []
        self._passages = 0
        self._watched = 1
        self._calm_at = 0.0
        self._upset_since: float | None = None

    def look(self, frame: Frame) -> list[Decision]:
        """Takes the next frame in; capture times must not decrease."""
        at = frame.captured_at.timestamp()
        decisions: list[Decision] = []
        if self._shape != frame.luma.shape:
            decisions += self.finish()
            self._begin(frame.luma, at)
        small = self._shrink(frame.luma)
        vehicles = self._vehicles()
        change = self._background.change(small, vehicles)
        if self._zone is not None:
            change = cv2.bitwise_and(change, self._zone)
        busy = cv2.countNonZero(change)
        if self._jumped(busy / self._watched, at):
            if self._upset_since is not None and at - self._upset_since >= SCENE_CHANGED_FOR:
                decisions += self.finish()
                self._begin(frame.luma, at)
            return decisions
        watching = busy >= self._min_area * change.size and at - self._started >= LEARN_FIRST
        regions = find_regions(change, self._min_area) if watching else []
        self._follow(regions, frame, at)
        for track in self._tracks:
            decisions += self._attend(track, frame, small, at)
        decisions += self._let_go(at)
        self._background.learn(small, self._vehicles(), at)
        self._previous = small
        return decisions

    def answered(self, passage: int, plates: list[tuple[bool, Corners | None]] | None) -> None:
        """What became of the last shot of a passage: its plates (trustworthy?, corners in frame pixels).

        None: this view got no answer and will get none, so that another one is worth a call. Plates that lie on another
        vehicle count for that one.
        """
        view = next((v for v in reversed(self._paid) if v.passage == passage and v.verdict is Verdict.PENDING), None)
        if view is None:
            return
        view.verdict = Verdict.FAILED if plates is None else Verdict.UNREAD
        for good, corners in plates or []:
            if good and self._is_own(view, corners):
                view.verdict, view.plate = Verdict.READ, corners
        track = next((t for t in self._tracks if t.passage == passage), None)
        if view.verdict is not Verdict.READ and track is not None and track.stage is Stage.SETTLED:
            track.look_again(track.seen_at, suspect=False)

    def finish(self) -> list[Decision]:
        """Closes all passages: the recording has ended, or the daemon stops."""
        decisions: list[Decision] = []
        for track in self._tracks:
            decisions += self._last_chance(track)
            decisions += self._closing(track, track.seen_at)
        self._tracks = []
        return decisions

    def _begin(self, luma: Picture, at: float) -> None:
        height, width = luma.shape
        self._shape, self._stride = (height, width), max(1, round(width / SMALL_WIDTH))
        small = self._shrink(luma)
        self._background.start(small, at)
        self._started, self._previous, self._upset_since, self._calm_at = at, None, None, at
        self._watched = small.size
        self._paid = []
        if self._zone_points:
            corners = np.array([(x * small.shape[1], y * small.shape[0]) for x, y in self._zone_points])
            self._zone = cv2.fillPoly(np.zeros(small.shape, np.uint8), [corners.round().astype(np.int32)], 255)
            self._watched = max(1, cv2.countNonZero(self._zone))

    def _shrink(self, luma: Picture) -> Picture:
        small: Picture = cv2.blur(luma[:: self._stride, :: self._stride], (3, 3))
        return small

    def _vehicles(self) -> Picture | None:
        """255 where tracks are, so that the background neither learns them nor lets them vote on the light."""
        if not self._tracks or self._shape is None:
            return None
        height, width = (-(-side // self._stride) for side in self._shape)
        mask = np.zeros((height, width), np.uint8)
        for track in self._tracks:
            r = track.region
            mask[max(0, r.top - 3) : r.bottom + 3, max(0, r.left - 3) : r.right + 3] = 255
        return mask

    def _jumped(self, busy: float, at: float) -> bool:
        """Whether the whole picture is another one since a moment ago. busy: the part of it that differs."""
        if busy < SCENE_CALM:
            self._calm_at = at
        if busy < SCENE_CHANGED:
            self._upset_since = None
        elif self._upset_since is None and at - self._calm_at <= SCENE_JUMP:
            self._upset_since = at
        return self._upset_since is not None

    def _follow(self, regions: list[Region], frame: Frame, at: float) -> None:
        """Gives each region to the track it overlaps most, and new tracks to what is left.

        A vehicle whose middle looks like the road comes in pieces: those above each other inside the place of one
        track are one. Pieces side by side are two vehicles that were one region as long as they were far away.
        """
        found: dict[int, Region] = {}
        born: list[Track] = []
        for region in regions:
            near = max(self._tracks, key=lambda t: t.region.overlap(region), default=None)
            if near is None or near.region.overlap(region) == 0:
                born += self._new_tracks(region, frame, at, len(born))
            elif near.passage not in found:
                found[near.passage] = region
            elif near.region.holds(region) and found[near.passage].shares_columns(region):
                found[near.passage] = found[near.passage].joined(region)
            else:
                born += self._new_tracks(region, frame, at, len(born))
        for track in self._tracks:
            if track.passage in found:
                track.region, track.last_seen, track.seen_at = found[track.passage], frame.captured_at, at
                track.swallowed = False
                track.frames += 1
            else:
                track.swallowed |= any(region.holds(track.region) for region in found.values())
        self._tracks += born

    def _new_tracks(self, region: Region, frame: Frame, at: float, born: int) -> list[Track]:
        """One track, or none where there are too many already."""
        if len(self._tracks) + born >= MOST_TRACKS:
            return []
        self._passages += 1
        torn_off = any(t.paid and t.region.holds(region) for t in self._tracks)
        track = Track(self._passages, region, frame.captured_at, frame.captured_at, at, torn_off)
        track.seen_at = track.improved_at = at
        return [track]

    def _attend(self, track: Track, frame: Frame, small: Picture, at: float) -> list[Decision]:
        if track.seen_at != at:
            return []
        self._note_stillness(track, small, at)
        if not track.confirmed:
            if track.frames < CONFIRM_FRAMES or at - track.since < CONFIRM_AFTER:
                return []
            if track.fragment and not self._whole(track.region) and not self._still(track, at, CUT_OFF_STILL):
                return []
            track.confirmed = True
        return self._look_closer(track, frame, small, at)

    def _look_closer(self, track: Track, frame: Frame, small: Picture, at: float) -> list[Decision]:
        if track.stage is Stage.SETTLED:
            self._watch_settled(track, small, at)
            return []
        if track.suspect and track.unchanged(small) and self._same_plate_there(track, frame.luma):
            track.settle(small)
            return []
        self._weigh(track, frame, at)
        if self._ripe(track, at):
            return self._decide(track, small, at)
        return []

    def _note_stillness(self, track: Track, small: Picture, at: float) -> None:
        if self._previous is None or stillness(small, self._previous, track.region, STILL_STEP) < STILL_PART:
            track.still_since = None
        elif track.still_since is None:
            track.still_since = at

    def _watch_settled(self, track: Track, small: Picture, at: float) -> None:
        if track.unchanged(small):
            track.changed_since = None
        elif track.changed_since is None:
            track.changed_since = at
        elif at - track.changed_since >= CHANGED_FOR:
            track.look_again(at, suspect=True)

    def _weigh(self, track: Track, frame: Frame, at: float) -> None:
        """Keeps this frame if it shows the vehicle better than any before."""
        whole = self._whole(track.region)
        track.whole_since = (track.whole_since or at) if whole else None
        if (track.suspect or track.fragment) and not self._another_whole(track, at):
            return
        box = self._box(track.region)
        value = score(frame.luma, box, whole)
        if track.best is None or value > track.best.score * BETTER:
            others = [self._box(t.region) for t in self._tracks if t is not track]
            height, width = frame.luma.shape
            crop = crop_around(box, others, width, height)
            track.best, track.improved_at = Candidate(frame, at, box, crop, value, whole), at

    def _another_whole(self, track: Track, at: float) -> bool:
        """Whether this can be a vehicle of its own and not a piece of one that was paid for and is leaving."""
        if track.whole_since is not None and at - track.whole_since >= WHOLE_FOR:
            return True
        return self._still(track, at, CUT_OFF_STILL)

    def _ripe(self, track: Track, at: float) -> bool:
        if track.best is None:
            return False
        if track.suspect:
            return self._still(track, at, STILL_FOR) or at - track.improved_at >= SUSPECT_PATIENCE
        return at - track.improved_at >= self._patience

    def _still(self, track: Track, at: float, seconds: float) -> bool:
        return track.still_since is not None and at - track.still_since >= seconds

    def _decide(self, track: Track, small: Picture, at: float) -> list[Decision]:
        """The view has stopped getting better: pay for it, or know why not."""
        assert track.best is not None
        if self._is_scenery(track, small, at):
            self._background.absorb(small, track.region)
            track.seen_at, track.best = -self._close_after, None
            return []
        if not self._worth_another(track):
            track.improved_at = at
            return []
        if self._known(track, small):
            track.settle(small)
            return []
        decisions = self._another_vehicle(track) if track.suspect else []
        reason = "its view stopped getting better"
        if track.paid:
            failed = track.paid[-1].verdict is Verdict.FAILED
            reason = "the last view got no answer" if failed else "a clearly better view than the unread one"
        return [*decisions, *self._pay(track, small, reason)]

    def _is_scenery(self, track: Track, small: Picture, at: float) -> bool:
        """Whether what stands here belongs to the scene: ground that a vehicle has left, or a thing without a plate."""
        unread = bool(track.paid) and all(v.verdict is Verdict.UNREAD for v in track.paid)
        if unread and self._still(track, at, SCENERY_AFTER):
            return True
        return self._still(track, at, STILL_FOR) and self._background.uncovered(small, track.region)

    def _worth_another(self, track: Track) -> bool:
        """Whether the best view promises more than those already paid for it; another vehicle always does."""
        assert track.best is not None
        if track.suspect or not track.paid:
            return True
        if len(track.paid) >= self._max_calls:
            return False
        unread = [v.score for v in track.paid if v.verdict is not Verdict.FAILED]
        return not unread or track.best.score >= CLEARLY_BETTER * max(unread)

    def _same_plate_there(self, track: Track, luma: Picture) -> bool:
        """Two cars of one model look alike at one place; where the paid plate is known, it must be there too."""
        read = [v for v in track.paid if v.plate is not None]
        return not read or any(v.plate_still_there(luma) for v in read)

    def _known(self, track: Track, small: Picture) -> bool:
        """Whether a paid picture shows this vehicle already.

        The plate decides where one was found. Where none was, only pictures of this very track count: the same vehicle
        moving on, or the same thing still standing at its place.
        """
        assert track.best is not None
        self._paid = [v for v in self._paid if v.gone_at is None or track.seen_at - v.gone_at <= REMEMBER]
        without_plate = (
            (Verdict.PENDING, Verdict.READ, Verdict.FAILED) if track.suspect else (Verdict.PENDING, Verdict.READ)
        )
        settled = [v for v in track.paid if v.plate is None and v.verdict in without_plate]
        seen = [v for v in self._paid if v.plate is not None] + settled
        if seen:
            now = view_of(track.best.frame.luma, track.best.box)
            if any(same_vehicle(v.view, now) for v in seen):
                return True
        return track.suspect and any(v.at_same_place(small) for v in track.paid if v.plate is None)

    def _another_vehicle(self, track: Track) -> list[Decision]:
        """The track goes on, but as a new passage: what stands there now is not what was paid for."""
        gone = self._closing(track, track.seen_at)
        self._passages += 1
        since = track.changed_since or track.seen_at
        track.opened_at = datetime.fromtimestamp(since, tz=track.last_seen.tzinfo)
        track.passage, track.paid, track.suspect = self._passages, [], False
        track.announced = track.fragment = False
        return gone

    def _pay(self, track: Track, small: Picture, reason: str) -> list[Decision]:
        """With its first shot a passage opens: what is never worth one was no vehicle, or one that is known."""
        assert track.best is not None
        best = track.best
        box = best.box
        luma = best.frame.luma[box.y : box.y + box.height, box.x : box.x + box.width].copy()
        view = PaidView(track.passage, best.at, luma, box, best.score, track.region, patch_of(small, track.region))
        track.paid.append(view)
        self._paid.append(view)
        track.settle(small)
        shot = Shot(track.passage, best.frame, best.crop, best.score, reason)
        opening = [] if track.announced else [Opened(track.passage, track.opened_at)]
        track.announced = True
        return [*opening, shot]

    def _let_go(self, at: float) -> list[Decision]:
        decisions: list[Decision] = []
        for track in [t for t in self._tracks if at - t.seen_at >= self._close_after]:
            if not track.swallowed:
                decisions += self._last_chance(track)
            decisions += self._closing(track, at)
            self._tracks.remove(track)
        for track in [t for t in self._tracks if not t.confirmed and t.seen_at != at]:
            self._tracks.remove(track)
        return decisions

    def _closing(self, track: Track, at: float) -> list[Decision]:
        for view in self._paid:
            if view.passage == track.passage:
                view.gone_at = at
        return [Closed(track.passage, track.opened_at, track.last_seen)] if track.announced else []

    def _last_chance(self, track: Track) -> list[Decision]:
        """A vehicle that is gone before its view stopped getting better: what there is of it is sent."""
        if not track.confirmed or track.stage is not Stage.LOOKING or track.best is None or self._previous is None:
            return []
        if not self._worth_another(track) or self._known(track, self._previous):
            return []
        decisions = self._another_vehicle(track) if track.suspect else []
        return [*decisions, *self._pay(track, self._previous, "it went; this was its best view")]

    def _is_own(self, view: PaidView, corners: Corners | None) -> bool:
        """Whether a plate belongs to the vehicle of the view, and not to another track whose place it lies on."""
        if corners is None:
            return True
        x, y = sum(p[0] for p in corners) / 4, sum(p[1] for p in corners) / 4
        others = [self._box(t.region) for t in self._tracks if t.passage != view.passage]
        return _inside(view.box, x, y) or not any(_inside(box, x, y) for box in others)

    def _whole(self, region: Region) -> bool:
        """Whether the region touches neither the edge of the picture nor of the zone."""
        assert self._shape is not None
        height, width = (-(-side // self._stride) for side in self._shape)
        if region.left <= 1 or region.top <= 1 or region.right >= width - 1 or region.bottom >= height - 1:
            return False
        if self._zone is None:
            return True
        around = self._zone[region.top - 1 : region.bottom + 1, region.left - 1 : region.right + 1]
        return bool(cv2.countNonZero(around) == around.size)

    def _box(self, region: Region) -> Box:
        assert self._shape is not None
        height, width = self._shape
        s = self._stride
        right, bottom = min(width, region.right * s), min(height, region.bottom * s)
        return Box(region.left * s, region.top * s, right - region.left * s, bottom - region.top * s)


def _inside(box: Box, x: float, y: float) -> bool:
    return box.x <= x < box.x + box.width and box.y <= y < box.y + box.height
