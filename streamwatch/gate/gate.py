"""Which frames are worth a call: a pure state machine, frames and answers in, decisions out.

Motion decides when and where to look; plates are what is followed; a passage is a plate's way through the picture. The
best view of a plate is sent once it stops getting better, or when the plate goes; the rules are in `policy`. A thing of
a vehicle's size that shows no plate is a passage, too, and is not paid for. Of a passage that nothing is paid for the
best view is kept, for people.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import cv2
import numpy as np

from streamwatch.core.model import Attention, Box, Corners, Frame, Picture
from streamwatch.gate.attention import AttentionEstimator, Moment
from streamwatch.gate.decisions import (
    NEVER_WORTH_IT,
    Closed,
    Decision,
    Kept,
    Opened,
    Shot,
)
from streamwatch.gate.glance import Followed, Glance, Why
from streamwatch.gate.motion.background import Background
from streamwatch.gate.motion.blobs import STILL_STEP, Blob, BlobTracker
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import find_regions
from streamwatch.gate.motion.scene import SceneWatch
from streamwatch.gate.plates.appearance import upright
from streamwatch.gate.plates.shapes import box_of, centre, inside, overlap, vehicle_around
from streamwatch.gate.policy import Action, RuleInput, rule
from streamwatch.gate.remembered import Remembered
from streamwatch.gate.search import SURVEYS, FindPlates, Part, Search
from streamwatch.gate.tracking.direction import direction
from streamwatch.gate.tracking.track import PaidOutcome, PaidView, PlateView, State, Track
from streamwatch.gate.tracking.tracker import Tracker
from streamwatch.gate.without_plate import VehiclesWithoutPlate

LEARN_FIRST = 0.6  # s after the start in which change is only learned
SOME_CHANGE = 0.002  # part of the watched picture from which a frame no longer counts as quiet
LEFT_FOR = 60.0  # s after which a thing that stands and shows no plate belongs to the scene
BARE_FOR = 1.0  # s; the same for what looks like ground that a vehicle has left
GHOST_FOR = 0.4  # s; the same for what surely is a gap
HIDDEN_FOR = 3.0  # s for which a moving plate may be hidden by what moves before it
STOOD_HIDDEN_FOR = 600.0  # s; the same for a plate that stood still
GONE_LOOKS = 2  # frames without it that end the passage of a plate
ANSWERED_WITHIN = 5.0  # s for which a passage whose vehicle has gone stays open for the answer to its last picture
RECORDED_WIDTH = 40.0  # px; a narrower plate that was never paid for is not recorded as a passage
RECORDED_HITS = 3
LATER = 0.4  # s until the best view is looked at closely again, times the number of tries
GREW = 1.1  # growth of a spare view that is worth keeping
NEAR_TO_A_CALL = (*tuple(Why)[1:], Why.SENT)


class Gate:
    """Watches one camera."""

    def __init__(
        self,
        *,
        find_plates: FindPlates,
        threshold: int = 22,
        min_area: float = 0.015,
        patience: float = 0.6,
        close_after: float = 1.0,
        max_calls: int = 3,
        zone: list[tuple[float, float]] | None = None,
        sees_letters: Callable[[Picture], bool] | None = None,
        keep_unpaid: bool = True,
    ) -> None:
        """find_plates: the plate detector; threshold: grey levels of change; min_area: fraction of the picture;

        patience, close_after: seconds; max_calls: per passage; zone: polygon in fractions of the picture outside of
        which nothing is looked at; sees_letters: True if a (height, width, 3) BGR picture shows letters: with it a
        large vehicle on which no plate was seen is paid for once, without it never; keep_unpaid: True if
        a passage that nothing was paid for keeps its best view.
        """
        self._without_plate, self._keep_unpaid = (
            VehiclesWithoutPlate(sees_letters, keep_unpaid=keep_unpaid),
            keep_unpaid,
        )
        self._min_area, self._zone = min_area, zone
        self._patience, self._close_after, self._max_calls = patience, close_after, max_calls
        self._search, self._tracker = Search(find_plates, min_area), Tracker()
        self._background, self._blobs = Background(threshold), BlobTracker(self._tracker.next_passage)
        self._attention, self._scene = AttentionEstimator(min_area), SceneWatch()
        self._geometry = Geometry((180, 320), zone)
        self._seen: tuple[Frame, Picture, Picture] | None = None
        self._previous: Picture | None = None
        self._scenery: list[Corners] = []
        self._whys: dict[int, Why] = {}
        self._shape: tuple[int, ...] = ()
        self._started = self._change = self._at_seconds = 0.0
        self._at: datetime | None = None
        self._began: datetime | None = None
        self._why = Why.LEARNING
        self.counts = Counter(dict.fromkeys(Why, 0))
        """Frames by why they were sent or not; SENT counts the frame at which an earlier view may have been chosen."""

    @property
    def glance(self) -> Glance | None:
        """What it saw in the last frame; None before the first. Made anew whenever it is asked for."""
        if self._at is None:
            return None
        followed = [
            Followed(
                track.passage,
                self._box_of(track),
                None,
                None if track.best is None else track.best.score,
                self._whys.get(track.passage, Why.TOO_SHORT),
                track.plate,
                track.state.name.lower(),
            )
            for track in self._tracker.visible(self._at_seconds)
        ]
        followed += [
            Followed(blob.passage, self._geometry.box(blob.region), None, None, Why.NO_PLATE)
            for blob in self._blobs.now
            if not blob.plate
        ]
        return Glance(self._at, self._change, self._why, tuple(followed))

    def attention(self, frame: Frame) -> Attention:
        """How closely this camera must be watched, as the next frame shows; it is not taken in by this.

        At ALL, frames that were passed over before it should come first, if they can still be had.
        """
        at = frame.captured_at.timestamp()
        if self._shape != frame.luma.shape:
            self._attention.stir(at)
            return Attention.ALL
        if self._scene.upset:
            return Attention.ALL
        small, change = self._see(frame)
        return self._attention.needed(Moment(at, frame.luma, small, change, self._blobs.now, self._tracker.tracks))

    def look(self, frame: Frame) -> list[Decision]:
        """Take the next frame in; capture times must not decrease."""
        decisions = self._look(frame)
        self._seen = None
        self._at, self._at_seconds = frame.captured_at, frame.captured_at.timestamp()
        self.counts[self._why] += 1
        return decisions

    def _look(self, frame: Frame) -> list[Decision]:
        at = frame.captured_at.timestamp()
        if self._shape != frame.luma.shape:
            self._begin(frame, at)
        small, change = self._see(frame)
        busy = cv2.countNonZero(change)
        self._change = busy / self._geometry.watched
        self._scene.look(self._change, self._background.shows_nothing, at)
        if self._background.shows_nothing:
            self._why = Why.QUIET
            return []
        if self._scene.is_another:
            self._learn_anew(small, at)
            change = np.zeros_like(change)
            busy = 0
        learning = at - self._started < LEARN_FIRST
        watching = busy >= self._min_area * change.size and not learning
        regions = find_regions(change, self._min_area) if watching else []
        gone = self._blobs.look(regions, small, frame.captured_at, at, self._close_after)
        self._follow(frame, small, change, at)
        decisions = [decision for track in list(self._tracker.tracks) for decision in self._attend(track, frame, at)]
        decisions += self._let_go(at)
        decisions += [decision for blob in gone for decision in self._without_plate.record(blob, self._geometry)]
        self._absorb(small, at)
        self._why = self._explain(learning, at)
        if any(isinstance(decision, Shot) for decision in decisions):
            self._why = Why.SENT
        self._background.learn(small, self._vehicles(at), at)
        self._scene.note(self._filled(at))
        self._attention.looked(small, at)
        self._previous = small
        return decisions

    def _see(self, frame: Frame) -> tuple[Picture, Picture]:
        """The frame's small picture, and where it differs from the empty scene."""
        if self._seen is None or self._seen[0] is not frame:
            small = self._geometry.shrink(frame.luma)
            change = self._geometry.in_zone(self._background.change(small, self._vehicles(self._at_seconds)))
            self._seen = frame, small, change
        return self._seen[1:]

    def remember(self, vehicle: Remembered) -> int:
        """Before the first frame: a vehicle that an earlier run paid for and that may still stand there.

        Returns the number of that passage; it is closed when the vehicle has gone, and never if it is not there.
        """
        plate = vehicle.plate
        if plate is None:
            plate = self._search.plate_in(vehicle.luma, vehicle.box)
        passage = self._tracker.next_passage()
        if plate is None:
            return passage
        local = tuple((x - vehicle.box.x, y - vehicle.box.y) for x, y in plate)
        picture = upright(vehicle.luma, (local[0], local[1], local[2], local[3]))
        track = Track(passage, plate, vehicle.opened_at, vehicle.last_seen, 0.0, 1.0, State.SETTLED)
        track.pictures, track.remembered, track.earlier_run, track.announced = [picture], True, True, True
        track.unseen = 1
        self._tracker.tracks.append(track)
        return passage

    def answered(self, passage: int, plates: list[tuple[bool, Corners | None]] | None) -> None:
        """What became of the last shot of a passage: its plates (trustworthy?, corners in frame pixels).

        None: this view got no answer and will get none, so that another one is worth a call. Plates that lie on another
        vehicle do not count.
        """
        track = next((t for t in self._tracker.tracks if t.passage == passage), None)
        if track is None or track.outcome is not PaidOutcome.PENDING:
            return
        view = track.paid[-1]
        if plates is None:
            view.outcome = PaidOutcome.FAILED
        else:
            own = [good for good, corners in plates if view.may_show(corners)]
            view.outcome = PaidOutcome.UNREAD if not own else PaidOutcome.READ if any(own) else PaidOutcome.DOUBTED
        if view.outcome is PaidOutcome.READ:
            track.settle()
        elif view.outcome is PaidOutcome.UNREAD and self._belongs_here(track):
            track.settle()
            track.scenery = True
            self._scenery.append(track.plate)
        else:
            track.look_again(self._at_seconds)

    def _belongs_here(self, track: Track) -> bool:
        """True if an unread text is a part of the scene: it has not moved, and nothing came to its place."""
        return not track.travelled and not track.doubted and not self._differs(track.plate)

    def _differs(self, plate: Corners) -> bool:
        """True if the place of a plate differs from the empty scene."""
        return any(inside(self._geometry.box(blob.region), centre(plate)) for blob in self._blobs.now)

    def last_calls(self) -> list[Decision]:
        """What is worth a call when no frame will come any more; to be asked again after the answers to it."""
        return [d for track in self._tracker.tracks for d in self._rule(track, self._at_seconds, ended=True)]

    def finish(self) -> list[Decision]:
        """Closes all passages: the recording has ended, or the daemon stops."""
        decisions = self.last_calls()
        for track in self._tracker.tracks:
            decisions += self._closing(track)
        self._tracker.tracks = []
        return decisions

    def _begin(self, frame: Frame, at: float) -> None:
        """The first picture, or one of another size. What was before the camera probably still is."""
        self._tracker.resized(self._shape, frame.luma.shape)
        self._shape, self._geometry = frame.luma.shape, Geometry(frame.luma.shape, self._zone)
        self._scenery = []
        self._learn_anew(self._geometry.shrink(frame.luma), at)
        self._search.begin(self._geometry, at)
        self._attention.begin(self._geometry, at)
        self._started, self._began = at, frame.captured_at

    def _learn_anew(self, small: Picture, at: float) -> None:
        """The empty scene is what is seen now; plates are followed all the same."""
        self._background.start(small, at)
        self._blobs.clear()
        self._scene.begin(at)
        self._seen = None
        self._previous = None

    def _follow(self, frame: Frame, small: Picture, change: Picture, at: float) -> None:
        """Find known plates again, and new ones where something moves."""
        if self._tracker.tracks:
            moving = None
            if self._previous is not None:
                moving = cv2.compare(cv2.absdiff(small, self._previous), STILL_STEP, cv2.CMP_GT)
            self._tracker.follow(frame, at, lambda plate: self._is_still(plate, moving))
        if self._search.survey_due(at):
            height, width = frame.luma.shape
            found, parts = self._search.survey(frame, small, at), [Part(Box(0, 0, width, height))]
        else:
            parts = self._search.parts(small, change, at, self._blobs.now, self._tracker.tracks)
            found = self._search.look(frame, small, at, parts) if parts else []
        if parts:
            for track in self._tracker.looked(frame, at, found, [part.box for part in parts]):
                track.at_rest = at - self._started <= SURVEYS[-1] and not self._differs(track.plate)
        visible = self._tracker.visible(at)
        for track in visible:
            if track.state is not State.SETTLED and not self._is_scenery(track, frame):
                track.weigh(frame, at, tuple(box_of(t.plate) for t in visible if t is not track and t.confirmed))
            self._keep_spare(track, frame, at)
            for blob in self._blobs.now:
                own = track.confirmed and not track.scenery
                blob.plate |= own and inside(self._geometry.box(blob.region), centre(track.plate))
        for blob in self._blobs.now:
            self._without_plate.keep_view(blob, frame, self._geometry)

    def _keep_spare(self, track: Track, frame: Frame, at: float) -> None:
        """Keep the frame in which a plate is widest as long as no view of it is worth a call."""
        if track.best is not None or track.announced or track.state is State.SETTLED or not self._keep_unpaid:
            track.spare = None
        elif track.spare is None or track.width > GREW * track.spare.width:
            track.spare = PlateView(frame, at, track.plate, track.width, 0.0)

    def _is_still(self, plate: Corners, moving: Picture | None) -> bool:
        if moving is None:
            return False
        region = self._geometry.region(box_of(plate))
        place = moving[max(0, region.top - 1) : region.bottom + 1, max(0, region.left - 1) : region.right + 1]
        return place.size > 0 and cv2.countNonZero(place) <= 0.02 * place.size

    def _is_scenery(self, track: Track, frame: Frame) -> bool:
        """True if a plate that never moved lies where text was found that no engine could read."""
        if not track.scenery and not track.travelled and not track.paid:
            track.scenery = any(overlap(track.plate, place) >= 0.5 for place in self._scenery)
            if track.scenery:
                track.settle()
        return track.scenery

    def _attend(self, track: Track, frame: Frame, at: float) -> list[Decision]:
        ended = self._ended(track, at)
        if track.seen_at != at and track.unseen < GONE_LOOKS and not ended:
            return []
        return self._rule(track, at, ended)

    def _rule(self, track: Track, at: float, ended: bool) -> list[Decision]:
        """Apply what the policy says of a track."""
        older: Track | None = None

        def same() -> bool:
            nonlocal older
            older = self._tracker.known_as(track, at)
            return older is not None

        stood_here = track.at_rest and not track.stirred
        facts = RuleInput(
            track,
            at,
            ended,
            stood_here,
            self._patience,
            self._max_calls,
            same,
            lambda: self._seen_closely(track),
        )
        result = rule(facts)
        self._whys[track.passage] = result.why
        if result.action is Action.SETTLE and older is not None:
            self._tracker.join(older, track)
        elif result.action is Action.LOOK_LATER:
            track.refused += 1
            track.spare, track.best, track.earlier = track.best, None, []
            track.idle_until = at + LATER * track.refused
        elif result.action is Action.PAY and result.view is not None:
            if stood_here and not track.announced and self._began is not None:
                track.opened_at = self._began
            return self._pay(track, result.view, result.reason)
        return []

    def _ended(self, track: Track, at: float) -> bool:
        """True if a plate has been out of sight for so long that it will not come back."""
        return at - track.seen_at >= self._close_after and track.unseen >= GONE_LOOKS

    def _seen_closely(self, track: Track) -> bool:
        """True if a closer look at the best view sees the plate; its corners are more exact then."""
        best = track.best
        if best is None:
            return False
        if track.verified is best:
            return True
        found = self._search.closely(best)
        if found is None:
            return False
        best.plate, track.verified = found.corners, best
        return True

    def _pay(self, track: Track, view: PlateView, reason: str) -> list[Decision]:
        picture = upright(view.frame.luma, view.plate)
        crop = view.crop()
        track.paid.append(PaidView(view.at, view.plate, picture, view.width * view.scale, view.score, crop, view.scale))
        track.pictures = [*track.pictures[-2:], picture]
        track.state, track.sent, track.best = State.ASKED, view, None
        shot = Shot(track.passage, view.frame, crop, view.score, reason, view.scale)
        opening = [] if track.announced else [Opened(track.passage, track.opened_at)]
        track.announced = True
        return [*opening, shot]

    def _let_go(self, at: float) -> list[Decision]:
        """Close the passages whose vehicles have gone."""
        decisions: list[Decision] = []
        for track in list(self._tracker.tracks):
            track.unseen = 0 if track.seen_at == at else track.unseen + 1
            if track.scenery and track.announced:
                decisions += self._closing(track)
                track.announced = False
            if track.seen_at == at or not self._is_gone(track, at):
                continue
            self._tracker.tracks.remove(track)
            self._whys.pop(track.passage, None)
            decisions += self._closing(track)
        return decisions

    def _is_gone(self, track: Track, at: float) -> bool:
        away = at - track.seen_at
        if track.remembered:
            return self._search.surveyed and at - self._started > 4.0
        if track.unseen < GONE_LOOKS or away < self._close_after:
            return False
        if track.outcome is PaidOutcome.PENDING and away < self._close_after + ANSWERED_WITHIN:
            return False
        region = self._geometry.region(box_of(track.plate))
        covered = any(blob.region.overlap(region) for blob in self._blobs.now)
        stood = track.stands(track.seen_at) >= 1.0
        return not covered or away >= (STOOD_HIDDEN_FOR if stood else HIDDEN_FOR)

    def _closing(self, track: Track) -> list[Decision]:
        """Its passage is over. One that was never worth a call is recorded, too, if it was surely a plate."""
        way = direction(box_of(track.origin or track.plate), box_of(track.plate))
        closed = Closed(track.passage, track.opened_at, track.last_seen, way)
        if track.announced:
            return [] if track.earlier_run else [closed]
        surely = track.state is State.WAITING and track.hits >= RECORDED_HITS and track.widest >= RECORDED_WIDTH
        if not surely or not track.stirred:
            return []
        return [Opened(track.passage, track.opened_at), *self._kept(track), closed]

    def _kept(self, track: Track) -> list[Decision]:
        """The best view of a plate that nothing was paid for."""
        view = track.best or track.spare
        if view is None or not self._keep_unpaid:
            return []
        return [Kept(track.passage, view.frame, view.crop(), view.score, NEVER_WORTH_IT)]

    def _absorb(self, small: Picture, at: float) -> None:
        """What stands and shows no plate becomes a part of the scene."""
        for blob in list(self._blobs.now):
            still = blob.stands(at)
            if self._holds_plate(blob, at):
                continue
            gap = still >= GHOST_FOR and self._background.uncovered(small, blob.region)
            bare = still >= BARE_FOR and self._background.outlined_before(small, blob.region)
            if gap or bare or still >= LEFT_FOR:
                self._background.absorb(small, blob.region)
                self._blobs.forget(blob)

    def _holds_plate(self, blob: Blob, at: float) -> bool:
        box = self._geometry.box(blob.region)
        return any(inside(box, centre(t.plate)) and not t.scenery for t in self._tracker.visible(at))

    def _filled(self, at: float) -> bool:
        """True if things that show no plate take up the picture."""
        height, width = self._geometry.small_shape
        return any(m.region.size >= 0.7 * height * width and not self._holds_plate(m, at) for m in self._blobs.now)

    def _vehicles(self, at: float) -> Picture | None:
        """255 where vehicles are, so that the background neither learns them nor lets them vote on the light."""
        regions = [blob.region for blob in self._blobs.now]
        return self._geometry.mask_of(regions) if regions else None

    def _box_of(self, track: Track) -> Box:
        return vehicle_around(track.plate, self._shape)

    def _explain(self, learning: bool, at: float) -> Why:
        """The reason that counts for a frame that was not sent."""
        if learning:
            return Why.LEARNING
        whys = [self._whys[t.passage] for t in self._tracker.visible(at) if t.passage in self._whys]
        whys += [Why.NO_PLATE for _ in self._blobs.now]
        if whys:
            return max(whys, key=NEAR_TO_A_CALL.index)
        return Why.TOO_SMALL if self._change >= SOME_CHANGE else Why.QUIET
