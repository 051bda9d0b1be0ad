"""Recordings through the same pipeline as live cameras, in the video's own time, waiting for each reading.

No thread and no clock decides anything, so the same input gives the same sightings.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamwatch.capture import Recording
from streamwatch.clock import Clock
from streamwatch.model import Recognizer
from streamwatch.pipeline import Books, Event, Intake, KeyframeTaken, PlatesRead, read_keyframe

log = logging.getLogger(__name__)

Progress = Callable[[Path, float, float | None], None]
"""Told now and then: the video, seconds of it that are done, its length in seconds where it is known."""

TELL_EVERY = 1.0  # s of video


class Replay:
    """One camera's recordings, one after the other."""

    def __init__(self, camera: str, intake: Intake, books: Books, recognizer: Recognizer, clock: Clock) -> None:
        self._camera, self._intake, self._books, self._recognizer, self._clock = (
            camera,
            intake,
            books,
            recognizer,
            clock,
        )

    def run(self, videos: Sequence[Path], start: datetime | None, progress: Progress) -> None:
        """Plays all videos. start: time of the first frame of the first video; the others follow on it.

        Without `start` each video says when it was recorded, else its file's time of writing counts as its end.
        Raises SourceUnreadable, StoreError.
        """
        for video in videos:
            with Recording(self._camera, video) as recording:
                begins = start if start is not None else _recorded_at(recording, video)
                log.info("%s: its first picture is of %s", video, begins.isoformat())
                ended = self._play(recording, video, begins, progress)
            start = None if start is None else ended
        self._take(self._intake.finish())

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
            if isinstance(event, KeyframeTaken):
                outcome = read_keyframe(event.keyframe, self._recognizer, self._books.record, self._clock)
                plates = outcome.plates if isinstance(outcome, PlatesRead) else None
                self._intake.answered(event.keyframe, plates)


def _recorded_at(recording: Recording, video: Path) -> datetime:
    if recording.started is not None:
        return recording.started
    written = datetime.fromtimestamp(video.stat().st_mtime, UTC)
    return written - timedelta(seconds=recording.duration or 0)
