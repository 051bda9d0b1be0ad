"""Single pictures from files, for the verb `read`."""

from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from streamwatch.errors import SourceUnreadable
from streamwatch.model import Frame, Picture


def read_still(path: Path, captured_at: datetime) -> Frame:
    """A picture file (JPEG, PNG, BMP, WebP, TIFF …) as a frame, turned upright as its EXIF orientation says.

    Raises SourceUnreadable with what is wrong.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceUnreadable(f"{path} can not be read: {error.strerror}.") from None
    picture = _decoded(data)
    if picture is None:
        raise SourceUnreadable(f"{path} is not a picture that can be decoded.", "Give a JPEG, PNG, BMP or WebP file.")
    bgr = picture
    return Frame("", captured_at, cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), lambda: bgr)


def _decoded(data: Picture) -> Picture | None:
    if data.size == 0:
        return None
    try:
        picture: Picture | None = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return picture
