"""The parts of a drawn gate scene: plates, vehicle fronts and the gate itself.

Everything is drawn from numbers; the letters come out of the font that OpenCV 5 carries inside. A vehicle is drawn in
millimetres and about twice as large as it is shown.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

Picture = np.ndarray
Colour = tuple[int, int, int]
Rect = tuple[float, float, float, float]

HORIZON, STOP_LINE = 150, 640
"""Rows of the 1280x720 picture: where the road vanishes, and where a stopped vehicle stands."""

FOOT = 65
"""Rows of a vehicle's sprite below the ground, for its shadow."""

_FONT = cv2.FontFace("uni")
_WHITE, _BLACK, _RED = (245, 245, 245), (18, 18, 18), (30, 30, 200)
_BLUE, _YELLOW, _GREEN, _PALE = (165, 65, 12), (20, 178, 238), (130, 195, 60), (232, 240, 226)
# Colours of a plate as top and bottom of a vertical gradient, and its letters.
_KINDS = {
    "blue": (_BLUE, _BLUE, _WHITE),
    "green": (_PALE, _GREEN, _BLACK),
    "yellow": (_YELLOW, _YELLOW, _BLACK),
    "two-line": (_YELLOW, _YELLOW, _BLACK),
    "black": (_BLACK, _BLACK, _WHITE),
    "white": (_WHITE, _WHITE, _BLACK),
}


def draw_plate(text: str, kind: str = "blue", width: int = 440) -> Picture:
    """Return a plate as (height, width, 3) BGR, after GA 36: 440x140 mm, new energy 480x140, two lines 440x220.

    kind: blue, green (new energy), yellow, two-line (yellow, rear of a truck), black, white (police). text: without
    the dot, which is drawn where the kind has one.
    """
    top, bottom, ink = _KINDS[kind]
    long, high = (480 if kind == "green" else 440), (220 if kind == "two-line" else 140)
    scale = 2  # pixels per millimetre while drawing
    ramp = np.linspace(0, 1, high * scale)[:, None, None]
    plate = np.repeat((np.array(top) * (1 - ramp) + np.array(bottom) * ramp).astype(np.uint8), long * scale, axis=1)
    cv2.rectangle(plate, (6 * scale, 6 * scale), ((long - 6) * scale, (high - 6) * scale), ink, 4, cv2.LINE_AA)
    for char, x, y, w, h in _places(text, kind):
        colour = _RED if char in "警" else ink
        if char == "·":
            cv2.circle(plate, (int(x * scale), int(y * scale)), 5 * scale, colour, -1, cv2.LINE_AA)
        else:
            _ink(plate, _glyph(char, w * scale, h * scale), x * scale, y * scale, colour)
    return np.asarray(cv2.resize(plate, (width, round(width * high / long)), interpolation=cv2.INTER_AREA))


def _places(text: str, kind: str) -> Iterator[tuple[str, float, float, float, float]]:
    """Return each character with left, top, width and height in millimetres; the dot with its centre."""
    if kind == "two-line":
        yield text[0], 110, 15, 80, 60
        yield text[1], 250, 15, 80, 60
        yield "·", 220, 45, 0, 0
        for n, char in enumerate(text[2:]):
            yield char, 27.5 + n * 80, 90, 65, 110
        return
    rest, pitch, wide = (43, 52, 49) if kind == "green" else (45, 57, 34)
    dot_after = 0 if kind == "white" else 1
    x = 15.5
    for n, char in enumerate(text):
        width = 45 if n == 0 else rest
        yield char, x, 25, width, 90
        gap = pitch - rest
        if n == dot_after:
            if kind != "green":
                yield "·", x + width + wide / 2, 70, 0, 0
            gap = wide
        x += width + gap


