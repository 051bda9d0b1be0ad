"""streamwatch: watches gate cameras and logs number plates, one paid OCR call per vehicle."""

import os

__version__ = "0.1.0"

for _name, _most in (("PIXELS", 1 << 26), ("WIDTH", 1 << 15), ("HEIGHT", 1 << 15)):
    # OpenCV looks at these once, when it is imported; its own limits allow a picture of three gigabytes.
    os.environ.setdefault(f"OPENCV_IO_MAX_IMAGE_{_name}", str(_most))
