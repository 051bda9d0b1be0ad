"""The plate detector: the gate follows what it finds, and the local reader reads it."""

from streamwatch.detection.detector import WEIGHTS, Detection, Network, PlateDetector

__all__ = ["WEIGHTS", "Detection", "Network", "PlateDetector"]
