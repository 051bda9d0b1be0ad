"""Pay for this view now? Asked for every thing that is followed, in every frame that shows it."""

import math
from datetime import datetime

from streamwatch.gate.background import Background
from streamwatch.gate.bestshot import Candidate, crop_around, score
from streamwatch.gate.decisions import NO_ANSWER, SECOND_OPINION, Closed, Decision, Opened, Shot
from streamwatch.gate.follow import Follower
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.glance import Why
from streamwatch.gate.likeness import same_vehicle, view_of
from streamwatch.gate.plate_box import inside, middle
from streamwatch.gate.sight import SMALLER, Sight, believed, good_enough, readable_when_smaller
from streamwatch.gate.track import (
    ASK_AGAIN,
    JOINED,
    RECOGNISED_FOR,
    PaidView,
    Stage,
    Track,
    Verdict,
    patch_of,
    stillness,
)
from streamwatch.model import Box, Corners, Frame, Picture

CONFIRM_FRAMES, CONFIRM_AFTER = 3, 0.3  # a region must last so long before it is a passage
BETTER = 1.05  # a view counts as better from this ratio of scores on; a full picture of the codec alone gives 1.03
LOOKS_IN_VAIN = 1  # views given up for want of a plate, after which a vehicle is paid for all the same
STOPPED_FOR = 2.0  # s; what came a little nearer and stands still so long is a vehicle
LARGE = 0.08  # of the watched picture; what fills less and shows no plate is nothing to record
STILL_GOOD = 0.6  # so much of the score of a doubted view another one must have for a second opinion
CLEARLY_BETTER = 1.3  # a view must be this much better to be paid after an unread one
STILL_STEP, STILL_PART = 14, 0.985  # grey levels; part of a region that must not move for it to stand still
STILL_FOR = 0.4  # s; a suspect is judged when it has stood still so long
SUSPECT_PATIENCE = 1.5  # s; or, moving, when its view has not become better for so long
SCENERY_AFTER = 3.0  # s; what stands still so long although no plate was found on it is taken as part of the scene
LEFT_FOR = 60.0  # s; the same for what was never worth a call: a thing that was left here, or a vehicle without a plate
BARE_FOR = 1.0  # s; the same for what looks like ground that a vehicle has left, and shows no plate
STOOD_FOR = 2.0  # s; what showed no plate, stood so long and grows by the ratio JOINED was joined by another
CHANGED_FOR = 0.25  # s; a settled place must look different for so long, so that a bird does not count
CUT_OFF_STILL = 1.0  # s; a piece at the edge that stands still so long is a vehicle after all
WHOLE_FOR = 0.4  # s; what follows a paid vehicle must be wholly in view so long: pieces of the leaving one are not
ANSWERED_WITHIN = 5.0  # s for which a passage whose vehicle has gone stays open for the answer to its last picture
REMEMBER = 3.0  # s after a passage in which pieces of its vehicle may still be in view


