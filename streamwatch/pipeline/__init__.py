"""From frames to rows, without threads: the part that the daemon and a replay share.

intake.py            the frames of one camera become events: the gate, with keys and JPEG
pipeline.py          `Pipeline.take`: the one way of every event
├── recorder.py      events become rows; sighting_log.py: readings become sightings; following.py: who acts on them
└── dispatcher.py    hands waiting keyframes to the threads that read them
    ├── outbox.py    what waits, and what gives way
    ├── router.py    two tables: which engine reads a keyframe, and what follows a failed call
    ├── calls.py     counts paid calls, for budget.py and circuit_breaker.py
    └── keyframe_reader.py   reads one keyframe; reading.py: its ledger; engines.py: by whom; local.py: when it helps
"""

from streamwatch.pipeline.budget import Budget, CallLimits
from streamwatch.pipeline.calls import PaidCalls
from streamwatch.pipeline.channel import Channel, ChannelClosed
from streamwatch.pipeline.circuit_breaker import CircuitBreaker
from streamwatch.pipeline.counters import Counters
from streamwatch.pipeline.dispatcher import Dispatcher, Job, Served
from streamwatch.pipeline.engines import Engines, EnginesOf
from streamwatch.pipeline.following import Follower
from streamwatch.pipeline.intake import Intake, JpegLimits
from streamwatch.pipeline.local import LocalHelp
from streamwatch.pipeline.outbox import Outbox
from streamwatch.pipeline.pipeline import DirectAccess, Pipeline, ignore
from streamwatch.pipeline.reading import RecordedLedger
from streamwatch.pipeline.recorder import Recorder
from streamwatch.pipeline.sighting_log import Acceptance, AcceptanceOf, Notify

__all__ = [
    "Acceptance",
    "AcceptanceOf",
    "Budget",
    "CallLimits",
    "Channel",
    "ChannelClosed",
    "CircuitBreaker",
    "Counters",
    "DirectAccess",
    "Dispatcher",
    "Engines",
    "EnginesOf",
    "Follower",
    "Intake",
    "Job",
    "JpegLimits",
    "LocalHelp",
    "Notify",
    "Outbox",
    "PaidCalls",
    "Pipeline",
    "RecordedLedger",
    "Recorder",
    "Served",
    "ignore",
]
