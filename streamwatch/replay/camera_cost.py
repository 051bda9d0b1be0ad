"""The cost of a camera on this machine, and how many cameras like it the machine can carry: the work of `bench`.

Decoder, gate and local engine work as in the daemon, one after the other in one thread. The CPU seconds of each are
counted, as wall time would depend on what else the machine is doing.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from streamwatch.app.wiring import make_intake
from streamwatch.capture import Recording, SingleThreadSource, file_of, open_source
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.errors import INSTALL_LOCAL, SourceLost, SourceUnreadable
from streamwatch.core.events import KeyframeTaken
from streamwatch.core.model import Attention, Box, Frame, JudgedPlate, PlateText, Recognizer
from streamwatch.core.redact import place_of
from streamwatch.imaging.jpeg import encode
from streamwatch.pipeline import Intake, RecordedLedger
from streamwatch.replay.explain import Answers
from streamwatch.replay.replay_wiring import make_replay_reader

CAMERA = "camera"
BUSIEST = 0.7
"""Part of the cores that all cameras may take. The rest is for several vehicles at once, and for other programs."""
IN_VIEW = 0.25
"""Part of the time in which a camera is assumed to have a vehicle in view."""
STARTING = 2.0
"""Seconds at the start that are not measured: the gate learns the scene and searches for parked vehicles."""
SHORTEST = 1.0
"""Seconds of pictures below which no figure is given."""
PATIENCE = 10.0
"""Seconds without a decodable picture after which a live source counts as lost."""


@dataclass(slots=True)
class Share:
    """The cost of a part of the pictures. seconds: their length; decoding, gate, reading: CPU seconds."""

    seconds: float = 0.0
    pictures: int = 0
    decoding: float = 0.0
    gate: float = 0.0
    reading: float = 0.0

    @property
    def measured(self) -> bool:
        """True if the pictures last long enough for a figure."""
        return self.seconds >= SHORTEST

    @property
    def load(self) -> float:
        """Return CPU seconds per second, which is the number of cores."""
        return (self.decoding + self.gate + self.reading) / self.seconds


@dataclass(frozen=True, slots=True)
class CameraCost:
    """The cost of one camera: quiet, with nothing in view; busy, with a vehicle in view.

    reading: CPU seconds for one picture; None if the extra `local` is not installed.
    """

    name: str
    width: int
    height: int
    quiet: Share
    busy: Share
    reading: float | None

    @property
    def load(self) -> float:
        """Return the cores that such a camera takes, from both shares, or from the one that was measured."""
        if self.quiet.measured and self.busy.measured:
            return IN_VIEW * self.busy.load + (1 - IN_VIEW) * self.quiet.load
        return self.busy.load if self.busy.measured else self.quiet.load


Attend = Callable[[Attention], bool]
"""Gets the attention that the last picture needs. Returns True if earlier pictures come first, then this one again."""

Progress = Callable[[float, float], None]
"""Gets the seconds of pictures that were measured so far, and that will be measured in all."""


@dataclass(frozen=True, slots=True)
class BenchSource:
    """A source that is open. name: for people, without credentials."""

    name: str
    settings: Settings
    frames: Iterator[Frame]
    attend: Attend


@contextmanager
def opened(source: str, clock: Clock, rotate: int = 0) -> Iterator[BenchSource]:
    """Yield an open source. source, rotate: as in config.yaml. Raise CaptureError, with a sentence for people."""
    settings = Settings.model_validate({"cameras": {CAMERA: {"source": "sample"}}})
    name, path, max_blind = _name(source), file_of(source), settings.attention.longest_blindness or 0.0
    if path is not None:
        with Recording(CAMERA, path, max_blind, rotate) as recording:
            yield BenchSource(name, settings, recording.frames(datetime.fromtimestamp(0, UTC)), recording.attend)
        return
    live = open_source(CAMERA, source, transport="tcp", loop=False, timeout=PATIENCE, clock=clock, rotate=rotate)
    with closing(live):
        camera = SingleThreadSource(CAMERA, live, max_blind)
        yield BenchSource(name, settings, _pictures(camera, name, clock), camera.attend)


def bench(camera: BenchSource, seconds: float, clock: Clock, progress: Progress) -> CameraCost:
    """Return the cost of a camera. Raise CaptureError.

    seconds: of a video to measure, as fast as possible, or of a live source, at its own pace.
    """
    recognizer, answers = make_replay_reader(camera.settings, dry=True)
    with closing(recognizer):
        work = _Work(make_intake(camera.settings, CAMERA), recognizer, clock)
        work.watch(camera.frames, camera.attend, seconds, progress)
        return work.measured(camera.name, camera.settings, local=answers is not Answers.ASSUMED)


def report(found: CameraCost, cores: int) -> str:
    """Return the figures as lines of at most 80 columns, unless the name is long."""
    seconds = found.quiet.seconds + found.busy.seconds
    fps = (found.quiet.pictures + found.busy.pictures) / seconds
    lines = [
        f"{found.name}: {found.width} x {found.height}, {fps:.1f} pictures a second looked at, for {seconds:.0f} s",
        "",
        _row("CPU s a minute", "decoding", "gate", "reading", "together", "cameras"),
    ]
    for what, share in (("nothing in view", found.quiet), ("a vehicle in view", found.busy)):
        if share.measured:
            spent = (share.decoding, share.gate, share.reading)
            minute = [f"{60 * cpu / share.seconds:.2f}" for cpu in (*spent, sum(spent))]
            lines.append(_row(what, *minute, str(_fitting(share.load, cores))))
    return "\n".join([*lines, "", *_pictures_cost(found), _verdict(found, cores)])


def own_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fitting(load: float, cores: int) -> int:
    return math.floor(BUSIEST * cores / load)


def _pictures_cost(found: CameraCost) -> Iterator[str]:
    for what, share in (("nothing", found.quiet), ("a vehicle", found.busy)):
        if share.measured:
            decoding, gate = (1000 * cpu / share.pictures for cpu in (share.decoding, share.gate))
            yield f"With {what} in view a picture takes {decoding:.1f} ms to decode and {gate:.1f} ms in the gate."
    if found.reading is None:
        yield f"The local engine is not installed. {INSTALL_LOCAL}"
    else:
        yield f"The local engine takes {1000 * found.reading:.0f} ms to read a picture."


def _verdict(found: CameraCost, cores: int) -> str:
    machine = f"this machine ({cores} {'core' if cores == 1 else 'cores'}, at most {100 * BUSIEST:.0f} % of them)"
    count = _fitting(found.load, cores)
    if count == 0:
        return f"Not one such camera fits on {machine}. Let it send fewer or smaller pictures."
    if found.quiet.measured and found.busy.measured:
        when = f"with a vehicle in view {100 * IN_VIEW:.0f} % of the time"
    else:
        when = "with a vehicle always in view" if found.busy.measured else "while nothing is in view"
    return f"{count} such {'camera fits' if count == 1 else 'cameras fit'} on {machine}, {when}."


def _row(what: str, *figures: str) -> str:
    return f"{what:<18}" + "".join(f"{figure:>11}" for figure in figures)


def _name(source: str) -> str:
    """Return the name of a source for people, without credentials."""
    if source == "sample":
        return "the sample"
    if file_of(source) is not None:
        return source
    return place_of(source) if "://" in source else f"webcam {source}"


def _pictures(camera: SingleThreadSource, name: str, clock: Clock) -> Iterator[Frame]:
    heard = clock.monotonic()
    for frame in camera.frames():
        now = clock.monotonic()
        if frame is not None:
            heard = now
            yield frame
        elif now - heard >= PATIENCE:
            raise SourceLost(f"{name} sends data, but no picture can be decoded.", "Is the stream H.264 or H.265?")


class _Work:
    """Runs the pictures of one camera through gate and engine, and counts the cost."""

    def __init__(self, intake: Intake, recognizer: Recognizer, clock: Clock) -> None:
        self._intake, self._recognizer, self._clock = intake, recognizer, clock
        self._quiet, self._busy = Share(), Share()
        self._reading, self._readings = 0.0, 0
        self._first: datetime | None = None
        self._last: Frame | None = None

    def watch(self, frames: Iterator[Frame], attend: Attend, seconds: float, progress: Progress) -> None:
        """Take pictures for a number of seconds. If a stream breaks off, the pictures before that count."""
        decoding = watching = 0.0
        try:
            while self._seconds() < seconds:
                began = time.process_time()
                frame = next(frames, None)
                if frame is None:
                    break
                came = time.process_time()
                decoding += came - began
                again = attend(self._intake.attention(frame))
                watching += time.process_time() - came
                if again:
                    continue
                self._look(frame, decoding, watching)
                decoding = watching = 0.0
                progress(self._seconds(), seconds)
        except SourceLost:
            if self._seconds() < SHORTEST:
                raise

    def measured(self, name: str, settings: Settings, local: bool) -> CameraCost:
        """Return the cost. local: True if the local engine reads. Raise SourceUnreadable for too few pictures."""
        if self._last is None or not (self._quiet.measured or self._busy.measured):
            raise SourceUnreadable(f"{name} is too short: {STARTING + SHORTEST:g} s of pictures are needed at least.")
        if not self._readings:
            self._read(_whole(self._last, settings))
        height, width = self._last.luma.shape
        reading = self._reading / self._readings if local else None
        return CameraCost(name, width, height, self._quiet, self._busy, reading)

    def _seconds(self) -> float:
        return self._quiet.seconds + self._busy.seconds

    def _look(self, frame: Frame, decoding: float, watching: float) -> None:
        """Count a picture, and the time since the last one, in the share that it belongs to."""
        began, read_before = time.process_time(), self._reading
        events = self._intake.look(frame)
        looking = time.process_time() - began
        for event in events:
            if isinstance(event, KeyframeTaken):
                self._intake.answered(
                    event.keyframe, tuple(JudgedPlate(plate) for plate in self._read(event.keyframe.jpeg))
                )
        report = self._intake.report
        share = self._busy if report is not None and report.followed else self._quiet
        self._first = self._first or frame.captured_at
        if self._last is not None and (frame.captured_at - self._first).total_seconds() > STARTING:
            share.seconds += (frame.captured_at - self._last.captured_at).total_seconds()
            share.pictures += 1
            share.decoding += decoding
            share.gate += watching + looking
            share.reading += self._reading - read_before
        self._last = frame

    def _read(self, jpeg: bytes) -> list[PlateText]:
        ledger = RecordedLedger(lambda _: None, self._clock, self._recognizer.engine, None)
        began = time.process_time()
        plates = self._recognizer.read(jpeg, ledger)
        self._reading += time.process_time() - began
        self._readings += 1
        return plates


def _whole(frame: Frame, settings: Settings) -> bytes:
    """Return a whole picture as it would be sent."""
    height, width = frame.luma.shape
    limits = settings.jpeg
    whole = Box(0, 0, width, height)
    made = encode(frame, whole, long_side=limits.long_side, quality=limits.quality, max_bytes=limits.max_bytes)
    return made.data
