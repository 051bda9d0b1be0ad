"""Letters: the fonts, and masks of characters and of lines of text.

Every font comes from a Debian package under a free licence; README.md names package and licence. A font that is not
installed is an error: without it the same seed would draw other pictures.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Picture = np.ndarray

_ROOT = Path("/usr/share/fonts")
PLATE_FONTS = (
    "truetype/dejavu/DejaVuSansCondensed-Bold.ttf",
    "truetype/dejavu/DejaVuSans-Bold.ttf",
    "truetype/dejavu/DejaVuSansMono-Bold.ttf",
    "truetype/liberation/LiberationSansNarrow-Bold.ttf",
    "truetype/liberation/LiberationSans-Bold.ttf",
    "truetype/roboto/unhinted/RobotoCondensed-Bold.ttf",
    "truetype/roboto/unhinted/RobotoTTF/Roboto-Bold.ttf",
    "truetype/open-sans/OpenSans-CondBold.ttf",
    "truetype/opendin/OSP-DIN.ttf",
    "truetype/routed-gothic/routed-gothic.ttf",
    "truetype/routed-gothic/routed-gothic-narrow.ttf",
    "truetype/freefont/FreeSansBold.ttf",
    "opentype/bebas-neue/BebasNeue-Bold.otf",
    "opentype/bebas-neue/BebasNeue-Regular.otf",
    "opentype/b612/B612Mono-Bold.otf",
    "opentype/b612/B612-Bold.otf",
    "opentype/urw-base35/NimbusSansNarrow-Bold.otf",
    "opentype/noto/NotoSansCJK-Bold.ttc",
    "opentype/league-spartan/LeagueSpartan-Medium.otf",
)
HAN_FONTS = (
    "opentype/noto/NotoSansCJK-Bold.ttc",
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "truetype/wqy/wqy-zenhei.ttc",
    "truetype/wqy/wqy-microhei.ttc",
)
TEXT_FONTS = (
    *PLATE_FONTS,
    "truetype/dejavu/DejaVuSans.ttf",
    "truetype/dejavu/DejaVuSansMono.ttf",
    "truetype/dejavu/DejaVuSerif-Bold.ttf",
    "truetype/liberation/LiberationSerif-Regular.ttf",
    "truetype/liberation/LiberationSans-Regular.ttf",
    "truetype/freefont/FreeSerif.ttf",
    "truetype/roboto/unhinted/RobotoTTF/Roboto-Black.ttf",
    "opentype/urw-base35/C059-Bold.otf",
    "opentype/urw-base35/P052-Roman.otf",
    "opentype/cantarell/Cantarell-Bold.otf",
)
_SIZE = 96  # pixels of the em at which a character is drawn before it is put into its cell


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_ROOT / name), size)


@cache
def glyph(name: str, char: str) -> Picture:
    """Return the mask of a character without margins, uint8."""
    return line(name, char, _SIZE)


def line(name: str, text: str, size: int, stroke: int = 0) -> Picture:
    """Return the mask of a text without margins, uint8; one white pixel if the font has nothing to draw."""
    face = font(name, size)
    left, top, right, bottom = face.getbbox(text, stroke_width=stroke)
    sheet = Image.new("L", (max(1, int(right - left) + 2), max(1, int(bottom - top) + 2)))
    ImageDraw.Draw(sheet).text((1 - left, 1 - top), text, 255, font=face, stroke_width=stroke)
    mask = np.asarray(sheet)
    x, y, w, h = cv2.boundingRect(mask)
    return mask[y : y + h, x : x + w] if w and h else np.full((1, 1), 255, np.uint8)


def ink(picture: Picture, mask: Picture, x: float, y: float, luma: float) -> None:
    """Paint a mask with its top left corner at (x, y); the part outside of the picture is left out."""
    x, y = round(x), round(y)
    top, left = max(0, -y), max(0, -x)
    part = picture[y + top : y + mask.shape[0], x + left : x + mask.shape[1]]
    if y + mask.shape[0] <= 0 or x + mask.shape[1] <= 0 or not part.size:
        return
    share = mask[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32) * (1 / 255)
    part[:] = part + (luma - part.astype(np.float32)) * share


def cell(
    picture: Picture, mask: Picture, x: float, y: float, w: float, h: float, luma: float, *, narrow: bool = False
) -> None:
    """Paint a mask stretched into a cell; narrow: in the middle of the cell, with its proportions (a 1, an I)."""
    width = min(w, h * mask.shape[1] / mask.shape[0]) if narrow else w
    size = max(1, round(width)), max(1, round(h))
    ink(picture, cv2.resize(mask, size, interpolation=cv2.INTER_AREA), x + (w - size[0]) / 2, y, luma)