class Judge:
    """Of one camera."""

    def __init__(
        self,
        follower: Follower,
        background: Background,
        sight: Sight | None,
        paid: list[PaidView],
        *,
        patience: float,
        close_after: float,
        max_calls: int,
    ) -> None:
        """sight: finds plates before they are paid for; None where nothing can. patience, close_after: seconds.

        paid: views of vehicles that are or lately were before the camera, shared with others.
        """
        self._follower, self._background, self._sight = follower, background, sight
        self._patience, self._close_after, self._max_calls = patience, close_after, max_calls
        self._geometry = Geometry((180, 320), None)
        self._previous: Picture | None = None
        self._judged_at = math.inf
        self._obstacles: list[Box] = []
        self._paid = paid

    def begin(self, geometry: Geometry) -> None:
        """Another scene, seen in frames of that geometry."""
        self._geometry, self._previous, self._judged_at = geometry, None, math.inf

    def judge(self, frame: Frame, small: Picture, at: float, obstacles: list[Box]) -> list[Decision]:
        """What to do about each track of this frame. obstacles: vehicles that are no tracks."""
        self._obstacles = obstacles
        return [decision for track in self._follower.tracks for decision in self._attend(track, frame, small, at)]

    def let_go(self, small: Picture, at: float) -> list[Decision]:
        """What to do about tracks that have left; the end of a frame."""
        for track in [t for t in self._follower.tracks if at - t.seen_at >= self._close_after]:
            self._follower.tracks.remove(track)
            self._follower.leaving.append(track)
        decisions = [decision for track in list(self._follower.leaving) for decision in self._see_off(track, at)]
        for track in [t for t in self._follower.tracks if not t.confirmed and t.seen_at != at]:
            self._follower.tracks.remove(track)
        self._previous, self._judged_at = small, at
        return decisions

    def last_calls(self) -> list[Decision]:
        """What is worth a call when no frame will come any more."""
        tracks = (*self._follower.tracks, *self._follower.leaving)
        return [decision for track in tracks for decision in self._last_chance(track)]

    def finish(self, track: Track) -> list[Decision]:
        """What to do about a track when watching ends."""
        return [*self._last_chance(track), *self.closing(track, track.seen_at)]

    def closing(self, track: Track, at: float) -> list[Decision]:
        """Its passage is over. What is as large as a vehicle is recorded, too, when it was not worth a call."""
        for view in self._paid:
            if view.passage == track.passage:
                view.gone_at = at
        closed = Closed(track.passage, track.opened_at, track.last_seen)
        if track.announced:
            return [closed]
        large = track.largest >= LARGE * self._geometry.watched
        return [Opened(track.passage, track.opened_at), closed] if track.refused and large else []

    def _see_off(self, track: Track, at: float) -> list[Decision]:
        """Of one that has left: a call for the best view that is left of it, or the end of its passage."""
        decisions = self._last_chance(track)
        waiting = at - track.seen_at < self._close_after + ANSWERED_WITHIN
        if decisions or (track.unanswered and waiting):
            return decisions
        self._follower.leaving.remove(track)
        return self.closing(track, at)

    def is_own(self, view: PaidView, corners: Corners | None) -> bool:
        """Whether a plate belongs to the vehicle of the view, and not to another one on whose place it lies."""
        if corners is None or inside(view.box, middle(corners)):
            return True
        tracks = [self._geometry.box(t.region) for t in self._follower.tracks if t.passage != view.passage]
        return not any(inside(box, middle(corners)) for box in (*tracks, *self._obstacles))

    def _attend(self, track: Track, frame: Frame, small: Picture, at: float) -> list[Decision]:
        if track.seen_at != at:
            return []
        self._note_stillness(track, small, at)
        if self._geometry.whole(track.region):
            track.note_growth()
        if not track.confirmed:
            track.why = Why.FRAGMENT if track.fragment else Why.TOO_SHORT
            if track.frames < CONFIRM_FRAMES or at - track.since < CONFIRM_AFTER:
                return []
            if track.fragment and not self._geometry.whole(track.region) and not _still(track, at, CUT_OFF_STILL):
                return []
            track.confirmed = True
        track.largest = max(track.largest, track.region.size)
        return self._look_closer(track, frame, small, at)

    def _look_closer(self, track: Track, frame: Frame, small: Picture, at: float) -> list[Decision]:
        track.value = None
        if track.stage is Stage.SETTLED:
            track.why = Why.KNOWN
            self._watch_settled(track, frame.luma, small, at)
            return []
        if track.suspect:
            same = self._same_as_settled(track, frame.luma, small)
            if same or self._moved_on(track, frame.luma, at):
                track.why = Why.KNOWN
                track.settle(small, joined=same)
                return []
        if self._is_bare_ground(track, small, at):
            self._absorb(track, small)
            return []
        self._weigh(track, frame, at)
        if self._ripe(track, at):
            return self._decide(track, small, at)
        return []

    def _watch_settled(self, track: Track, luma: Picture, small: Picture, at: float) -> None:
        if track.unchanged(small):
            track.changed_since = None
            return
        if track.changed_since is None:
            # Where frames were passed over it may have changed since the one before.
            track.changed_since = at if at - self._judged_at < CHANGED_FOR else self._judged_at
        if at - track.changed_since < CHANGED_FOR or at - track.recognised_at < RECOGNISED_FOR:
            return
        if self._moved_on(track, luma, at):
            track.settle(small)
        else:
            track.look_again(at, suspect=True)

    def _moved_on(self, track: Track, luma: Picture, at: float) -> bool:
        """Whether it is the vehicle that was read, at another place."""
        if at - track.tried_at < ASK_AGAIN:
            return False
        track.tried_at = at
        if track.still_it(luma, self._geometry.box(track.region), at):
            track.recognised_at = at
        return track.recognised_at == at

    def _note_stillness(self, track: Track, small: Picture, at: float) -> None:
        if self._previous is None or stillness(small, self._previous, track.region, STILL_STEP) < STILL_PART:
            track.still_since = None
        elif track.still_since is None:
            track.still_since = at
        if _worth_nothing(track) and _still(track, at, STOOD_FOR):
            track.stood = track.region
        elif track.stood is not None and track.region.size >= JOINED * track.stood.size:
            track.look_again(at, track.suspect)

    def _same_as_settled(self, track: Track, luma: Picture, small: Picture) -> bool:
        """Two cars of one model look alike at one place; where the paid plate is known, it decides alone."""
        read = [v for v in track.paid if v.plate is not None]
        return any(v.plate_still_there(luma) for v in read) if read else track.unchanged(small)

    def _weigh(self, track: Track, frame: Frame, at: float) -> None:
        """Keeps this frame if it shows the vehicle better than any before."""
        whole = self._geometry.whole(track.region)
        track.whole_since = (track.whole_since or at) if whole else None
        if (track.suspect or track.fragment) and not _another_whole(track, at):
            track.why = Why.FRAGMENT
            return
        box = self._geometry.box(track.region)
        if at < track.idle_until and box.width < track.look_from:
            track.why = Why.NO_PLATE
            return
        track.value = score(frame.luma, box, whole)
        if track.best is None or track.value > track.best.score * BETTER:
            others = [self._geometry.box(t.region) for t in self._follower.tracks if t is not track]
            others += self._obstacles
            height, width = frame.luma.shape
            crop = crop_around(box, others, width, height)
            if track.best is not None and track.best.whole:
                track.keep_earlier(track.best)
            track.best, track.improved_at = Candidate(frame, at, box, crop, track.value, whole), at
            track.why = Why.NO_PLATE if track.refused else Why.BETTERING
            if self._sight is not None and not track.suspect and not track.paid:
                self._sight.glimpse(track)

    def _ripe(self, track: Track, at: float) -> bool:
        if track.best is None:
            return False
        if track.suspect:
            return _still(track, at, STILL_FOR) or at - track.improved_at >= SUSPECT_PATIENCE
        return at - track.improved_at >= self._patience or (
            not track.paid and good_enough(track.best) and believed(track)
        )

    def _decide(self, track: Track, small: Picture, at: float) -> list[Decision]:
        """The view is good enough or has stopped getting better: pay for it, or know why not."""
        assert track.best is not None
        if self._is_scenery(track, small, at):
            self._absorb(track, small)
            return []
        if not self._worth_another(track):
            track.why = Why.USED_UP if len(track.paid) >= self._max_calls else Why.NOT_BETTER
            track.improved_at = at
            return []
        if self._known(track, small):
            track.why = Why.KNOWN
            track.settle(small, joined=track.suspect)
            return []
        if not self._plate_in_sight(track) and not self._surely_a_vehicle(track, at):
            track.why = Why.NO_PLATE
            track.no_plate(at)
            return []
        if self._just_paid(track):
            track.why = Why.KNOWN
            track.settle(small)
            self._join(track, small)
            return []
        decisions = self._another_vehicle(track) if track.suspect else []
        return [*decisions, *self._pay(track, small, _reason(track))]

    def _plate_in_sight(self, track: Track) -> bool:
        """Whether the best view, or else an earlier one, shows a plate; where nobody can tell it is assumed."""
        assert track.best is not None
        if self._sight is None or track.doubted:
            return True
        self._sight.look_hard(track, track.best)
        if track.best.plate is None and track.with_plate is not None:
            track.best = track.with_plate
        return believed(track)

    def _surely_a_vehicle(self, track: Track, at: float) -> bool:
        """Whether it is paid for although no plate is seen: it came as vehicles do, and more looks saw none."""
        stopped = track.came_somewhat_nearer and _still(track, at, STOPPED_FOR)
        return track.refused >= LOOKS_IN_VAIN and (track.came_nearer or stopped)

    def _is_scenery(self, track: Track, small: Picture, at: float) -> bool:
        """Whether what stands here belongs to the scene: ground that a vehicle has left, or a thing without a plate."""
        unread = bool(track.paid) and all(v.verdict is Verdict.UNREAD for v in track.paid)
        if unread and _still(track, at, SCENERY_AFTER):
            return True
        if _worth_nothing(track) and _still(track, at, LEFT_FOR):
            return True
        return _still(track, at, STILL_FOR) and self._background.uncovered(small, track.region)

    def _is_bare_ground(self, track: Track, small: Picture, at: float) -> bool:
        """Whether a vehicle has left this that was learned as a blur. As a thing it would hide who drives over it."""
        bare = _worth_nothing(track) and _still(track, at, BARE_FOR)
        return bare and self._background.outlined_before(small, track.region)

    def _absorb(self, track: Track, small: Picture) -> None:
        """What stands here is part of the scene from now on."""
        track.why = Why.SCENERY
        self._background.absorb(small, track.region)
        track.seen_at, track.best = -self._close_after, None

    def _worth_another(self, track: Track) -> bool:
        """Whether the best view promises more than those already paid for it; another vehicle always does."""
        assert track.best is not None
        if track.suspect or not track.paid:
            return True
        if len(track.paid) >= self._max_calls:
            return False
        if track.doubted:
            return self._second_opinion(track)
        unread = [v.score for v in track.paid if v.verdict is not Verdict.FAILED]
        return not unread or track.best.score >= CLEARLY_BETTER * max(unread)

    def _second_opinion(self, track: Track) -> bool:
        """Whether there is a view that is read independently of those paid: the best one, or else an earlier one.

        A vehicle that shows only one size all the time is sent once more in a smaller picture.
        """
        assert track.best is not None
        least = STILL_GOOD * track.paid[-1].score
        for view in (track.best, *reversed(track.earlier)):
            if track.differs(view) and view.score >= least:
                track.best = view
                return True
        if readable_when_smaller(track.paid[-1]):
            track.best.scale = SMALLER
            return track.best.score >= least
        return False

    def _known(self, track: Track, small: Picture) -> bool:
        """Whether a paid picture shows this vehicle already.

        The plate decides where one was found. Where none was, only pictures of this very track count: the same vehicle
        moving on, or the same thing still standing at its place.
        """
        assert track.best is not None
        self._paid[:] = [v for v in self._paid if v.gone_at is None or track.seen_at - v.gone_at <= REMEMBER]
        without_plate = (
            (Verdict.PENDING, Verdict.READ, Verdict.FAILED) if track.suspect else (Verdict.PENDING, Verdict.READ)
        )
        settled = [v for v in track.paid if v.plate is None and v.verdict in without_plate]
        seen = [v for v in self._paid if v.plate is not None and not (track.doubted and v in track.paid)] + settled
        if seen:
            now = view_of(track.best.frame.luma, track.best.box)
            if any(same_vehicle(v.view, now) for v in seen):
                return True
        return track.suspect and any(v.at_same_place(small) for v in track.paid if v.plate is None)

    def _just_paid(self, track: Track) -> bool:
        """Whether another track paid for this plate a moment ago: a vehicle may come in pieces that become one."""
        assert track.best is not None
        best = track.best
        return any(view.shows_also(best.plate, best.at) for view in self._paid if view not in track.paid)

    def _join(self, track: Track, small: Picture) -> None:
        """The piece that was paid for is a part of this track's region now: it goes on as the whole."""
        for piece in self._follower.tracks:
            if piece is not track and piece.swallowed and piece.paid and track.region.holds(piece.region):
                piece.region, piece.last_seen, piece.seen_at = track.region, track.last_seen, track.seen_at
                piece.settle(small)
                track.seen_at = -self._close_after
                return

    def _another_vehicle(self, track: Track) -> list[Decision]:
        """The track goes on, but as a new passage: what stands there now is not what was paid for."""
        gone = self.closing(track, track.seen_at)
        since = track.changed_since or track.seen_at
        track.opened_at = datetime.fromtimestamp(since, tz=track.last_seen.tzinfo)
        track.passage, track.paid, track.suspect = self._follower.next_passage(), [], False
        track.earlier = []
        track.announced = track.fragment = False
        return gone

    def _pay(self, track: Track, small: Picture, reason: str) -> list[Decision]:
        """With its first shot a passage opens: what is never worth one was no vehicle, or one that is known."""
        assert track.best is not None
        best = track.best
        box = best.box
        luma = best.frame.luma[box.y : box.y + box.height, box.x : box.x + box.width].copy()
        view = PaidView(track.passage, best.at, luma, box, best.score, track.region, patch_of(small, track.region))
        view.scale, view.found = best.scale, best.plate
        track.paid.append(view)
        track.sent, track.recognised_at = best, track.seen_at
        self._paid.append(view)
        track.settle(small)
        shot = Shot(track.passage, best.frame, best.crop, best.score, reason, best.scale)
        opening = [] if track.announced else [Opened(track.passage, track.opened_at)]
        track.announced = True
        return [*opening, shot]

    def _last_chance(self, track: Track) -> list[Decision]:
        """A vehicle that is gone before its view stopped getting better: what there is of it is sent."""
        if track.swallowed and not track.doubted:
            return []
        track.best = track.last_view
        if not track.confirmed or track.stage is not Stage.LOOKING or track.best is None or self._previous is None:
            return []
        if not self._worth_another(track) or self._known(track, self._previous):
            return []
        if not self._plate_in_sight(track) and not track.came_nearer:
            track.refused += 1
            return []
        if self._just_paid(track):
            return []
        decisions = self._another_vehicle(track) if track.suspect else []
        reason = _reason(track) if track.paid else "it went; this was its best view"
        return [*decisions, *self._pay(track, self._previous, reason)]


def _another_whole(track: Track, at: float) -> bool:
    """Whether this can be a vehicle of its own and not a piece of one that was paid for and is leaving."""
    if track.whole_since is not None and at - track.whole_since >= WHOLE_FOR:
        return True
    return _still(track, at, CUT_OFF_STILL)


def _worth_nothing(track: Track) -> bool:
    """Whether it was looked at, and never showed a plate or was paid for."""
    return track.refused > 0 and not track.hits and (track.suspect or not track.paid)


def _still(track: Track, at: float, seconds: float) -> bool:
    return track.still_since is not None and at - track.still_since >= seconds


def _reason(track: Track) -> str:
    assert track.best is not None
    if track.paid and not track.suspect:
        return {
            Verdict.FAILED: NO_ANSWER,
            Verdict.DOUBTED: SECOND_OPINION,
        }.get(track.paid[-1].verdict, "a clearly better view than the unread one")
    if track.best.looked and track.best.plate is None:
        return "it came nearer like a vehicle, but no plate was seen in it"
    return "its plate is large and sharp enough" if good_enough(track.best) else "its view stopped getting better"
