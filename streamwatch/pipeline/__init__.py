"""From frames to rows, without threads: what the daemon and a replay have in common."""

from streamwatch.pipeline.books import Books, Notify
from streamwatch.pipeline.budget import Budget, CallLimits
from streamwatch.pipeline.channel import Channel, ChannelClosed
from streamwatch.pipeline.dispatcher import Dispatcher, Job, Served, dropping
from streamwatch.pipeline.governor import Governor
from streamwatch.pipeline.intake import Intake, JpegLimits
from streamwatch.pipeline.local import LocalHelp
from streamwatch.pipeline.outbox import Outbox
from streamwatch.pipeline.reading import RecordedLedger
from streamwatch.pipeline.tally import Tally

__all__ = [
    "Books",
    "Budget",
    "CallLimits",
    "Channel",
    "ChannelClosed",
    "Dispatcher",
    "Governor",
    "Intake",
    "Job",
    "JpegLimits",
    "LocalHelp",
    "Notify",
    "Outbox",
    "RecordedLedger",
    "Served",
    "Tally",
    "dropping",
]
