"""streamwatch: watches gate cameras and logs number plates, one paid OCR call per vehicle."""

__version__ = "0.1.0"
