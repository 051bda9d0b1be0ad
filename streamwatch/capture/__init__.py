"""Where frames come from: RTSP and other network streams, recorded files, webcams, the sample; reconnecting.

    open_source ──▶ Source (one opening: frames until it fails) ──▶ LiveCamera (for ever, newest frame first)
    Recording (a file in its own time, every frame)    AttentiveSource (one opening, for who measures)

Sources raise SourceUnreadable (for good) or SourceLost (worth another try). No message of this room holds an address
beyond its host: cameras carry passwords in user part, path and query alike.
"""

from streamwatch.capture.attentive import AttentiveSource
from streamwatch.capture.live import LiveCamera
from streamwatch.capture.recording import Recording
from streamwatch.capture.source import Source, file_of, open_source
from streamwatch.capture.state import CameraStatus

__all__ = [
    "AttentiveSource",
    "CameraStatus",
    "LiveCamera",
    "Recording",
    "Source",
    "file_of",
    "open_source",
]