def _glyph(char: str, width: float, height: float) -> Picture:
    """Return the mask of a character stretched into its cell, bold as on a plate; a 1 stays narrow."""
    sheet = np.zeros((320, 320, 3), np.uint8)
    cv2.putText(sheet, char, (40, 240), (255, 255, 255), _FONT, 200)
    # A Chinese character is reduced to half its width, and its strokes with it.
    bold = (9, 11) if char.isascii() else (9, 5)
    mask = cv2.dilate(sheet[:, :, 0], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, bold))
    x, y, w, h = cv2.boundingRect(mask)
    cell = (round(min(width, height * w / h) if char in "1I" else width), round(height))
    return np.asarray(cv2.resize(mask[y : y + h, x : x + w], cell, interpolation=cv2.INTER_AREA))


def _ink(picture: Picture, mask: Picture, x: float, y: float, colour: Colour) -> None:
    height, width = mask.shape
    part = picture[round(y) : round(y) + height, round(x) : round(x) + width]
    share = mask[: part.shape[0], : part.shape[1], None] / 255
    part[:] = (part * (1 - share) + np.array(colour) * share).astype(np.uint8)


class _Sheet:
    """A canvas in millimetres with transparency: x from the middle to the right, y from the ground upwards."""

    SCALE = 0.727  # pixels per millimetre; a vehicle at the stop line is shown at half of that

    def __init__(self, width: int, height: int, margin: int = 90) -> None:
        self._middle, self._ground = width / 2, height
        shape = (round((height + margin) * self.SCALE), round(width * self.SCALE))
        self.picture = np.zeros((*shape, 3), np.uint8)
        self.alpha = np.zeros(shape, np.float32)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        return (self._middle + x) * self.SCALE, (self._ground - y) * self.SCALE

    def shape(
        self,
        points: Sequence[tuple[float, float]],
        top: Colour,
        bottom: Colour | None = None,
        *,
        rounds: int = 2,
        opaque: float = 1.0,
        mirror: bool = False,
    ) -> None:
        """Draw a filled outline with rounded corners and a vertical gradient; mirror: also on the other side."""
        outline = np.array([self.pixel(*point) for point in points])
        for _ in range(rounds):
            after = np.roll(outline, -1, axis=0)
            outline = np.stack([outline * 0.8 + after * 0.2, outline * 0.2 + after * 0.8], axis=1).reshape(-1, 2)
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        x, y, w, h = cv2.boundingRect(mask)
        share = mask[y : y + h, x : x + w].astype(np.float32) / 255 * opaque
        ramp = np.linspace(0, 1, h)[:, None, None]
        colour = np.array(top) * (1 - ramp) + np.array(top if bottom is None else bottom) * ramp
        part, alpha = self.picture[y : y + h, x : x + w], self.alpha[y : y + h, x : x + w]
        part[:] = (part * (1 - share[:, :, None]) + colour * share[:, :, None]).astype(np.uint8)
        np.maximum(alpha, share, out=alpha)
        if mirror:
            self.shape([(-x, y) for x, y in points], top, bottom, rounds=rounds, opaque=opaque)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, top: Colour, bottom: Colour | None = None, **style: Any
    ) -> None:
        self.shape([(x0, y0), (x0, y1), (x1, y1), (x1, y0)], top, bottom, **style)

    def put(self, picture: Picture, x: float, y: float) -> tuple[float, float, float, float]:
        """Paste a picture with its centre at (x, y); return its box in pixels."""
        height, width = picture.shape[:2]
        left, top = (round(v) for v in self.pixel(x, y))
        left, top = left - width // 2, top - height // 2
        self.picture[top : top + height, left : left + width] = picture
        return left, top, width, height


def shade(colour: Colour, gain: float) -> Colour:
    blue, green, red = (min(255, round(c * gain)) for c in colour)
    return blue, green, red


def _plated(sheet: _Sheet, plate: str, kind: str, y: float) -> tuple[float, float, float, float]:
    """Draw the plate in its frame, a quarter larger than in reality, so that the whole car fits into the view."""
    picture = draw_plate(plate, kind, 436 if kind == "green" else 400)
    half_w, half_h = (v / sheet.SCALE / 2 + 14 for v in (picture.shape[1], picture.shape[0]))
    sheet.box(-half_w, y - half_h, half_w, y + half_h, (40, 40, 42), rounds=0)
    return sheet.put(picture, 0, y)


