"""Where number plates are in a picture: for the gate, which follows them, and the local reader, which reads them."""

from streamwatch.detection.detector import WEIGHTS, Detection, Network, PlateDetector

__all__ = ["WEIGHTS", "Detection", "Network", "PlateDetector"]
