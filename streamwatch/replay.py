"""Recordings through the same pipeline as live cameras, in the video's own time, waiting for each reading.

No thread and no clock decides anything, so the same input gives the same sightings.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamwatch.capture import Recording
from streamwatch.clock import Clock
from streamwatch.errors import NotSent
from streamwatch.pipeline import Books, Dispatcher, Event, Intake, KeyframeTaken, Tally, dropping
from streamwatch.words import some, when

log = logging.getLogger(__name__)

Progress = Callable[[Path, float, float | None], None]
"""Told now and then: the video, seconds of it that are done, its length in seconds where it is known."""

TELL_EVERY = 1.0  # s of video


PATIENCE = 90.0  # s for which a replay waits for a service that stumbles, before it goes on without it
PROBES = (1.0, 2.0, 4.0, 8.0, 15.0)  # s; pauses at the end, in which a refusal (quota, credentials) may be over


class Replay:
    """One camera's recordings, one after the other."""

    def __init__(self, camera: str, intake: Intake, books: Books, dispatcher: Dispatcher, clock: Clock) -> None:
        self._camera, self._intake, self._books = camera, intake, books
        self._dispatcher, self._clock, self._patience = dispatcher, clock, PATIENCE

    def run(self, videos: Sequence[Path], start: datetime | None, progress: Progress) -> None:
        """Plays all videos. start: time of the first frame of the first video; the others follow on it.

        Without `start` each video says when it was recorded, else its file's time of writing counts as its end.
        Raises SourceUnreadable, StoreError.
        """
        for video in videos:
            with Recording(self._camera, video) as recording:
                begins = start if start is not None else _recorded_at(recording, video)
                log.info("%s: its first picture is of %s", video, when(begins))
                ended = self._play(recording, video, begins, progress)
            start = None if start is None else ended
        self._take(self._intake.finish())
        self._read_rest()
        left, _, _ = self._dispatcher.backlog()
        if left:
            log.warning(
                "%s waiting on disk, for `streamwatch run` when the service answers again", some(left, "picture")
            )

    def _play(self, recording: Recording, video: Path, begins: datetime, progress: Progress) -> datetime:
        """Returns the time at which the next video would go on."""
        told, at = begins, begins
        for frame in recording.frames(begins):
            self._take(self._intake.look(frame))
            at = frame.captured_at
            if (at - told).total_seconds() >= TELL_EVERY:
                told = at
                progress(video, (at - begins).total_seconds(), recording.duration)
        progress(video, (at - begins).total_seconds(), recording.duration)
        return at + timedelta(seconds=1 / recording.fps)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            self._books.record(event)
            dropped = self._dispatcher.heard(event)
            if isinstance(event, KeyframeTaken):
                dropped = self._dispatcher.add(self._books.as_waiting(event.keyframe))
            for lost in dropped:
                self._books.record(dropping(lost))
            self._read(self._patience)

    def _read_rest(self) -> None:
        for pause in PROBES:
            self._read(PATIENCE)
            if not self._dispatcher.backlog()[0]:
                return
            self._dispatcher.probe_in(pause)
        self._read(PATIENCE)

    def _read(self, patience: float) -> None:
        """Has everything read that waits. When the service does not come back, later ones are not waited for."""
        until = self._clock.monotonic() + patience
        while self._dispatcher.backlog()[0]:
            left = max(0.0, until - self._clock.monotonic())
            job = self._dispatcher.next(left) if self._dispatcher.held_for() <= left else None
            if job is None:
                self._patience = 0.0
                return
            served = self._dispatcher.serve(job)
            if served.keyframe is not None and not served.again:
                self._intake.answered(served.keyframe, served.plates)
        self._patience = PATIENCE


def summary(tally: Tally, camera: str) -> str:
    """One line for the end: passages, how many of them were read, calls that reached the service."""
    passages = some(tally.passages[camera, "opened"], "passage")
    calls = some(tally.calls.total() - tally.calls[NotSent.outcome], "call")
    return f"{passages}, {tally.passages[camera, 'read']} read; {calls} to ocrCars"


def _recorded_at(recording: Recording, video: Path) -> datetime:
    if recording.started is not None:
        return recording.started
    written = datetime.fromtimestamp(video.stat().st_mtime, UTC)
    return written - timedelta(seconds=recording.duration or 0)
