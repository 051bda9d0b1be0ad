"""Turns the frames of one camera into events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from streamwatch.core.events import Event, KeyframeKept, KeyframeTaken, PassageClosed, PassageOpened
from streamwatch.core.model import Attention, Frame, FrameCorners, JudgedPlate, Keyframe, Passage, Trust
from streamwatch.core.plates import CHINA, Grammar
from streamwatch.gate import Closed, Decision, FrameReport, Gate, Kept, Opened, ParkedVehicle, Shot, Why
from streamwatch.imaging.corners import in_frame
from streamwatch.imaging.jpeg import decode_luma, encode

ASKED = 500  # keyframes whose answer the gate may still learn; in a long outage the oldest are forgotten


@dataclass(frozen=True, slots=True)
class JpegLimits:
    """The encoding of keyframes. long_side, max_bytes: upper limits, in pixels and bytes. quality: 0 to 100."""

    long_side: int
    quality: int
    max_bytes: int


def settles(judged: JudgedPlate, min_confidence: float, grammar: Grammar = CHINA) -> bool:
    """True if a reading settles the plate of a vehicle, so that a second call is not worth its price."""
    confidence = judged.plate.confidence
    believed = confidence is None or confidence >= min_confidence
    trusted = judged.trust is Trust.CONFIRMED or (judged.trust is Trust.UNCHECKED and believed)
    return trusted and grammar.plausible(judged.plate.text) is not None


class Intake:
    """Runs the gate of one camera, and gives its decisions keys and pictures. For one thread."""

    def __init__(
        self, camera: str, gate: Gate, jpeg: JpegLimits, min_confidence: float, grammar: Grammar = CHINA
    ) -> None:
        """min_confidence: 0 to 1. From it on, a reading that fits the grammar settles the plate."""
        self._camera, self._gate, self._jpeg = camera, gate, jpeg
        self._min_confidence, self._grammar = min_confidence, grammar
        self._open: dict[int, Passage] = {}
        self._asked: dict[str, int] = {}
        self._taken: dict[str, Frame] = {}

    def attention(self, frame: Frame) -> Attention:
        """Return how closely the camera must be watched, judging by the next frame, which the gate does not take in."""
        return self._gate.attention(frame)

    def look(self, frame: Frame) -> list[Event]:
        """Show the gate a frame; return the events that follow."""
        self._taken = {}
        return [self._named(decision) for decision in self._gate.look(frame)]

    def remember(self, passage: Passage, keyframe: Keyframe, plate: FrameCorners | None) -> None:
        """Tell the gate, before the first frame, of a vehicle that an earlier run sent.

        If the vehicle still stands there, its passage goes on. plate: None if not known.
        """
        luma = decode_luma(keyframe.jpeg, keyframe.crop)
        if luma is not None:
            view = ParkedVehicle(passage.opened_at, passage.last_seen, luma, keyframe.crop, plate)
            self._open[self._gate.remember(view)] = passage

    def last_calls(self) -> list[Event]:
        """Return what is worth reading when no frame will come any more.

        The answers may make something else worth reading: call it again until it returns nothing.
        """
        return [self._named(decision) for decision in self._gate.last_calls()]

    def finish(self) -> list[Event]:
        """Close the passages that are still open; return the events that follow."""
        return [self._named(decision) for decision in self._gate.finish()]

    def frame_of(self, keyframe: str) -> Frame | None:
        """Return the whole frame of a keyframe (by its key) of the last look; None for an earlier keyframe."""
        return self._taken.get(keyframe)

    @property
    def counts(self) -> Mapping[Why, int]:
        """Return the number of frames by the reason why they were sent or not; the gate goes on counting in it."""
        return self._gate.counts

    @property
    def report(self) -> FrameReport | None:
        """Return what the gate saw in the last frame; None before the first frame."""
        return self._gate.report

    def answered(self, keyframe: Keyframe, plates: tuple[JudgedPlate, ...] | None) -> None:
        """Tell the gate which plates were read in a keyframe. plates: None if no engine answered."""
        passage = self._asked.pop(keyframe.key, None)
        if passage is None:
            return
        seen = None
        if plates is not None:
            seen = [
                (
                    settles(one, self._min_confidence, self._grammar),
                    in_frame(one.plate.corners, keyframe.crop, keyframe.scale),
                )
                for one in plates
            ]
        self._gate.answered(passage, seen)

    def want_second_view(self, passage: str) -> bool:
        """Have one more view of a passage (by its key) read at once; False if that cannot be, see `Gate`."""
        number = next((number for number, one in self._open.items() if one.key == passage), None)
        return number is not None and self._gate.want_second_view(number)

    def _named(self, decision: Decision) -> Event:
        match decision:
            case Opened(number, at):
                passage = Passage(uuid4().hex, self._camera, at, at)
                self._open[number] = passage
                return PassageOpened(passage, number)
            case Closed(number, opened_at, last_seen, direction):
                passage = replace(self._open.pop(number), opened_at=opened_at, last_seen=last_seen, closed=True)
                return PassageClosed(replace(passage, direction=direction))
            case Shot(number):
                keyframe = self._keyframe(decision, decision.scale)
                self._asked[keyframe.key] = number
                if len(self._asked) > ASKED:
                    del self._asked[next(iter(self._asked))]
                return KeyframeTaken(keyframe)
            case Kept():  # pragma: no branch - a decision is one of these four
                return KeyframeKept(self._keyframe(decision))

    def _keyframe(self, view: Shot | Kept, scale: float = 1.0) -> Keyframe:
        jpeg = encode(
            view.frame,
            view.crop,
            long_side=round(scale * min(self._jpeg.long_side, max(view.crop.width, view.crop.height))),
            quality=self._jpeg.quality,
            max_bytes=self._jpeg.max_bytes,
        )
        key = uuid4().hex
        self._taken[key] = view.frame
        return Keyframe(
            key=key,
            passage=self._open[view.passage].key,
            camera=self._camera,
            captured_at=view.frame.captured_at,
            jpeg=jpeg.data,
            width=jpeg.width,
            height=jpeg.height,
            crop=view.crop,
            scale=jpeg.scale,
            score=view.score,
            reason=view.reason,
        )
