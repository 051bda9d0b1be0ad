"""The state of a camera, for people and programs that ask."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Frame

SHOWING = {CameraState.ONLINE, CameraState.FROZEN}
"""The states in which pictures come."""
OVER = {CameraState.ENDED, CameraState.FAILED}
"""The states in which no picture will come any more."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A snapshot of one camera.

    since: when the state began. frames: those handed out. dropped: wanted frames that a newer one replaced before they
    were handed out. attempts: openings since the camera was last online. last_error: holds no credentials. fps:
    pictures a second that come, whether handed out or dropped. unwatched: why the substream cannot be watched; empty if
    it is watched, or if there is none. outages: how often it was lost or frozen since it was online first.
    """

    name: str
    state: CameraState
    since: datetime
    frames: int
    dropped: int
    attempts: int
    last_frame_at: datetime | None
    last_error: str
    fps: float
    unwatched: str = ""
    outages: int = 0


class CameraRecord:
    """The record of one camera. Only its supervisor writes it. dropped: frames dropped by readers that are gone."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name, self._clock = name, clock
        self.state, self.since = CameraState.CONNECTING, clock.now()
        self.frames = self.dropped = self.attempts = self.outages = 0
        self.last_frame_at: datetime | None = None
        self.last_error = ""

    def enter(self, state: CameraState) -> None:
        """Change the state."""
        self.outages += self.state is CameraState.ONLINE and state in (CameraState.RECONNECTING, CameraState.FROZEN)
        self.state, self.since = state, self._clock.now()

    def came_back(self, state: CameraState) -> None:
        """Change the state to one in which pictures come."""
        self.attempts = 0
        self.enter(state)

    def hand_out(self, frame: Frame) -> None:
        """Count a frame that the consumer gets."""
        self.frames += 1
        self.last_frame_at = frame.captured_at

    def status(self, dropped: int, fps: float) -> CameraStatus:
        """Return a snapshot. dropped, fps: of the present reader."""
        return CameraStatus(
            self.name,
            self.state,
            self.since,
            self.frames,
            self.dropped + dropped,
            self.attempts,
            self.last_frame_at,
            self.last_error,
            fps,
            outages=self.outages,
        )
