"""streamwatch: watches gate cameras and logs number plates, one paid OCR call per vehicle."""
