"""From frames to rows, without threads: the part that the daemon and a replay share."""

from streamwatch.pipeline.budget import Budget, CallLimits
from streamwatch.pipeline.channel import Channel, ChannelClosed
from streamwatch.pipeline.circuit_breaker import CircuitBreaker
from streamwatch.pipeline.counters import Counters
from streamwatch.pipeline.dispatcher import Dispatcher, Job, Served
from streamwatch.pipeline.intake import Intake, JpegLimits
from streamwatch.pipeline.local import LocalHelp
from streamwatch.pipeline.outbox import Outbox
from streamwatch.pipeline.pipeline import DirectAccess, Pipeline, ignore
from streamwatch.pipeline.reading import RecordedLedger
from streamwatch.pipeline.recorder import Recorder
from streamwatch.pipeline.sighting_log import Notify

__all__ = [
    "Budget",
    "CallLimits",
    "Channel",
    "ChannelClosed",
    "CircuitBreaker",
    "Counters",
    "DirectAccess",
    "Dispatcher",
    "Intake",
    "Job",
    "JpegLimits",
    "LocalHelp",
    "Notify",
    "Outbox",
    "Pipeline",
    "RecordedLedger",
    "Recorder",
    "Served",
    "ignore",
]