def _ground(sheet: _Sheet, half: float) -> None:
    sheet.shape(
        [(half * math.cos(a), 20 + 70 * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 32)],
        (28, 28, 28),
        rounds=0,
        opaque=0.6,
    )
    sheet.box(half - 290, 0, half - 60, 380, (38, 36, 36), (20, 20, 20), mirror=True)


def car(plate: str, kind: str, colour: Colour) -> tuple[_Sheet, tuple[float, float, float, float]]:
    sheet = _Sheet(2160, 1480)
    light, dark = shade(colour, 1.25), shade(colour, 0.62)
    _ground(sheet, 930)
    sheet.box(715, 930, 950, 1045, light, dark, mirror=True)
    sheet.box(-840, 70, 840, 300, (34, 32, 32), rounds=1)
    sheet.shape([(-790, 880), (-610, 1390), (-470, 1460), (470, 1460), (610, 1390), (790, 880)], light, colour)
    sheet.shape(
        [(-715, 900), (-560, 1355), (-430, 1400), (430, 1400), (560, 1355), (715, 900)], (92, 74, 60), (52, 44, 38)
    )
    sheet.box(230, 960, 430, 1190, (40, 34, 30), mirror=True)
    sheet.box(285, 1150, 375, 1250, (40, 34, 30), mirror=True)
    sheet.shape([(-640, 930), (-500, 1340), (-300, 1380), (-470, 930)], (190, 170, 150), rounds=1, opaque=0.35)
    sheet.shape(
        [(-900, 200), (-925, 560), (-880, 800), (-770, 925), (770, 925), (880, 800), (925, 560), (900, 200)],
        light,
        dark,
    )
    sheet.shape([(-760, 905), (-700, 765), (700, 765), (760, 905)], shade(colour, 1.4), colour, opaque=0.8)
    sheet.shape([(470, 640), (500, 745), (850, 805), (895, 690)], (70, 66, 64), (38, 36, 36), mirror=True)
    sheet.shape([(520, 660), (540, 725), (700, 755), (710, 675)], (255, 252, 240), (205, 205, 200), mirror=True)
    sheet.shape([(735, 690), (745, 765), (835, 780), (850, 705)], (160, 205, 255), (90, 150, 235), mirror=True)
    sheet.box(-430, 600, 430, 740, (36, 36, 38), (22, 22, 24))
    for y in (628, 664, 700):
        sheet.box(-405, y, 405, y + 11, (175, 175, 178), rounds=0)
    sheet.shape([(-48, 672), (0, 722), (48, 672), (0, 622)], (225, 225, 228), (150, 150, 155))
    sheet.box(-640, 215, 640, 345, (44, 44, 46), (26, 26, 28))
    sheet.box(690, 265, 830, 345, (50, 50, 52), mirror=True)
    sheet.box(715, 280, 805, 330, (225, 235, 235), (180, 185, 185), mirror=True)
    return sheet, _plated(sheet, plate, kind, 468)


