"""Single pictures from files, for the verb `read`."""

from datetime import datetime
from pathlib import Path

import cv2

from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Frame
from streamwatch.imaging.limits import LIMITS, Fault, UnfitPicture
from streamwatch.imaging.pictures import open_picture

_ADVICE = {
    Fault.FORMAT: "Give a JPEG, PNG, BMP or WebP file.",
    Fault.BROKEN: "Save it anew with another program, as JPEG or PNG.",
    Fault.TOO_LARGE: "Make it smaller.",
}


def read_still(path: Path, captured_at: datetime) -> Frame:
    """Return a picture file (JPEG, PNG, BMP or WebP) as a frame, turned upright as its EXIF orientation says.

    Raise SourceUnreadable with what is wrong.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.bytes + 1)
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:  # a NUL
        raise SourceUnreadable("The name of the picture holds a character that no file name has.") from None
    try:
        bgr = open_picture(data)
    except UnfitPicture as unfit:
        raise SourceUnreadable(
            f"{path} is not a picture that can be decoded: it is {unfit}.", _ADVICE[unfit.fault]
        ) from None
    return Frame("", captured_at, cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), lambda: bgr)
