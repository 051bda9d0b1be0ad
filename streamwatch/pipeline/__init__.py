"""From frames to rows, without threads: what the daemon and a replay have in common."""

from streamwatch.pipeline.books import Books, Notify
from streamwatch.pipeline.channel import Channel, ChannelClosed
from streamwatch.pipeline.events import Event, KeyframeDropped, KeyframeTaken, PlatesRead, ReadFailed
from streamwatch.pipeline.intake import Intake, JpegLimits
from streamwatch.pipeline.reading import RecordedLedger, read_keyframe

__all__ = [
    "Books",
    "Channel",
    "ChannelClosed",
    "Event",
    "Intake",
    "JpegLimits",
    "KeyframeDropped",
    "KeyframeTaken",
    "Notify",
    "PlatesRead",
    "ReadFailed",
    "RecordedLedger",
    "read_keyframe",
]
