"""The gate chooses the frames that are worth a call: it follows plates, and the best view of each is paid for."""

from streamwatch.gate.decisions import Closed, Decision, Kept, Opened, Shot
from streamwatch.gate.frame_report import FollowedObject, FrameReport, Why
from streamwatch.gate.gate import Gate
from streamwatch.gate.motion.activity import Activity, ActivityDetector
from streamwatch.gate.parked import ParkedVehicle
from streamwatch.gate.part_detector import FindPlates
from streamwatch.gate.plates.shapes import centre, plate_width
from streamwatch.gate.policy import CLEARLY_BETTER, ENOUGH, ENOUGH_TO_TRY, LEAST_WIDTH

__all__ = [
    "CLEARLY_BETTER",
    "ENOUGH",
    "ENOUGH_TO_TRY",
    "LEAST_WIDTH",
    "Activity",
    "ActivityDetector",
    "Closed",
    "Decision",
    "FindPlates",
    "FollowedObject",
    "FrameReport",
    "Gate",
    "Kept",
    "Opened",
    "ParkedVehicle",
    "Shot",
    "Why",
    "centre",
    "plate_width",
]
