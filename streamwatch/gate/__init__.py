"""Which frames are worth a call: change, passages, best shot, and whether it is still the same vehicle."""

from streamwatch.gate.gate import Closed, Decision, Gate, Opened, Shot
from streamwatch.gate.jpeg import Jpeg, encode

__all__ = ["Closed", "Decision", "Gate", "Jpeg", "Opened", "Shot", "encode"]
