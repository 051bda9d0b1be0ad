"""Where frames come from: RTSP and other network streams, recorded files, webcams, the sample; reopening.

    open_source ──▶ Source (one opening: frames until it fails) ──▶ LiveCamera (for ever, newest frame first)
    Recording (a file in its own time, every frame)    SingleThreadSource (one opening, to measure its cost)

Sources raise SourceUnreadable (for good) or SourceLost (worth another try). No message of this room holds more of an
address than its host, because cameras carry passwords in the user part, the path and the query.
"""

from streamwatch.capture.live import LiveCamera
from streamwatch.capture.recording import Recording
from streamwatch.capture.single_thread import SingleThreadSource
from streamwatch.capture.source import Source, file_of, open_source
from streamwatch.capture.state import CameraStatus
from streamwatch.capture.supervisor import ReopenTimes

__all__ = [
    "CameraStatus",
    "LiveCamera",
    "Recording",
    "ReopenTimes",
    "SingleThreadSource",
    "Source",
    "file_of",
    "open_source",
]
