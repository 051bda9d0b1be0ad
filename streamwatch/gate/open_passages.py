"""The open passages: each track gets what the rules say, and its passage is opened and closed."""

from datetime import datetime
from functools import cache

from streamwatch.core.codes import ViewReason
from streamwatch.detection import Detection
from streamwatch.gate.decisions import Closed, Decision, Kept, Opened, Shot
from streamwatch.gate.frame_report import Why
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.part_detector import PartDetector
from streamwatch.gate.plates.appearance import upright
from streamwatch.gate.plates.shapes import box_of
from streamwatch.gate.policy import Action, Enough, RuleInput, rule
from streamwatch.gate.tracking.direction import direction
from streamwatch.gate.tracking.track import Memory, Track
from streamwatch.gate.tracking.tracker import Tracker
from streamwatch.gate.tracking.views import PaidOutcome, PlateView

HIDDEN_FOR = 3.0  # s for which a moving plate may be hidden by what moves before it
STOOD_HIDDEN_FOR = 600.0  # s; the same for a plate that stood still
STOOD = 1.0  # s for which a plate must have stood still for that
GONE_LOOKS = 2  # frames without the plate that end its passage
ANSWERED_WITHIN = 5.0  # s for which a passage whose vehicle has gone stays open for the answer to its last picture
REMEMBERED_FOR = 4.0  # s after the start for which a vehicle of an earlier run is looked for


class OpenPassages:
    """The passages of one camera's plates."""

    def __init__(
        self,
        tracker: Tracker,
        detector: PartDetector,
        *,
        patience: float,
        close_after: float,
        max_calls: int,
        keep_unpaid: bool,
        enough: Enough,
    ) -> None:
        """See `Gate` for patience, close_after, max_calls, keep_unpaid and enough."""
        self._tracker, self._detector = tracker, detector
        self._patience, self._close_after, self._max_calls = patience, close_after, max_calls
        self._keep_unpaid, self._enough = keep_unpaid, enough
        self._began: datetime | None = None
        self._whys: dict[int, Why] = {}

    def begin(self, captured_at: datetime) -> None:
        """Start watching at a time: a vehicle that already stands there has come then."""
        self._began = captured_at

    def why(self, track: Track) -> Why | None:
        """Return the rule that decided last about a track; None before the first decision."""
        return self._whys.get(track.passage)

    def decide(self, motion: Motion, *, surveyed: bool) -> list[Decision]:
        """Return what follows from a frame in which the plates were followed.

        surveyed: the whole picture was searched for vehicles that stood there when watching began.
        """
        decisions: list[Decision] = []
        for track in list(self._tracker.tracks):
            if track.course.seen_at == motion.at or track.unseen >= GONE_LOOKS:
                decisions += self._apply_rule(track, motion.at, ended=self._ended(track, motion.at))
        for track in list(self._tracker.tracks):
            track.unseen = 0 if track.course.seen_at == motion.at else track.unseen + 1
            if track.scenery and track.announced:
                decisions += self._closing(track)
                track.announced = False
            if track.unseen and self._is_gone(track, motion, surveyed):
                self._tracker.tracks.remove(track)
                self._whys.pop(track.passage, None)
                decisions += self._closing(track)
        return decisions

    def last_calls(self, at: float) -> list[Decision]:
        """Return what is worth a call when no frame will come any more."""
        return [d for track in self._tracker.tracks for d in self._apply_rule(track, at, ended=True)]

    def finish(self, at: float) -> list[Decision]:
        """Return the last calls, and close all passages."""
        decisions = self.last_calls(at)
        decisions += [d for track in self._tracker.tracks for d in self._closing(track)]
        self._tracker.tracks = []
        return decisions

    def _apply_rule(self, track: Track, at: float, *, ended: bool) -> list[Decision]:
        """Apply the first rule that applies to a track, and return the decisions that follow."""

        @cache
        def older() -> Track | None:
            return self._tracker.known_as(track, at)

        @cache
        def confirmed() -> Detection | None:
            assert track.views.best is not None
            return self._detector.confirm(track.views.best)

        stood_here = track.course.at_rest and not track.course.has_moved
        result = rule(
            RuleInput(
                track,
                at,
                ended,
                stood_here,
                self._patience,
                self._max_calls,
                same=lambda: older() is not None,
                seen_closely=lambda: confirmed() is not None,
                enough=self._enough,
            )
        )
        self._whys[track.passage] = result.why
        if result.action is Action.LOOK_LATER:
            track.views.postpone(at)
        elif result.action is Action.SETTLE and (known := older()) is not None:
            self._tracker.join(known, track)
        elif result.action is Action.PAY and result.view is not None:
            if not track.views.paid and (close := confirmed()) is not None:
                result.view.plate = close.corners  # they are more exact than those of the first look
            if stood_here and not track.announced and self._began is not None:
                track.opened_at = self._began
            return self._pay(track, result.view, result.reason)
        return []

    def _ended(self, track: Track, at: float) -> bool:
        """True if a plate has been out of sight long enough that it will not come back."""
        return at - track.course.seen_at >= self._close_after and track.unseen >= GONE_LOOKS

    def _pay(self, track: Track, view: PlateView, reason: ViewReason) -> list[Decision]:
        """Record that a view is paid for; return the shot, and the opening of the passage if it is the first one."""
        picture = upright(view.frame.luma, view.plate)
        paid = track.views.pay(view, picture)
        opening = [] if track.announced else [Opened(track.passage, track.opened_at)]
        track.asked(picture)
        return [*opening, Shot(track.passage, view.frame, paid.crop, view.score, reason, view.scale)]

    def _is_gone(self, track: Track, motion: Motion, surveyed: bool) -> bool:
        """True if the vehicle of a plate that is out of sight has gone."""
        away = motion.at - track.course.seen_at
        if track.memory is not None:
            return surveyed and motion.age > REMEMBERED_FOR
        if not self._ended(track, motion.at):
            return False
        if track.views.outcome is PaidOutcome.PENDING and away < self._close_after + ANSWERED_WITHIN:
            return False
        stood = track.course.stands(track.course.seen_at) >= STOOD
        return not motion.hides(box_of(track.course.plate)) or away >= (STOOD_HIDDEN_FOR if stood else HIDDEN_FOR)

    def _closing(self, track: Track) -> list[Decision]:
        """Return what ends a passage. One that was never worth a call is recorded, too, if it surely was a plate."""
        origin = box_of(track.course.origin or track.course.plate)
        closed = Closed(track.passage, track.opened_at, track.last_seen, direction(origin, box_of(track.course.plate)))
        if track.announced:
            return [] if track.memory is Memory.EARLIER_RUN else [closed]
        if not track.recorded:
            return []
        return [Opened(track.passage, track.opened_at), *self._kept(track), closed]

    def _kept(self, track: Track) -> list[Decision]:
        """Return the best view of a plate that nothing was paid for, to be kept for people."""
        view = track.views.best or track.views.spare
        if view is None or not self._keep_unpaid:
            return []
        return [Kept(track.passage, view.frame, view.crop(), view.score, ViewReason.NEVER_WORTH_IT)]
