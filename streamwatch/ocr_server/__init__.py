"""The protocol of ocrCars with another reader behind it: for boxes in one's own network, and for programs written for
ocrCars.

    client ──POST /ocrCars──▶ request ──▶ guard (credentials) ──▶ bodies ──▶ reading (queue, engine) ──▶ responses
"""

from streamwatch.ocr_server.guard import Guard, KeyPair
from streamwatch.ocr_server.service import OcrService

__all__ = ["Guard", "KeyPair", "OcrService"]
