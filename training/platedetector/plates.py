"""Number plates of many countries, drawn from the front in luma."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import cv2
import numpy as np

from platedetector import letters

Picture = np.ndarray
Rng = np.random.Generator
T = TypeVar("T")

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "0123456789"
_KANA = "さすせそたちつてとなにぬねの"
_HANGUL = "가나다라마거너더러머고노도로모"
_PLACES = ("CALIFORNIA", "TEXAS", "New York", "FLORIDA", "Ohio", "NSW", "VICTORIA", "BRASIL", "Ontario", "MERCOSUL")
_MOTTOES = ("dmv.ca.gov", "SUNSHINE STATE", "EMPIRE STATE", "THE PREMIER STATE", "BR", "Friendly", "FEB 26", "GARAGE")


class Plate(NamedTuple):
    picture: Picture
    """Luma, uint8, only inside the outline of the plate."""
    wide_mm: float


class _Paint(NamedTuple):
    ground: float
    ink: float


def _pick(rng: Rng, chars: str, count: int) -> str:
    return "".join(chars[i] for i in rng.integers(0, len(chars), count))


def _fill(rng: Rng, pattern: str) -> str:
    """Return a text for a pattern: L a letter, D a digit, A either, H a province, K kana, G hangul, else itself."""
    sets = {"L": _LETTERS, "D": _DIGITS, "A": _LETTERS + _DIGITS, "H": _PROVINCES, "K": _KANA, "G": _HANGUL}
    return "".join(_pick(rng, sets[c], 1) if c in sets else c for c in pattern)


def _choose(rng: Rng, options: tuple[T, ...]) -> T:
    return options[rng.integers(len(options))]


def _paint(rng: Rng, *kinds: str) -> _Paint:
    """Return the luma of the ground and of the letters of one of these kinds, as a camera may see them."""
    if rng.random() < 0.12:
        ground, contrast = rng.uniform(30, 230), rng.uniform(45, 170) * rng.choice([-1, 1])
        return _Paint(ground, float(np.clip(ground + contrast, 8, 250)))
    ground, ink = {
        "white": ((190, 250), (10, 60)),
        "yellow": ((140, 215), (10, 55)),
        "green": ((130, 215), (10, 60)),
        "dark green": ((55, 110), (200, 245)),
        "blue": ((40, 105), (180, 250)),
        "black": ((8, 45), (170, 250)),
        "red": ((50, 95), (190, 245)),
    }[_choose(rng, kinds)]
    return _Paint(rng.uniform(*ground), rng.uniform(*ink))


def _ground(rng: Rng, wide: float, high: float, paint: _Paint, scale: float, *, border: bool) -> Picture:
    picture = np.full((round(high * scale), round(wide * scale)), paint.ground, np.uint8)
    if border:
        inset = max(1, round(rng.uniform(0.012, 0.035) * high * scale))
        thick = max(1, round(rng.uniform(0.012, 0.028) * high * scale))
        h, w = picture.shape
        luma = paint.ink if rng.random() < 0.85 else 255 - paint.ground
        cv2.rectangle(picture, (inset, inset), (w - 1 - inset, h - 1 - inset), luma, thick, cv2.LINE_AA)
    return picture


class _Hand:
    """Writes characters of one font and one weight into cells."""

    def __init__(self, rng: Rng) -> None:
        self._latin, self._han = _choose(rng, letters.PLATE_FONTS), _choose(rng, letters.HAN_FONTS)
        self._bold = int(rng.choice([0, 0, 3, 5, 7]))

    def write(self, picture: Picture, char: str, x: float, y: float, w: float, h: float, luma: float) -> None:
        if char == " ":
            return
        if char in ".·•:":
            cv2.circle(picture, (round(x + w / 2), round(y + h * 0.6)), max(1, round(h * 0.06)), luma, -1, cv2.LINE_AA)
            return
        if char == "-":
            cv2.rectangle(
                picture, (round(x + w * 0.2), round(y + h * 0.46)), (round(x + w * 0.8), round(y + h * 0.54)), luma, -1
            )
            return
        latin = char.isascii()
        mask = letters.glyph(self._latin if latin else self._han, char)
        if self._bold:
            size = (self._bold, self._bold) if latin else (3, 3)
            mask = cv2.dilate(cv2.copyMakeBorder(mask, 4, 4, 4, 4, cv2.BORDER_CONSTANT), np.ones(size, np.uint8))
        letters.cell(picture, mask, x, y, w, h, luma, narrow=char in "1IJ")

    def row(self, picture: Picture, text: str, box: tuple[float, float, float, float], luma: float) -> None:
        """Write a text spread over a box; dots and dashes get half, blanks a third of the width of a character."""
        x, y, w, h = box
        shares = [0.45 if c in ".·•:-" else 0.35 if c == " " else 1.12 if not c.isascii() else 1.0 for c in text]
        pitch = min(w / sum(shares), h * 0.95)
        x += (w - pitch * sum(shares)) / 2
        for char, share in zip(text, shares, strict=True):
            self.write(picture, char, x + pitch * share * 0.06, y, pitch * share * 0.86, h, luma)
            x += pitch * share


def _chinese(rng: Rng, scale: float) -> Plate:
    """Return a plate after GA 36: blue, yellow, black or white (police), in one row, 440 x 140 mm."""
    paint = _paint(rng, "blue", "blue", "blue", "yellow", "black", "white")
    picture = _ground(rng, 440, 140, paint, scale, border=rng.random() < 0.85)
    hand = _Hand(rng)
    text = _fill(rng, str(rng.choice(["HLAAAAA", "HLDDDDD", "HLLDDDD", "HLADDDD", "HLDDDDL", "HLDDDL学", "HLDDDD警"])))
    text = text[:7]
    x = 15.5
    for n, char in enumerate(text):
        hand.write(picture, char, x * scale, 25 * scale, 45 * scale, 90 * scale, paint.ink)
        x += 45 + 12
        if n == 1:
            hand.write(picture, "·", (x - 8) * scale, 25 * scale, 22 * scale, 90 * scale, paint.ink)
            x += 22
    return Plate(picture, 440)


def _new_energy(rng: Rng, scale: float) -> Plate:
    paint = _paint(rng, "green")
    picture = _ground(rng, 480, 140, paint, scale, border=rng.random() < 0.6)
    ramp = np.linspace(rng.uniform(1.0, 1.25), rng.uniform(0.7, 1.0), picture.shape[0])[:, None]
    picture[:] = np.clip(picture * ramp, 0, 255)
    hand, x = _Hand(rng), 15.5
    for n, char in enumerate(_fill(rng, str(rng.choice(["HLDDDDDD", "HLLDDDDD", "HLLADDDD", "HLDDDDDL"])))):
        hand.write(picture, char, x * scale, 25 * scale, (45 if n == 0 else 43) * scale, 90 * scale, paint.ink)
        x += 52 + (8 if n == 1 else 0)
    return Plate(picture, 480)


def _chinese_two_rows(rng: Rng, scale: float) -> Plate:
    paint = _paint(rng, "yellow", "yellow", "blue")
    picture = _ground(rng, 440, 220, paint, scale, border=rng.random() < 0.9)
    hand, text = _Hand(rng), _fill(rng, "HLAAAAA" if rng.random() < 0.7 else "HLDDDD挂")
    for n, char in enumerate(text[:2]):
        hand.write(picture, char, (110 + 140 * n) * scale, 15 * scale, 80 * scale, 60 * scale, paint.ink)
    hand.write(picture, "·", 205 * scale, 15 * scale, 30 * scale, 50 * scale, paint.ink)
    for n, char in enumerate(text[2:]):
        hand.write(picture, char, (27.5 + n * 80) * scale, 90 * scale, 65 * scale, 110 * scale, paint.ink)
    return Plate(picture, 440)


_EUROPE = (
    "LL DDD LL",
    "LLDD LLL",
    "LL LL DDDD",
    "L LL DDDD",
    "DDDD LLL",
    "LL DDDDD",
    "LL-DDD-L",
    "LLL DDDD",
    "DLLL DDD",
)
_BARE = (
    "LL DDDD", "LLDDDD", "LLL DDDD", "DDLL-DDDDD", "L-DD-DD", "LL-DD-DD", "SLLDDDDL", "WLL DDDD", "DDL-DDDDD",
    "LLL-DDDD", "DDDD-LL", "LLLDLDD", "DLLLDDD", "LLLDDDD", "DDDLLL", "LL DD LL DDDD", "LDDDDD", "DDGDDDD", "DDDGDDDD",
)  # fmt: skip


def _european(rng: Rng, scale: float) -> Plate:
    paint = _paint(rng, "white", "white", "white", "yellow", "yellow")
    wide, high = 520, 110
    picture = _ground(rng, wide, high, paint, scale, border=rng.random() < 0.5)
    hand, left = _Hand(rng), 8.0
    if rng.random() < 0.8:
        band, blue = rng.uniform(36, 50), rng.uniform(40, 90)
        cv2.rectangle(picture, (0, 0), (round(band * scale), picture.shape[0]), blue, -1)
        hand.write(picture, _pick(rng, "DFIEPLNB", 1), 12 * scale, 70 * scale, 22 * scale, 28 * scale, 235)
        cv2.circle(
            picture, (round(band / 2 * scale), round(36 * scale)), round(13 * scale), 220, max(1, round(2 * scale))
        )
        left = band + 4
        if rng.random() < 0.3:
            cv2.rectangle(picture, (round((wide - 42) * scale), 0), (round(wide * scale), picture.shape[0]), blue, -1)
            wide -= 44
    height = rng.uniform(72, 86)
    box = (left * scale, (high - height) / 2 * scale, (wide - left - 8) * scale, height * scale)
    hand.row(picture, _fill(rng, _choose(rng, _EUROPE)), box, paint.ink)
    return Plate(picture, 520)


def _one_row(rng: Rng, scale: float) -> Plate:
    """Return a plate as in Hong Kong, Macao, Taiwan, Vietnam, Malaysia, Singapore, Brazil, Australia, Korea …"""
    wide = rng.uniform(300, 520)
    high = wide / rng.uniform(2.4, 4.9)
    paint = _paint(rng, "white", "white", "yellow", "black", "black", "red", "dark green", "blue")
    picture = _ground(rng, wide, high, paint, scale, border=rng.random() < 0.5)
    margin, top, bottom = rng.uniform(0.02, 0.08) * wide, rng.uniform(0.1, 0.2) * high, rng.uniform(0.1, 0.2) * high
    hand = _Hand(rng)
    if rng.random() < 0.3 and wide / high < 3.6:
        top = rng.uniform(0.24, 0.32) * high
        if rng.random() < 0.4:
            cv2.rectangle(
                picture, (0, 0), (picture.shape[1], round(top * 0.85 * scale)), float(rng.uniform(40, 110)), -1
            )
            _small(rng, picture, _choose(rng, _PLACES), 0.12 * high * scale, top * 0.7 * scale, 235)
        else:
            _small(rng, picture, _choose(rng, _PLACES), 0.1 * high * scale, top * 0.65 * scale, paint.ink)
        if rng.random() < 0.5:
            bottom = rng.uniform(0.2, 0.26) * high
            _small(
                rng, picture, _choose(rng, _MOTTOES), (high - bottom * 0.75) * scale, bottom * 0.55 * scale, paint.ink
            )
    box = (margin * scale, top * scale, (wide - 2 * margin) * scale, (high - top - bottom) * scale)
    hand.row(picture, _fill(rng, _choose(rng, _BARE)), box, paint.ink)
    return Plate(picture, wide)


def _two_rows(rng: Rng, scale: float) -> Plate:
    wide = rng.uniform(180, 340)
    high = wide / rng.uniform(1.15, 2.1)
    paint = _paint(rng, "white", "white", "yellow", "black", "red", "dark green", "blue")
    picture = _ground(rng, wide, high, paint, scale, border=rng.random() < 0.6)
    hand = _Hand(rng)
    upper, lower = _choose(
        rng,
        (("LLD", "DDDD"), ("DDLD", "DDD.DD"), ("DDLD", "DDDD"), ("LLL", "DDDD"), ("LL", "DDDD"), ("K DDD", "KDD-DD"),
         ("LL DD", "LLL"), ("DDG", "DDDD"), ("HL", "AAAAA"), ("DD-LD", "DDDDD"), ("LLDD", "LLDDDD")),
    )  # fmt: skip
    share = rng.uniform(0.3, 0.5)
    m = 0.06 * high
    box = (0.12 * wide * scale, m * scale, 0.76 * wide * scale, (share * high - m) * scale)
    hand.row(picture, _fill(rng, upper), box, paint.ink)
    top = share * high + m * 0.8
    box = (0.04 * wide * scale, top * scale, 0.92 * wide * scale, (high - top - m) * scale)
    hand.row(picture, _fill(rng, lower), box, paint.ink)
    return Plate(picture, wide)


def _small(rng: Rng, picture: Picture, text: str, y: float, size: float, luma: float) -> None:
    mask = letters.line(_choose(rng, letters.TEXT_FONTS), text, max(6, round(size)))
    letters.ink(picture, mask, (picture.shape[1] - mask.shape[1]) / 2, y, luma)


_KINDS: tuple[tuple[float, Callable[[Rng, float], Plate]], ...] = (
    (0.38, _chinese),
    (0.08, _new_energy),
    (0.09, _chinese_two_rows),
    (0.16, _european),
    (0.19, _one_row),
    (0.10, _two_rows),
)


def draw(rng: Rng, pixels: float) -> Plate:
    """Return a plate of any kind, about `pixels` wide, with screws, wear and dirt, but without its frame."""
    kind = _KINDS[int(rng.choice(len(_KINDS), p=[share for share, _ in _KINDS]))][1]
    plate = kind(rng, max(pixels, 90) / 440 * 1.3)
    picture = plate.picture
    h, w = picture.shape
    if rng.random() < 0.5:
        for x in (0.2, 0.8) if rng.random() < 0.7 else (0.12, 0.5, 0.88):
            for y in (0.08, 0.92) if rng.random() < 0.6 else (0.08,):
                luma = float(rng.uniform(40, 230))
                cv2.circle(picture, (round(x * w), round(y * h)), max(1, round(h * 0.04)), luma, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        wear(rng, picture)
    return plate


def wear(rng: Rng, picture: Picture) -> None:
    """Draw dirt, scratches and uneven light on a flat object."""
    h, w = picture.shape
    noise = rng.random((int(rng.integers(2, 7)), int(rng.integers(3, 12))), np.float32)
    field = cv2.resize(noise, (w, h), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.6:  # dirt covers letters and ground alike
        share = np.clip((field - rng.uniform(0.3, 0.8)) * rng.uniform(0.5, 3), 0, rng.uniform(0.2, 0.75))
        picture[:] = picture + (rng.uniform(40, 170) - picture.astype(np.float32)) * share
    else:
        picture[:] = np.clip(picture * (1 + (field - 0.5) * rng.uniform(0.1, 0.7)), 0, 255)
    for _ in range(int(rng.integers(0, 3))):
        ends = [(int(rng.integers(0, w)), int(rng.integers(0, h))) for _ in range(2)]
        cv2.line(picture, ends[0], ends[1], float(rng.uniform(20, 230)), 1, cv2.LINE_AA)
