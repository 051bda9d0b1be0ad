"""Serves the protocol of ocrCars with the local engine, for boxes of the same network and programs written for ocrCars.

client ──POST /ocrCars──▶ request ──▶ guard (credentials) ──▶ bodies ──▶ reading (queue, engine) ──▶ replies
"""

from streamwatch.ocr_server.guard import Guard, KeyPair
from streamwatch.ocr_server.service import OcrService

__all__ = ["Guard", "KeyPair", "OcrService"]
