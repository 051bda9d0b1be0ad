"""Which frames are worth a call: change, passages, best shot, and whether it is still the same vehicle."""

from streamwatch.gate.decisions import Closed, Decision, Opened, Shot
from streamwatch.gate.gate import Gate
from streamwatch.gate.glance import Followed, Glance, Why
from streamwatch.gate.jpeg import Jpeg, decode_luma, encode, thumbnail
from streamwatch.gate.judge import CLEARLY_BETTER
from streamwatch.gate.sight import FindPlates
from streamwatch.gate.standing import Remembered
from streamwatch.gate.stir import News, Stir

__all__ = [
    "CLEARLY_BETTER",
    "Closed",
    "Decision",
    "FindPlates",
    "Followed",
    "Gate",
    "Glance",
    "Jpeg",
    "News",
    "Opened",
    "Remembered",
    "Shot",
    "Stir",
    "Why",
    "decode_luma",
    "encode",
    "thumbnail",
]