def truck(plate: str, kind: str, colour: Colour) -> tuple[_Sheet, tuple[float, float, float, float]]:
    sheet = _Sheet(2260, 1720)
    light, dark = shade(colour, 1.2), shade(colour, 0.66)
    _ground(sheet, 950)
    sheet.box(960, 930, 1090, 1330, (48, 46, 46), (30, 30, 30), mirror=True)
    sheet.box(-860, 90, 860, 300, (34, 32, 32), rounds=1)
    sheet.shape(
        [(-950, 230), (-960, 900), (-890, 1620), (-820, 1700), (820, 1700), (890, 1620), (960, 900), (950, 230)],
        light,
        dark,
    )
    sheet.box(-760, 1590, 760, 1650, shade(colour, 0.8), rounds=1)
    sheet.shape([(-870, 890), (-810, 1530), (810, 1530), (870, 890)], (96, 78, 62), (54, 46, 40))
    sheet.shape([(-800, 920), (-745, 1490), (-420, 1490), (-620, 920)], (190, 170, 150), rounds=1, opaque=0.3)
    sheet.box(330, 930, 610, 1230, (42, 36, 32), mirror=True)
    sheet.box(400, 1180, 540, 1320, (42, 36, 32), mirror=True)
    sheet.shape([(-60, 905), (-480, 985), (-480, 1003), (-40, 925)], (24, 24, 24), rounds=0)
    sheet.shape([(640, 905), (220, 985), (220, 1003), (660, 925)], (24, 24, 24), rounds=0)
    sheet.box(-560, 660, 560, 850, (46, 46, 48), (28, 28, 30))
    for y in (700, 748, 796):
        sheet.box(-520, y, 520, y + 15, (165, 165, 168), rounds=0)
    sheet.box(-70, 715, 70, 800, (225, 225, 228), (150, 150, 155))
    sheet.box(620, 640, 900, 800, (60, 58, 56), (40, 38, 38), mirror=True)
    sheet.box(645, 660, 800, 780, (255, 252, 240), (200, 200, 196), mirror=True)
    sheet.box(815, 660, 880, 780, (120, 180, 250), (70, 130, 225), mirror=True)
    sheet.box(-965, 230, 965, 570, (92, 90, 88), (58, 56, 56))
    sheet.box(640, 300, 800, 380, (225, 235, 235), (180, 185, 185), mirror=True)
    return sheet, _plated(sheet, plate, kind, 420)


def gate(size: tuple[int, int] = (1280, 720)) -> Picture:
    """Return the empty gate as (height, width, 3) BGR: sky, wall, road, kerbs, ticket column, cabinet, raised boom."""
    rng = np.random.default_rng(7)
    scene = np.zeros((720, 1280, 3), np.uint8)
    _ramp(scene[:110], (226, 196, 158), (238, 226, 210))
    _far_side(scene, rng)
    _ramp(scene[HORIZON:], (122, 122, 120), (98, 98, 100))
    _road(scene, rng)
    _island(scene)
    return scene if size == (1280, 720) else cv2.resize(scene, size, interpolation=cv2.INTER_AREA)


def _ramp(part: Picture, top: Colour, bottom: Colour) -> None:
    share = np.linspace(0, 1, part.shape[0])[:, None, None]
    part[:] = (np.array(top) * (1 - share) + np.array(bottom) * share).astype(np.uint8)


