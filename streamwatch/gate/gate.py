"""Which frames are worth a call: a pure state machine, frames and answers in, decisions out.

A region of change that lasts opens a passage. While its view gets better the gate waits; when it stops getting better
for `patience` seconds, or the vehicle goes, the best view is sent. Before paying, the gate asks the pictures whether
this vehicle was paid for already. After a reading, nothing more is paid until something else stands there.
"""

from collections import Counter
from datetime import datetime

import cv2

from streamwatch.gate.background import Background
from streamwatch.gate.bestshot import Candidate, crop_around, score
from streamwatch.gate.decisions import Closed, Decision, Opened, Shot
from streamwatch.gate.follow import Follower
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.glance import Followed, Glance, Why
from streamwatch.gate.likeness import same_vehicle, view_of
from streamwatch.gate.regions import find_regions
from streamwatch.gate.track import PaidView, Stage, Track, Verdict, patch_of, stillness
from streamwatch.model import Box, Corners, Frame, Picture

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
SOME_CHANGE = 0.002  # part of the watched picture from which a frame no longer counts as quiet
NEAR_TO_A_CALL = (
    Why.TOO_SMALL,
    Why.TOO_SHORT,
    Why.FRAGMENT,
    Why.SCENERY,
    Why.KNOWN,
    Why.USED_UP,
    Why.NOT_BETTER,
    Why.NO_PLATE,
    Why.BETTERING,
    Why.SENT,
)


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
        self._max_calls, self._zone = max_calls, zone
        self._geometry, self._shape = Geometry((180, 320), zone), ()
        self._started = self._calm_at = self._change = 0.0
        self._upset_since: float | None = None
        self._previous: Picture | None = None
        self._follower = Follower()
        self._paid: list[PaidView] = []
        self._at: datetime | None = None
        self._why = Why.LEARNING
        self.counts = Counter(dict.fromkeys(Why, 0))
        """Frames by why they were sent or not; SENT counts the frame at which an earlier view may have been chosen."""

    @property
    def glance(self) -> Glance | None:
        """What it saw in the last frame; None before the first. Made anew whenever it is asked for."""
        if self._at is None:
            return None
        followed = tuple(
            Followed(t.passage, self._geometry.box(t.region), t.value, None if t.best is None else t.best.score, t.why)
            for t in self._follower.tracks
        )
        return Glance(self._at, self._change, self._why, followed)

    def look(self, frame: Frame) -> list[Decision]:
        """Takes the next frame in; capture times must not decrease."""
        decisions = self._look(frame)
        self._at = frame.captured_at
        self.counts[self._why] += 1
        return decisions

    def _look(self, frame: Frame) -> list[Decision]:
        at = frame.captured_at.timestamp()
        decisions: list[Decision] = []
        if self._shape != frame.luma.shape:
            decisions += self.finish()
            self._begin(frame.luma, at)
        small = self._geometry.shrink(frame.luma)
        change = self._geometry.in_zone(self._background.change(small, self._vehicles()))
        busy = cv2.countNonZero(change)
        self._change = busy / self._geometry.watched
        if self._jumped(at):
            self._why = Why.SCENE_JUMP
            if self._upset_since is not None and at - self._upset_since >= SCENE_CHANGED_FOR:
                decisions += self.finish()
                self._begin(frame.luma, at)
            return decisions
        large = busy >= self._min_area * change.size
        learning = at - self._started < LEARN_FIRST
        regions = find_regions(change, self._min_area) if large and not learning else []
        self._follower.follow(regions, frame.captured_at, at)
        for track in self._follower.tracks:
            decisions += self._attend(track, frame, small, at)
        self._why = self._explain(learning)
        decisions += self._let_go(at)
        if any(isinstance(decision, Shot) for decision in decisions):
            self._why = Why.SENT
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
        track = next((t for t in self._follower.tracks if t.passage == passage), None)
        if view.verdict is not Verdict.READ and track is not None and track.stage is Stage.SETTLED:
            track.look_again(track.seen_at, suspect=False)

    def finish(self) -> list[Decision]:
        """Closes all passages: the recording has ended, or the daemon stops."""
        decisions: list[Decision] = []
        for track in self._follower.tracks:
            decisions += self._last_chance(track)
            decisions += self._closing(track, track.seen_at)
        self._follower.tracks = []
        return decisions

    def _begin(self, luma: Picture, at: float) -> None:
        self._shape, self._geometry = luma.shape, Geometry(luma.shape, self._zone)
        self._background.start(self._geometry.shrink(luma), at)
        self._started, self._previous, self._upset_since, self._calm_at = at, None, None, at
        self._paid = []

    def _explain(self, learning: bool) -> Why:
        """The reason that counts for a frame that was not sent."""
        if learning:
            return Why.LEARNING
        if self._follower.tracks:
            return max((track.why for track in self._follower.tracks), key=NEAR_TO_A_CALL.index)
        return Why.TOO_SMALL if self._change >= SOME_CHANGE else Why.QUIET

    def _vehicles(self) -> Picture | None:
        """255 where tracks are, so that the background neither learns them nor lets them vote on the light."""
        return (
            self._geometry.mask_of(track.region for track in self._follower.tracks) if self._follower.tracks else None
        )

    def _jumped(self, at: float) -> bool:
        """Whether the whole picture is another one since a moment ago."""
        busy = self._change
        if busy < SCENE_CALM:
            self._calm_at = at
        if busy < SCENE_CHANGED:
            self._upset_since = None
        elif self._upset_since is None and at - self._calm_at <= SCENE_JUMP:
            self._upset_since = at
        return self._upset_since is not None

    def _attend(self, track: Track, frame: Frame, small: Picture, at: float) -> list[Decision]:
        if track.seen_at != at:
            return []
        self._note_stillness(track, small, at)
        if not track.confirmed:
            track.why = Why.FRAGMENT if track.fragment else Why.TOO_SHORT
            if track.frames < CONFIRM_FRAMES or at - track.since < CONFIRM_AFTER:
                return []
            if track.fragment and not self._geometry.whole(track.region) and not self._still(track, at, CUT_OFF_STILL):
                return []
            track.confirmed = True
        return self._look_closer(track, frame, small, at)

    def _look_closer(self, track: Track, frame: Frame, small: Picture, at: float) -> list[Decision]:
        track.value = None
        if track.stage is Stage.SETTLED:
            track.why = Why.KNOWN
            self._watch_settled(track, small, at)
            return []
        if track.suspect and track.unchanged(small) and self._same_plate_there(track, frame.luma):
            track.why = Why.KNOWN
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
        whole = self._geometry.whole(track.region)
        track.whole_since = (track.whole_since or at) if whole else None
        if (track.suspect or track.fragment) and not self._another_whole(track, at):
            track.why, track.value = Why.FRAGMENT, None
            return
        box = self._geometry.box(track.region)
        value = track.value = score(frame.luma, box, whole)
        if track.best is None or value > track.best.score * BETTER:
            others = [self._geometry.box(t.region) for t in self._follower.tracks if t is not track]
            height, width = frame.luma.shape
            crop = crop_around(box, others, width, height)
            track.best, track.improved_at = Candidate(frame, at, box, crop, value, whole), at
            track.why = Why.BETTERING

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
            track.why = Why.SCENERY
            self._background.absorb(small, track.region)
            track.seen_at, track.best = -self._close_after, None
            return []
        if not self._worth_another(track):
            track.why = Why.USED_UP if len(track.paid) >= self._max_calls else Why.NOT_BETTER
            track.improved_at = at
            return []
        if self._known(track, small):
            track.why = Why.KNOWN
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
        since = track.changed_since or track.seen_at
        track.opened_at = datetime.fromtimestamp(since, tz=track.last_seen.tzinfo)
        track.passage, track.paid, track.suspect = self._follower.next_passage(), [], False
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
        for track in [t for t in self._follower.tracks if at - t.seen_at >= self._close_after]:
            if not track.swallowed:
                decisions += self._last_chance(track)
            decisions += self._closing(track, at)
            self._follower.tracks.remove(track)
        for track in [t for t in self._follower.tracks if not t.confirmed and t.seen_at != at]:
            self._follower.tracks.remove(track)
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
        others = [self._geometry.box(t.region) for t in self._follower.tracks if t.passage != view.passage]
        return _inside(view.box, x, y) or not any(_inside(box, x, y) for box in others)


def _inside(box: Box, x: float, y: float) -> bool:
    return box.x <= x < box.x + box.width and box.y <= y < box.y + box.height
