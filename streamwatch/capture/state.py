"""How a camera is, for people and programs that ask."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.codes import CameraState


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A snapshot. since: when the state began. frames: handed out. dropped: replaced by a newer one before that, where
    it was wanted.

    attempts: openings since the camera was last online. last_error: holds no credentials. fps: pictures a second that
    come, whether handed out or dropped. unwatched: why its small stream can not be watched; empty where it is, or where
    there is none.
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
