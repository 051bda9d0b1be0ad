"""Plays recordings through the same pipeline as live cameras, in the video's own time, and waits for each reading.

No thread and no clock decides anything, so that the same input gives the same sightings.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamwatch.app.meanings import SENTENCES
from streamwatch.capture import Recording
from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotSent
from streamwatch.core.events import Event
from streamwatch.core.model import Frame
from streamwatch.core.text import some, when
from streamwatch.gate import FrameReport
from streamwatch.pipeline import Counters, Intake, Pipeline
from streamwatch.store import LastView

log = logging.getLogger(__name__)

Progress = Callable[[Path, float, float | None], None]
"""Gets the video, the seconds of it that were played, and its length in seconds (None if unknown), now and then."""

TELL_EVERY = 1.0  # s of video
PATIENCE = 90.0  # s that a replay waits for a service that fails, before it goes on without it
PROBES = (1.0, 2.0, 4.0, 8.0, 15.0)  # s; pauses at the end, after which a refusal (quota, credentials) may be over
READ_TIME = 1.0  # s; as long after such a pause, the answer to the probe is there


FrameListener = Callable[[Frame, FrameReport], None]
"""Gets every frame that the gate has looked at, before the events that follow from it are recorded."""
LastViews = Callable[[str, datetime], list[LastView]]
"""Returns how the vehicles looked that a camera saw last before a time, newest first."""


@dataclass(frozen=True, slots=True)
class Playback:
    """How a camera's recordings are played.

    max_blind: seconds of video of which no picture is decoded while nothing happens; None: the gate sees every frame.
    rotate: degrees clockwise by which pictures are turned.
    """

    camera: str
    max_blind: float | None = None
    rotate: int = 0


class Replay:
    """Plays the recordings of one camera, one after the other."""

    def __init__(
        self,
        playback: Playback,
        intake: Intake,
        pipeline: Pipeline,
        clock: Clock,
        last_views: LastViews = lambda camera, before: [],
        listener: FrameListener | None = None,
    ) -> None:
        """last_views: for the vehicles that stood before the camera when an earlier recording ended."""
        self._last_views: LastViews | None = last_views
        self._playback, self._intake, self._listener = playback, intake, listener
        self._pipeline, self._dispatcher, self._clock = pipeline, pipeline.dispatcher, clock
        self._waited = 0.0  # s spent on reading since the last answer

    def run(self, videos: Sequence[Path], start: datetime | None, progress: Progress) -> None:
        """Play all videos. start: time of the first frame of the first video; the others follow on it.

        Without `start`, each video says when it was recorded. If it does not, the time at which its file was written
        counts as its end.
        Raise SourceUnreadable, StoreError.
        """
        ended: datetime | None = None
        for video in videos:
            with self._open(video) as recording:
                begins = (ended or start) if start is not None else _recorded_at(recording, video)
                if ended is not None and begins < ended:
                    log.warning(
                        "%s is of %s, before the one before it ended; it is played as its sequel", video, when(begins)
                    )
                    begins = ended
                log.info("%s: its first picture is of %s", video, when(begins))
                self._remember(begins)
                ended = self._play(recording, video, begins, progress)
        while events := self._intake.last_calls():
            self._take(events)
        self._take(self._intake.finish())
        looked = [f"{count} {SENTENCES[why]}" for why, count in self._intake.counts.items() if count]
        log.info("pictures by why they were sent or not: %s", "; ".join(looked))
        self._read_rest()
        left, _, _ = self._dispatcher.backlog()
        if left:
            log.warning(
                "%s waiting on disk, for `streamwatch run` when the service answers again", some(left, "picture")
            )

    def _open(self, video: Path) -> Recording:
        return Recording(self._playback.camera, video, self._playback.max_blind or 0.0, self._playback.rotate)

    def _remember(self, begins: datetime) -> None:
        """Tell the gate, before the first frame, of the vehicles that stood there when an earlier recording ended."""
        if self._last_views is not None:
            for view in self._last_views(self._playback.camera, begins):
                self._intake.remember(view.passage, view.keyframe, view.plate)
        self._last_views = None

    def _play(self, recording: Recording, video: Path, begins: datetime, progress: Progress) -> datetime:
        """Play one video; return the time at which the next one would go on."""
        told, at = begins, begins
        for frame in recording.frames(begins):
            if self._playback.max_blind is not None and recording.attend(self._intake.attention(frame)):
                continue
            self._look(frame)
            at = frame.captured_at
            if (at - told).total_seconds() >= TELL_EVERY:
                told = at
                progress(video, (at - begins).total_seconds(), recording.duration)
        progress(video, (at - begins).total_seconds(), recording.duration)
        return at + timedelta(seconds=1 / recording.fps)

    def _look(self, frame: Frame) -> None:
        events = self._intake.look(frame)
        if self._listener is not None and (report := self._intake.report) is not None:
            self._listener(frame, report)
        self._take(events)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            self._pipeline.take(event)
            self._read(PATIENCE)

    def _read_rest(self) -> None:
        self._waited = 0.0
        self._read(PATIENCE)
        for pause in PROBES:
            if self._dispatcher.backlog()[0]:
                self._dispatcher.probe_in(pause)
                self._waited = 0.0
                self._read(pause + READ_TIME)

    def _read(self, patience: float) -> None:
        """Have everything read that waits. Give up `patience` seconds after the last answer.

        So the replay waits once for a service that does not come back, and not once for each vehicle.
        """
        while self._dispatcher.backlog()[0]:
            began = self._clock.monotonic()
            left = max(0.0, patience - self._waited)
            job = self._dispatcher.next(left) if self._dispatcher.held_for() <= left else None
            if job is None:
                self._waited = patience
                return
            served = self._dispatcher.serve(job)
            self._waited += self._clock.monotonic() - began
            if served.keyframe is not None and not served.again:
                self._intake.answered(served.keyframe, served.plates)
            if served.plates is not None:
                self._waited = 0.0


def summary(counters: Counters, camera: str) -> str:
    """Return one line for the end: passages, how many of them were read, and the calls that reached the service."""
    passages = some(counters.passages[camera, "opened"], "passage")
    calls = some(counters.calls.total() - counters.calls[NotSent.outcome], "call")
    return f"{passages}, {counters.passages[camera, 'read']} read; {calls} to ocrCars"


def _recorded_at(recording: Recording, video: Path) -> datetime:
    if recording.started is not None:
        return recording.started
    written = datetime.fromtimestamp(video.stat().st_mtime, UTC)
    return written - timedelta(seconds=recording.duration or 0)
