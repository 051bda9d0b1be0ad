"""The gate chooses the frames that are worth a call: it follows plates, and the best view of each is paid for."""

from streamwatch.gate.decisions import Closed, Decision, Kept, Opened, Shot
from streamwatch.gate.gate import Gate
from streamwatch.gate.glance import Followed, Glance, Why
from streamwatch.gate.motion.stir import News, Stir
from streamwatch.gate.part_detector import FindPlates
from streamwatch.gate.plates.shapes import centre, plate_width
from streamwatch.gate.policy import CLEARLY_BETTER, LEAST_WIDTH
from streamwatch.gate.remembered import Remembered

__all__ = [
    "CLEARLY_BETTER",
    "LEAST_WIDTH",
    "Closed",
    "Decision",
    "FindPlates",
    "Followed",
    "Gate",
    "Glance",
    "Kept",
    "News",
    "Opened",
    "Remembered",
    "Shot",
    "Stir",
    "Why",
    "centre",
    "plate_width",
]
