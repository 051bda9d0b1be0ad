"""Fronts and backs of vehicles, drawn in millimetres around their plate."""

from typing import NamedTuple

import cv2
import numpy as np

from platedetector import letters, plates
from platedetector.surroundings import Bank, bars, polygon, real, words

Picture = np.ndarray
Rng = np.random.Generator
Points = list[tuple[float, float]]


class Vehicle(NamedTuple):
    picture: Picture
    alpha: Picture
    """uint8, 255 where the vehicle is."""
    plate: Picture | None
    """(4, 2) float32 corners in pixels of picture, clockwise from top left; None without one."""
    lamps: Picture
    """(n, 2) float32: the lamps; may be empty."""


class _Sheet:
    """A canvas in millimetres: x from the middle to the right, y from the ground upwards."""

    ROOF = 160
    """Millimetres above the roof, for a sign."""

    def __init__(self, scale: float, half: float, high: float) -> None:
        self.scale, self.half, self.high = scale, half, high
        shape = (max(8, round((high + self.ROOF + 130) * scale)), max(8, round(half * 2 * scale)))
        self.picture = np.zeros(shape, np.uint8)
        self.alpha = np.zeros(shape, np.uint8)

    def at(self, points: Points) -> Picture:
        return np.array(
            [((self.half + x) * self.scale, (self.high + self.ROOF - y) * self.scale) for x, y in points], np.float32
        )

    def shape(self, points: Points, luma: float, *, mirror: bool = False, solid: bool = False) -> None:
        polygon(self.picture, self.at(points), float(np.clip(luma, 0, 255)))
        if solid:
            polygon(self.alpha, self.at(points), 255)
        if mirror:
            self.shape([(-x, y) for x, y in points], luma, solid=solid)

    def box(self, x0: float, y0: float, x1: float, y1: float, luma: float, *, mirror: bool = False) -> None:
        self.shape([(x0, y0), (x0, y1), (x1, y1), (x1, y0)], luma, mirror=mirror)

    def round(self, x: float, y: float, rx: float, ry: float, luma: float, *, mirror: bool = False) -> None:
        turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        self.shape([(x + rx * np.cos(a), y + ry * np.sin(a)) for a in turn], luma, mirror=mirror)

    def pixels(self, x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
        (left, bottom), (right, top) = self.at([(x0, y0), (x1, y1)])
        return int(left), int(top), int(right - left), int(bottom - top)

    def text(
        self, rng: Rng, text: str, x: float, y: float, high: float, luma: float, wide: float | None = None
    ) -> None:
        size = round(high * self.scale)
        if size < 5:
            return
        fonts = letters.TEXT_FONTS if text.isascii() else letters.HAN_FONTS
        mask = letters.line(fonts[rng.integers(len(fonts))], text, size)
        if wide and rng.random() < 0.6:
            mask = cv2.resize(mask, (max(4, round(wide * self.scale)), mask.shape[0]), interpolation=cv2.INTER_AREA)
        left, top = self.at([(x, y)])[0]
        letters.ink(self.picture, mask, left - mask.shape[1] / 2, top - mask.shape[0] / 2, luma)


def draw(rng: Rng, bank: Bank, plate_pixels: float, *, plated: bool = True) -> Vehicle:
    """Return a vehicle whose plate is about `plate_pixels` wide; plated=False: the place of the plate stays empty."""
    plate = plates.draw(rng, plate_pixels)
    scale = plate_pixels / plate.wide_mm
    kind = rng.choice(["front", "back", "lorry", "lorry back", "bus", "bike"], p=[0.43, 0.25, 0.12, 0.1, 0.06, 0.04])
    if kind == "bike":
        return _bike(rng, plate, scale, plated)
    half = float(rng.uniform(750, 980) if kind in ("front", "back") else rng.uniform(900, 1260))
    high = float(rng.uniform(1250, 1900) if kind in ("front", "back") else rng.uniform(1900, 3000))
    sheet = _Sheet(scale, half * 1.12, high)
    paint = float(rng.choice([rng.uniform(8, 50), rng.uniform(170, 250), rng.uniform(20, 240)]))
    at = float(rng.uniform(330, 640))
    if kind == "front":
        _body(rng, sheet, half, high, paint)
        _front(rng, sheet, half, high, paint, at)
    elif kind == "back":
        at = float(rng.uniform(380, 980))
        _body(rng, sheet, half, high, paint)
        _back(rng, sheet, half, high, paint, at)
    elif kind == "lorry back":
        at = float(rng.uniform(450, 1000))
        _lorry_back(rng, sheet, half, high, paint, at)
    else:
        _lorry(rng, sheet, half, high, paint, at, bus=kind == "bus")
    for _ in range(int(rng.integers(1, 9)) if rng.random() < 0.6 else 0):
        _trifle(rng, bank, sheet, half, high)
    if rng.random() < 0.5:  # real shapes have no hard edges
        sheet.picture = cv2.GaussianBlur(sheet.picture, (0, 0), max(0.4, float(rng.uniform(3, 14)) * scale))
    _light(rng, bank, sheet)
    if bank.hard > 1:
        _mistakable(rng, bank, sheet, half, high, at)
    if bank.hard:
        _camouflage(rng, sheet, plate, at)
    if bank.hard > 2 and rng.random() < 0.4:
        _code(rng, sheet, half, at)
    corners = _mount(rng, sheet, plate, at, half, hard=bank.hard) if plated else _empty_place(rng, sheet, at)
    lamp = float(rng.uniform(0.6, 0.85)) * half
    lamps = sheet.at([(-lamp, at + 250), (lamp, at + 250)]) if kind != "lorry back" else np.zeros((0, 2), np.float32)
    return Vehicle(sheet.picture, sheet.alpha, corners, lamps)


def _body(rng: Rng, sheet: _Sheet, half: float, high: float, paint: float) -> None:
    """Draw the silhouette with wheels, windscreen or rear window, and the light on bonnet or tailgate."""
    waist, roof = high * rng.uniform(0.55, 0.66), rng.uniform(0.55, 0.8)
    sheet.shape(
        [(-half * 0.92, 0), (-half * 0.92, 400), (-half * 0.66, 400), (-half * 0.66, 0)], 18, mirror=True, solid=True
    )
    outline = [(-half * 0.94, 160), (-half, 420), (-half * 0.98, waist * 0.9), (-half * 0.9, waist)]
    outline += [(-half * roof, high * 0.96), (-half * roof * 0.7, high)]
    sheet.shape(outline + [(-x, y) for x, y in reversed(outline)], paint * 0.9, solid=True)
    glass = float(rng.uniform(15, 90))
    low = waist * rng.uniform(0.98, 1.06)
    pane = [
        (-half * 0.84, low),
        (-half * roof * 0.92, high * 0.93),
        (half * roof * 0.92, high * 0.93),
        (half * 0.84, low),
    ]
    sheet.shape(pane, glass)
    if rng.random() < 0.6:  # sky and trees in the glass
        for _ in range(int(rng.integers(1, 4))):
            x = rng.uniform(-0.6, 0.4) * half
            w = rng.uniform(0.1, 0.5) * half
            sheet.shape(
                [(x, low + 20), (x + w * 0.3, high * 0.92), (x + w, high * 0.92), (x + w * 0.8, low + 20)],
                glass + rng.uniform(10, 110),
            )
    for _ in range(int(rng.integers(0, 4))):  # stickers, papers, a mirror
        x, y = rng.uniform(-0.6, 0.6) * half, rng.uniform(low + 60, max(low + 80, high * 0.88))
        w, h = rng.uniform(30, 160), rng.uniform(25, 110)
        sheet.box(x, y, x + w, y + h, rng.uniform(60, 250))
        if rng.random() < 0.4:
            sheet.text(rng, words(rng), x + w / 2, y + h / 2, h * 0.4, rng.uniform(0, 255))
    if rng.random() < 0.6:
        for x in (-0.42, 0.42):  # heads and seats
            sheet.round(x * half, low + 150, 110, 150, max(0, glass + rng.uniform(-25, 40)))
    sheet.box(-half * 1.1, waist - 30, -half * 0.95, waist + 110, paint * 0.8, mirror=True)
    polygon(
        sheet.alpha,
        sheet.at(
            [
                (-half * 1.1, waist - 30),
                (-half * 1.1, waist + 110),
                (-half * 0.9, waist + 110),
                (-half * 0.9, waist - 30),
            ]
        ),
        255,
    )
    polygon(
        sheet.alpha,
        sheet.at(
            [(half * 1.1, waist - 30), (half * 1.1, waist + 110), (half * 0.9, waist + 110), (half * 0.9, waist - 30)]
        ),
        255,
    )
    sheet.shape(
        [
            (-half * 0.86, waist * 0.97),
            (-half * 0.7, waist * 0.78),
            (half * 0.7, waist * 0.78),
            (half * 0.86, waist * 0.97),
        ],
        paint * rng.uniform(0.9, 1.35),
    )


def _front(rng: Rng, sheet: _Sheet, half: float, high: float, paint: float, at: float) -> None:
    top = high * rng.uniform(0.42, 0.52)
    lit = rng.random() < 0.45
    y, w, h = top - rng.uniform(40, 120), rng.uniform(130, 300), rng.uniform(60, 150)
    dark, bright = float(rng.uniform(20, 120)), float(rng.uniform(235, 255) if lit else rng.uniform(120, 240))
    if rng.random() < 0.25:
        sheet.round(half * 0.72, y, h * 0.8, h * 0.8, dark, mirror=True)
        sheet.round(half * 0.72, y, h * 0.6, h * 0.6, bright, mirror=True)
    else:
        lift = rng.uniform(-0.2, 0.7) * h
        shape = [
            (half * 0.95 - w, y - h / 2),
            (half * 0.95 - w, y + h / 3),
            (half * 0.93, y + h / 2 + lift),
            (half * 0.96, y - h / 3 + lift),
        ]
        sheet.shape(shape, dark, mirror=True)
        x = half * 0.93 - w * rng.uniform(0.35, 0.7)
        sheet.round(x, y + lift * 0.3, w * 0.24, h * 0.36, bright, mirror=True)
        sheet.round(half * 0.9, y + lift * 0.6, w * 0.12, h * 0.25, rng.uniform(120, 220), mirror=True)
    if rng.random() < 0.6:
        _reflectors(rng, sheet, half * 0.94 - w / 2, y, w * 0.9, h * 0.9)
    if rng.random() < 0.12:
        _roof_sign(rng, sheet, high)
    _grille(
        rng, sheet, half * rng.uniform(0.3, 0.62), y - h * rng.uniform(0.2, 1.2), y + h * rng.uniform(0.2, 0.8), paint
    )
    _bumper(rng, sheet, half, paint, at)


def _roof_sign(rng: Rng, sheet: _Sheet, high: float) -> None:
    """Draw the roof sign of a taxi or a driving school."""
    wide, tall = rng.uniform(200, 480), rng.uniform(80, 150)
    luma = float(rng.choice([rng.uniform(180, 255), rng.uniform(20, 120)]))
    points = [(-wide / 2, high - 20), (-wide * 0.42, high + tall), (wide * 0.42, high + tall), (wide / 2, high - 20)]
    sheet.shape(points, luma, solid=True)
    text = str(rng.choice(["TAXI", "出租", "出租汽车", "TAXI", words(rng)]))
    sheet.text(rng, text, 0, high + tall * 0.42, tall * 0.6, 255 - luma, wide * 0.75)


def _reflectors(rng: Rng, sheet: _Sheet, x: float, y: float, w: float, h: float) -> None:
    """Draw the inside of a lamp: bowls, bulbs and ribs, the same on both sides."""
    if rng.random() < 0.3:
        for at in np.arange(x - w / 2, x + w / 2, rng.uniform(12, 40)):
            sheet.box(at, y - h / 2, at + rng.uniform(4, 12), y + h / 2, rng.uniform(60, 255), mirror=True)
    for _ in range(int(rng.integers(1, 7))):
        a, b = x + rng.uniform(-0.45, 0.45) * w, y + rng.uniform(-0.4, 0.4) * h
        sheet.round(a, b, w * rng.uniform(0.04, 0.22), h * rng.uniform(0.06, 0.35), rng.uniform(0, 255), mirror=True)


def _mistakable(rng: Rng, bank: Bank, sheet: _Sheet, half: float, high: float, at: float) -> None:
    """Draw what the first networks took for plates: lamps as large as a plate, badges, taxi signs, wheels."""
    if rng.random() < 0.8:
        w, h = rng.uniform(110, 380), rng.uniform(80, 230)
        x, y = half * rng.uniform(0.5, 0.95) - w / 2, at + rng.uniform(-150, 420)
        _lamp(rng, bank, sheet, x, y, w, h)
        if rng.random() < 0.4:
            _lamp(rng, bank, sheet, x + w * rng.uniform(-0.4, 0.4), y - h * rng.uniform(1, 1.6), w * 0.7, h * 0.5)
    if rng.random() < 0.5:
        name = str(rng.choice(["", " "])).join(words(rng, digits=False).split()[0])
        x, y = rng.normal(0, 60), at + rng.uniform(140, 480)
        sheet.text(rng, name, x, y, rng.uniform(45, 130), rng.uniform(0, 255), rng.uniform(200, 800))
    if rng.random() < 0.4:
        y, r, luma = at + rng.uniform(140, 450), rng.uniform(45, 130), float(rng.uniform(0, 255))
        sheet.round(0, y, r * rng.uniform(1, 1.6), r, luma)
        sheet.round(0, y, r * 0.85, r * 0.8, rng.uniform(0, 255))
        for _ in range(int(rng.integers(1, 4))):
            a, b = rng.uniform(-r, r, 2)
            stroke = [(a, y - r * 0.8), (b, y + r * 0.8), (b + r * 0.3, y + r * 0.8), (a + r * 0.3, y - r * 0.8)]
            sheet.shape(stroke, luma)
    if rng.random() < 0.4:
        _roof_sign(rng, sheet, high)
    if rng.random() < 0.3:
        x, y, r = rng.choice([-1, 1]) * half * 0.8, rng.uniform(150, 400), rng.uniform(140, 300)
        sheet.round(x, y, r, r, 20)
        sheet.round(x, y, r * 0.7, r * 0.7, rng.uniform(20, 90))
        luma = float(rng.uniform(110, 240))
        for turn in np.arange(0, 2 * np.pi, 2 * np.pi / rng.integers(4, 12)):
            ends = [(x + r * 0.7 * np.cos(v), y + r * 0.7 * np.sin(v)) for v in (turn - 0.15, turn + 0.15)]
            sheet.shape([(x, y), *ends], luma)


def _lamp(rng: Rng, bank: Bank, sheet: _Sheet, x: float, y: float, w: float, h: float) -> None:
    """Draw a glass headlamp on both sides: a rim, and inside it ribs, reflections and bulbs."""
    left, top, wide, tall = sheet.pixels(x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    if wide < 5 or tall < 4:
        return
    glass = np.full((tall, wide), rng.uniform(90, 235), np.float32)
    glass += bank.texture(rng, tall, wide, float(rng.uniform(1, 25))) * rng.uniform(5, 60)
    if bank.pictures and rng.random() < 0.3:
        glass = glass * 0.5 + real(rng, bank, tall, wide) * 0.6
    if rng.random() < 0.5:
        ribs = np.arange(wide) * (2 * np.pi / max(2.5, wide * rng.uniform(0.03, 0.15)))
        glass += np.sin(ribs)[None] * rng.uniform(5, 40)
    picture = np.clip(glass, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(0, wide)), int(rng.integers(0, tall))
        size = max(1, int(tall * rng.uniform(0.04, 0.45))), max(1, int(tall * rng.uniform(0.04, 0.45)))
        thick = -1 if rng.random() < 0.6 else max(1, tall // 12)
        cv2.ellipse(
            picture, at, size, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0, 255)), thick, cv2.LINE_AA
        )
    if rng.random() < 0.3:
        cut = int(wide * rng.uniform(0.3, 0.8))
        cv2.line(picture, (cut, 0), (cut, tall), float(rng.uniform(0, 120)), max(1, wide // 25))
    mask = np.zeros((tall, wide), np.uint8)
    if rng.random() < 0.3:
        cv2.ellipse(mask, (wide // 2, tall // 2), (wide // 2, tall // 2), 0, 0, 360, 255, -1, cv2.LINE_AA)
    else:
        lean = rng.uniform(0, 0.3, 4)
        points = [(lean[0] * wide, 0), (wide, lean[1] * tall), (wide * (1 - lean[2]), tall), (0, tall * (1 - lean[3]))]
        polygon(mask, points, 255)
    if rng.random() < 0.7:  # its rim
        rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8), iterations=max(1, tall // 20))
        picture[rim > 0] = rng.uniform(0, 255)
    other = sheet.picture.shape[1] - left - wide
    for one, shape, column in ((picture, mask, left), (picture[:, ::-1], mask[:, ::-1], other)):
        x0, y0 = max(0, column), max(0, top)
        part = sheet.picture[y0 : max(0, top + tall), x0 : max(0, column + wide)]
        here = np.s_[y0 - top : y0 - top + part.shape[0], x0 - column : x0 - column + part.shape[1]]
        part[shape[here] > 127] = one[here][shape[here] > 127]


def _grille(rng: Rng, sheet: _Sheet, half: float, low: float, top: float, paint: float) -> None:
    frame = float(rng.uniform(120, 250) if rng.random() < 0.5 else paint * 0.6)
    sheet.shape([(-half, low), (-half * 1.1, top), (half * 1.1, top), (half, low)], frame)
    inside = [(-half * 0.95, low + 14), (-half * 1.03, top - 14), (half * 1.03, top - 14), (half * 0.95, low + 14)]
    sheet.shape(inside, rng.uniform(5, 60))
    luma, kind = float(rng.uniform(40, 240)), rng.integers(0, 4)
    if kind in (0, 2):
        pitch = rng.uniform(22, 75)
        for y in np.arange(low + pitch / 2, top - 10, pitch):
            sheet.box(-half * 0.95, y, half * 0.95, y + pitch * rng.uniform(0.2, 0.5), luma)
    if kind in (1, 2):
        pitch = rng.uniform(20, 90)
        for x in np.arange(-half * 0.94, half * 0.94, pitch):
            sheet.box(x, low + 14, x + pitch * rng.uniform(0.25, 0.5), top - 14, luma)
    if rng.random() < 0.6:
        r = rng.uniform(35, 90)
        sheet.round(0, (low + top) / 2, r * 1.3, r, rng.uniform(150, 250))
        sheet.round(0, (low + top) / 2, r, r * 0.75, rng.uniform(20, 150))
    elif rng.random() < 0.5:
        sheet.text(
            rng, words(rng, digits=False), 0, (low + top) / 2, rng.uniform(40, 110), rng.uniform(150, 250), half * 1.2
        )


def _bumper(rng: Rng, sheet: _Sheet, half: float, paint: float, at: float) -> None:
    luma = paint * rng.uniform(0.6, 1.1) if rng.random() < 0.7 else rng.uniform(20, 110)
    low, top = 200.0, at + rng.uniform(60, 190)
    sheet.shape(
        [
            (-half * 0.97, low + 60),
            (-half * 0.99, top),
            (half * 0.99, top),
            (half * 0.97, low + 60),
            (half * 0.8, low),
            (-half * 0.8, low),
        ],
        luma,
    )
    sheet.box(-half * 0.97, top - 6, half * 0.97, top + 8, luma * rng.uniform(0.3, 0.9))
    if rng.random() < 0.7:  # the lower intake, with or without bars
        y0, y1 = 190.0, at - rng.uniform(40, 130) if rng.random() < 0.6 else at + rng.uniform(60, 120)
        w = half * rng.uniform(0.4, 0.75)
        if y1 > y0 + 40:
            sheet.shape([(-w, y0), (-w * 1.05, y1), (w * 1.05, y1), (w, y0)], rng.uniform(5, 50))
            if rng.random() < 0.6:
                pitch = rng.uniform(22, 60)
                for y in np.arange(y0 + pitch, y1 - 8, pitch):
                    sheet.box(-w, y, w, y + pitch * 0.3, rng.uniform(30, 150))
    if rng.random() < 0.6:
        y, r = rng.uniform(230, 380), rng.uniform(30, 70)
        sheet.round(half * rng.uniform(0.68, 0.82), y, r * 1.4, r, rng.uniform(10, 80), mirror=True)
        sheet.round(half * 0.75, y, r * 0.8, r * 0.6, rng.uniform(120, 255), mirror=True)
        if rng.random() < 0.4:
            _reflectors(rng, sheet, half * 0.75, y, r * 2.6, r * 1.5)


def _back(rng: Rng, sheet: _Sheet, half: float, high: float, paint: float, at: float) -> None:
    y, w, h = high * rng.uniform(0.38, 0.55), rng.uniform(120, 330), rng.uniform(80, 330)
    lamp = float(rng.uniform(30, 130))
    sheet.shape(
        [
            (half * 0.96 - w, y - h / 2),
            (half * 0.94 - w, y + h / 2),
            (half * 0.93, y + h / 2),
            (half * 0.96, y - h / 2),
        ],
        lamp,
        mirror=True,
    )
    sheet.box(half * 0.95 - w * 0.8, y - h * 0.2, half * 0.9, y + h * 0.15, lamp + rng.uniform(-20, 120), mirror=True)
    sheet.box(-half * 0.9, 330, half * 0.9, 345, paint * 0.5)
    sheet.box(-half * 0.7, high * 0.36, half * 0.7, high * 0.36 + 8, paint * 0.5)
    wide = rng.uniform(270, 420)
    sheet.shape(
        [(-wide, at - 110), (-wide * 0.9, at + 110), (wide * 0.9, at + 110), (wide, at - 110)],
        paint * rng.uniform(0.5, 1.1),
    )
    if rng.random() < 0.5:
        sheet.box(-wide * 0.9, at + 90, wide * 0.9, at + 125, rng.uniform(120, 240))
    for _ in range(int(rng.integers(0, 4))):
        x = float(rng.choice([-0.5, 0.5, 0])) * half
        sheet.text(
            rng, words(rng, digits=False), x, at + rng.uniform(150, 290), rng.uniform(30, 75), rng.uniform(60, 250)
        )
    sheet.round(0, at + 190, 55, 45, rng.uniform(120, 240))
    if rng.random() < 0.4:
        sheet.round(half * 0.6, 190, 60, 30, rng.uniform(5, 60), mirror=True)


def _lorry(rng: Rng, sheet: _Sheet, half: float, high: float, paint: float, at: float, *, bus: bool) -> None:
    sheet.shape([(-half, 0), (-half, 420), (-half * 0.7, 420), (-half * 0.7, 0)], 15, mirror=True, solid=True)
    sheet.shape(
        [(-half, 200), (-half, high * 0.93), (-half * 0.9, high), (half * 0.9, high), (half, high * 0.93), (half, 200)],
        paint * 0.9,
        solid=True,
    )
    waist = high * rng.uniform(0.36, 0.52)
    glass = float(rng.uniform(15, 90))
    sheet.shape(
        [(-half * 0.92, waist), (-half * 0.86, high * 0.85), (half * 0.86, high * 0.85), (half * 0.92, waist)], glass
    )
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.8, 0.6) * half, rng.uniform(waist + 40, high * 0.8)
        sheet.box(x, y, x + rng.uniform(60, 600), y + rng.uniform(50, 300), glass + rng.uniform(-15, 120))
    if bus or rng.random() < 0.4:  # the destination display
        sheet.box(-half * 0.7, high * 0.87, half * 0.7, high * 0.97, rng.uniform(5, 40))
        sheet.text(rng, words(rng), 0, high * 0.92, high * 0.06, rng.uniform(150, 255), half * 1.1)
    if rng.random() < 0.7:
        sheet.text(
            rng,
            words(rng, digits=False),
            0,
            waist - rng.uniform(60, 180),
            rng.uniform(70, 170),
            rng.uniform(0, 255),
            half * rng.uniform(0.6, 1.4),
        )
    top = waist - rng.uniform(180, 300)
    if rng.random() < 0.7 and top > at + 150:
        _grille(rng, sheet, half * rng.uniform(0.4, 0.7), at + 110, top, paint)
    if rng.random() < 0.5:
        sheet.text(
            rng,
            words(rng),
            rng.choice([-0.5, 0.5]) * half,
            at + rng.uniform(110, 260),
            rng.uniform(40, 80),
            rng.uniform(0, 255),
        )
    bumper = float(rng.uniform(20, 200))
    sheet.box(-half, 190, half, at + rng.uniform(100, 200), bumper)
    lamp = rng.uniform(70, 130)
    bright = float(rng.uniform(140, 255))
    y = at + rng.uniform(-20, 60)
    sheet.box(half * 0.62, y - lamp, half * 0.96, y + lamp, rng.uniform(20, 90), mirror=True)
    sheet.round(half * 0.74, y, lamp * 0.8, lamp * 0.7, bright, mirror=True)
    sheet.round(half * 0.9, y, lamp * 0.4, lamp * 0.5, rng.uniform(80, 220), mirror=True)
    if rng.random() < 0.6:
        _reflectors(rng, sheet, half * 0.79, y, half * 0.34, lamp * 1.8)


def _lorry_back(rng: Rng, sheet: _Sheet, half: float, high: float, paint: float, at: float) -> None:
    """Draw a box or a tailgate with lettering: a number that is painted large is no plate."""
    sheet.shape([(-half, 0), (-half, 500), (-half * 0.6, 500), (-half * 0.6, 0)], 15, mirror=True, solid=True)
    sheet.shape([(-half, 480), (-half, high), (half, high), (half, 480)], paint, solid=True)
    sheet.shape([(-half, 250), (-half, 600), (half, 600), (half, 250)], rng.uniform(10, 80), solid=True)
    sheet.shape(
        [(-half * 0.4, 100), (-half * 0.4, 500), (half * 0.4, 500), (half * 0.4, 100)], rng.uniform(8, 50), solid=True
    )
    if rng.random() < 0.5:
        bars(rng, sheet.picture, sheet.pixels(-half * 0.95, 640, half * 0.95, high * 0.95))
    else:
        sheet.box(-8, 620, 8, high, paint * 0.5)
    for _ in range(int(rng.integers(0, 4))):
        y = rng.uniform(750, high - 100)
        sheet.text(
            rng,
            words(rng),
            rng.uniform(-0.4, 0.4) * half,
            y,
            rng.uniform(60, 330),
            rng.uniform(0, 255),
            half * rng.uniform(0.5, 1.8),
        )
    if rng.random() < 0.4:
        number = f"{letters_of_a_plate(rng)}"
        sheet.text(rng, number, 0, rng.uniform(900, high - 200), rng.uniform(220, 420), rng.uniform(0, 255), half * 1.6)
    if rng.random() < 0.6:  # reflecting stripes
        n = int(rng.integers(6, 16))
        for i in range(n):
            sheet.box(-half + i * 2 * half / n, 620, -half + (i + 0.5) * 2 * half / n, 680, rng.uniform(140, 250))
    sheet.box(half * 0.55, 480, half * 0.95, 590, rng.uniform(40, 150), mirror=True)
    sheet.box(-half * 0.5, at - 130, half * 0.5, at + 130, rng.uniform(15, 140))


def letters_of_a_plate(rng: Rng) -> str:
    chars = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
    return "皖苏鲁豫冀"[rng.integers(5)] + "A" + "".join(chars[i] for i in rng.integers(0, len(chars), 5))


def _bike(rng: Rng, plate: plates.Plate, scale: float, plated: bool) -> Vehicle:
    sheet = _Sheet(scale, 420, 1300)
    sheet.shape([(-70, 0), (-70, 640), (70, 640), (70, 0)], 20, solid=True)
    sheet.shape([(-200, 640), (-260, 900), (260, 900), (200, 640)], rng.uniform(10, 220), solid=True)
    sheet.shape([(-160, 880), (-250, 1290), (250, 1290), (160, 880)], rng.uniform(10, 220), solid=True)
    sheet.shape(
        [
            (-plate.wide_mm * 0.55, 380),
            (-plate.wide_mm * 0.55, 660),
            (plate.wide_mm * 0.55, 660),
            (plate.wide_mm * 0.55, 380),
        ],
        rng.uniform(10, 120),
        solid=True,
    )
    sheet.round(0, 760, 110, 50, rng.uniform(40, 250))
    corners = _mount(rng, sheet, plate, 520, 0) if plated else None
    return Vehicle(sheet.picture, sheet.alpha, corners, np.zeros((0, 2), np.float32))


def _light(rng: Rng, bank: Bank, sheet: _Sheet) -> None:
    """Draw reflections and uneven light over the whole sheet."""
    h, w = sheet.picture.shape
    field = bank.texture(rng, h, w, float(rng.uniform(6, 30))) * rng.uniform(0.02, 0.22) + 1
    field *= np.linspace(rng.uniform(0.9, 1.3), rng.uniform(0.5, 1.05), h, dtype=np.float32)[:, None]
    if bank.pictures and rng.random() < 0.65:  # reflections in paint and glass
        mirrored = real(rng, bank, h, w).astype(np.float32)
        field = field + (mirrored - mirrored.mean()) * (rng.uniform(0.0005, 0.004))
    lifted = rng.uniform(0, 25) if rng.random() < 0.5 else 0.0
    sheet.picture[:] = np.clip(sheet.picture * field + lifted, 0, 255)


def _camouflage(rng: Rng, sheet: _Sheet, plate: plates.Plate, at: float) -> None:
    """Draw a bumper around the plate that is as bright as its ground, with holes, vents and screws."""
    ground, letter = (float(v) for v in np.percentile(plate.picture, (60, 5)))
    wide, high = plate.wide_mm, plate.wide_mm * plate.picture.shape[0] / plate.picture.shape[1]
    if rng.random() < 0.6:
        luma = float(np.clip(ground + rng.normal(0, 14), 0, 255))
        w, h = wide * rng.uniform(0.6, 1.6), high * rng.uniform(0.6, 1.6)
        sheet.shape([(-w, at - h), (-w, at + h), (w, at + h), (w, at - h)], luma)
    if rng.random() < 0.5:
        gap, w, h = rng.uniform(0, 40), rng.uniform(30, 300), high * rng.uniform(0.15, 0.6)
        luma = float(rng.choice([rng.uniform(0, 50), letter]))
        x = wide / 2 + gap
        sheet.shape([(x, at - h), (x, at + h), (x + w, at + h), (x + w, at - h)], luma, mirror=True)
    if rng.random() < 0.3:
        sheet.round(wide / 2 + rng.uniform(20, 120), at + rng.uniform(-0.5, 0.5) * high, 14, 14, letter, mirror=True)


def _code(rng: Rng, sheet: _Sheet, half: float, at: float) -> None:
    """Draw a square of black and white cells: a code for a reader, a sticker, a chequered pattern."""
    side = rng.uniform(60, 280)
    x, y = rng.uniform(-0.6, 0.6) * half, at + rng.choice([-1, 1], p=[0.25, 0.75]) * rng.uniform(0.7, 2.2) * side
    left, top, wide, tall = sheet.pixels(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    if min(wide, tall) < 6:
        return
    cells = int(rng.integers(4, 26))
    dark, light = float(rng.uniform(0, 60)), float(rng.uniform(170, 255))
    code = np.where(rng.random((cells, cells)) < 0.5, dark, light).astype(np.uint8)
    for luma in ((dark, light), (light,), ())[rng.integers(0, 3)]:
        code = cv2.copyMakeBorder(code, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=luma)
    code = cv2.resize(code, (wide, tall), interpolation=cv2.INTER_NEAREST)
    part = sheet.picture[max(0, top) : max(0, top + tall), max(0, left) : max(0, left + wide)]
    part[:] = code[max(0, -top) :, max(0, -left) :][: part.shape[0], : part.shape[1]]


def _mount(rng: Rng, sheet: _Sheet, plate: plates.Plate, at: float, half: float, *, hard: int = 0) -> Picture:
    """Put the plate with its frame at a height in millimetres; return its corners."""
    wide, high = plate.wide_mm, plate.wide_mm * plate.picture.shape[0] / plate.picture.shape[1]
    x = float(rng.uniform(-0.35, 0.35)) * half if rng.random() < 0.2 else float(rng.normal(0, 20))
    frame = float(rng.uniform(5, 90) if rng.random() < 0.8 else rng.uniform(120, 240))
    only_letters = hard > 2 and rng.random() < 0.4
    around = rng.uniform(4, 28) if rng.random() < (0.25 if hard else 0.7) and not only_letters else 0.0
    below = rng.uniform(20, 40) if around and rng.random() < 0.25 else around
    if around:
        sheet.box(x - wide / 2 - around, at - high / 2 - below, x + wide / 2 + around, at + high / 2 + around, frame)
    if below > around:
        sheet.text(rng, words(rng), x, at - high / 2 - below * 0.5, below * 0.6, 255 - frame)
    elif rng.random() < 0.4 and not only_letters:  # its shadow on the bumper
        sheet.box(x - wide / 2, at - high / 2 - 25, x + wide / 2, at - high / 2, rng.uniform(5, 60))
    left, top = np.round(sheet.at([(x - wide / 2, at + high / 2)])[0]).astype(int)
    size = max(4, round(wide * sheet.scale)), max(2, round(high * sheet.scale))
    picture = cv2.resize(plate.picture, size, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.3:  # the shadow of the bumper's edge over its upper part
        part = max(1, round(picture.shape[0] * rng.uniform(0.1, 0.7)))
        picture[:part] = picture[:part] * rng.uniform(0.3, 0.8)
    h, w = sheet.picture.shape
    left, top = int(np.clip(left, 0, max(0, w - size[0]))), int(np.clip(top, 0, max(0, h - size[1])))
    room = sheet.picture[top : top + size[1], left : left + size[0]]
    picture = picture[: room.shape[0], : room.shape[1]]
    if only_letters:  # the ground of the plate is as dark as the bumper: a blue plate on a dark car in the evening
        ground, share = float(np.percentile(picture, 60 if np.median(picture) > 128 else 40)), rng.uniform(0.25, 1)
        picture = np.clip(room + (picture.astype(np.float32) - ground) * share, 0, 255).astype(np.uint8)
    room[:] = picture
    if rng.random() < 0.08:  # a tow bar, a bent branch, a hand in front of it
        a = sheet.at([(x + rng.uniform(-0.5, 0.5) * wide, at - high)])[0]
        b = a + rng.uniform(-0.4, 0.4, 2) * size[0] - (0, size[1])
        cv2.line(
            sheet.picture,
            tuple(int(v) for v in a),
            tuple(int(v) for v in b),
            float(rng.uniform(0, 255)),
            max(1, size[1] // 8),
            cv2.LINE_AA,
        )
    x0, y0, x1, y1 = left - 0.5, top - 0.5, left + size[0] - 0.5, top + size[1] - 0.5
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def _trifle(rng: Rng, bank: Bank, sheet: _Sheet, half: float, high: float) -> None:
    """Draw an object as large as a plate that is none: a vent, the inside of a lamp, a badge, a sticker, an edge."""
    x, y = rng.uniform(-0.95, 0.85) * half, rng.uniform(0.08, 0.75) * high
    w, h = rng.uniform(60, 520), rng.uniform(20, 170)
    left, top, wide, tall = sheet.pixels(x, y, x + w, y + h)
    part = sheet.picture[max(0, top) : max(0, top + tall), max(0, left) : max(0, left + wide)]
    if min(part.shape) < 3:
        return
    kind = rng.integers(0, 6)
    if kind == 0:
        bars(rng, sheet.picture, (left, top, wide, tall))
    elif kind == 1 and bank.pictures:
        part[:] = real(rng, bank, *part.shape)
    elif kind == 2:  # reflectors and bulbs
        part[:] = part * 0.5 + rng.uniform(0, 120)
        for _ in range(int(rng.integers(2, 9))):
            at = int(rng.integers(0, part.shape[1])), int(rng.integers(0, part.shape[0]))
            size = max(1, int(tall * rng.uniform(0.05, 0.4))), max(1, int(tall * rng.uniform(0.05, 0.4)))
            cv2.ellipse(part, at, size, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0, 255)), -1, cv2.LINE_AA)
    elif kind == 3:  # rings and badges
        luma, n = float(rng.uniform(0, 255)), int(rng.integers(1, 5))
        for i in range(n):
            at = int((i + 0.7) * part.shape[1] / (n + 0.4)), part.shape[0] // 2
            cv2.circle(part, at, max(2, int(min(tall, wide / n) * 0.45)), luma, max(1, tall // 14), cv2.LINE_AA)
    elif kind == 4:  # strokes that are no letters
        if rng.random() < 0.5:
            part[:] = rng.uniform(0, 255)
        luma = float(rng.uniform(0, 255))
        for at in np.arange(0, part.shape[1], max(3.0, tall * rng.uniform(0.2, 0.8))):
            ends = rng.uniform(0, 1, (2, 2)) * (tall * 0.5, part.shape[0]) + (at, 0)
            thick = max(1, int(tall * rng.uniform(0.03, 0.12)))
            cv2.line(part, tuple(ends[0].astype(int)), tuple(ends[1].astype(int)), luma, thick, cv2.LINE_AA)
    else:  # a blank board, a bright edge
        part[:] = rng.uniform(0, 255)


def _empty_place(rng: Rng, sheet: _Sheet, at: float) -> None:
    """Draw the place of a plate without one: empty, with a blank board, or with a word."""
    kind = rng.integers(0, 3)
    if kind:
        sheet.box(-230, at - 70, 230, at + 70, rng.uniform(5, 250))
    if kind == 2:
        sheet.text(rng, words(rng, digits=False), 0, at, 60, rng.uniform(0, 255))