def _poly(scene: Picture, points: Sequence[tuple[float, float]], colour: Colour) -> None:
    cv2.fillPoly(scene, [np.round(np.array(points) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def _far_side(scene: Picture, rng: np.random.Generator) -> None:
    for x, top, width, tone in ((60, 20, 190, 0), (300, 52, 150, 12), (905, 8, 150, 4), (1085, 44, 170, 14)):
        wall = shade((168, 172, 176), 1 + tone / 100)
        cv2.rectangle(scene, (x, top), (x + width, 140), wall, -1)
        for wx in range(x + 12, x + width - 14, 24):
            for wy in range(top + 10, 118, 20):
                cv2.rectangle(scene, (wx, wy), (wx + 12, wy + 9), (142, 128, 112), -1)
    for x in range(-20, 1310, 26):
        green = (52 + int(rng.integers(0, 18)), 92 + int(rng.integers(0, 34)), 66 + int(rng.integers(0, 22)))
        size = (int(rng.integers(22, 40)), int(rng.integers(16, 34)))
        cv2.ellipse(scene, (x, 122 + int(rng.integers(-6, 8))), size, 0, 0, 360, green, -1, cv2.LINE_AA)
    _ramp(scene[122:150], (186, 190, 194), (150, 154, 158))
    cv2.rectangle(scene, (0, 118), (1280, 123), (120, 124, 130), -1)
    for x in range(30, 1280, 92):
        cv2.line(scene, (x, 123), (x, 150), (158, 162, 166), 2, cv2.LINE_AA)


def _along(x: float, y: float) -> tuple[float, float]:
    """Return a point of the ground. x: at the depth of the stop line, y: in rows; equal x meet on the horizon."""
    return 640 + (x - 640) * (y - HORIZON) / (STOP_LINE - HORIZON), y


def _road(scene: Picture, rng: np.random.Generator) -> None:
    grain = cv2.resize(rng.normal(0, 7, (142, 320)).astype(np.float32), (1280, 720 - HORIZON))
    part = scene[HORIZON:]
    part[:] = np.clip(part + grain[:, :, None], 0, 255).astype(np.uint8)
    for left, right, colour in ((-900, 130, (126, 142, 138)), (1150, 2200, (126, 142, 138))):
        _poly(scene, [_along(left, HORIZON), _along(right, HORIZON), _along(right, 720), _along(left, 720)], colour)
    depths = [
        HORIZON + (STOP_LINE - HORIZON) / z
        for z in (60, 9, 6, 4.5, 3.6, 3, 2.5, 2.15, 1.85, 1.6, 1.4, 1.22, 1.08, 0.96, 0.86)
    ]
    for n, (far, near) in enumerate(pairwise(depths)):
        colour = (40, 190, 235) if n % 2 else (46, 46, 48)
        for x0, x1 in ((112, 140), (1140, 1168)):
            _poly(scene, [_along(x0, far), _along(x1, far), _along(x1, near), _along(x0, near)], colour)
    for x in (205, 1075):
        _poly(scene, [_along(x - 5, 152), _along(x + 5, 152), _along(x + 5, 720), _along(x - 5, 720)], (205, 208, 210))
    _poly(scene, [_along(205, 652), _along(1075, 652), _along(1075, 668), _along(205, 668)], (212, 214, 216))


def _island(scene: Picture) -> None:
    """Draw a cabinet with its boom on the left, and a ticket column with a lamp on the right."""
    cv2.ellipse(scene, (84, 668), (92, 16), 0, 0, 360, (86, 90, 90), -1, cv2.LINE_AA)
    tip, root = np.array([196.0, -20.0]), np.array([92.0, 452.0])
    side = np.array([9.0, 2.0])
    for n in range(9):
        a, b = root + (tip - root) * n / 9, root + (tip - root) * (n + 1) / 9
        _poly(scene, [a - side, a + side, b + side, b - side], (235, 235, 238) if n % 2 else (44, 40, 205))
    _poly(scene, [(40, 430), (128, 430), (128, 668), (40, 668)], (38, 150, 232))
    _poly(scene, [(128, 430), (146, 420), (146, 656), (128, 668)], (24, 112, 180))
    _poly(scene, [(40, 430), (58, 420), (146, 420), (128, 430)], (70, 178, 245))
    _poly(scene, [(52, 520), (116, 520), (116, 650), (52, 650)], (34, 140, 220))
    cv2.circle(scene, (92, 456), 15, (52, 52, 56), -1, cv2.LINE_AA)
    cv2.ellipse(scene, (1196, 664), (78, 14), 0, 0, 360, (86, 90, 90), -1, cv2.LINE_AA)
    _poly(scene, [(1160, 392), (1232, 392), (1232, 662), (1160, 662)], (176, 172, 166))
    _poly(scene, [(1146, 384), (1160, 392), (1160, 662), (1146, 650)], (130, 126, 122))
    _poly(scene, [(1172, 410), (1220, 410), (1220, 452), (1172, 452)], (92, 66, 40))
    _poly(scene, [(1178, 482), (1214, 482), (1214, 490), (1178, 490)], (44, 44, 46))
    cv2.circle(scene, (1196, 530), 11, (60, 170, 70), -1, cv2.LINE_AA)
    cv2.circle(scene, (1196, 358), 26, (150, 60, 20), -1, cv2.LINE_AA)
    cv2.putText(scene, "P", (1184, 373), (245, 245, 245), _FONT, 38)
    cv2.rectangle(scene, (1191, 384), (1201, 394), (120, 120, 124), -1)
