"""Pictures full of text without a plate: clocks, camera names, signs, lettering, grids of numbers."""

import cv2
import numpy as np

Picture = np.ndarray

_FONT = cv2.FontFace("uni")
_WORDS = (
    "OPEN",
    "EXIT",
    "超市欢迎您",
    "停车场入口",
    "TRANSPORT",
    "高清监控",
    "SALE 50%",
    "Tel 0551-6273 9481",
    "限速 30",
    "CAFE",
)


def draw_text(rng: np.random.Generator, size: tuple[int, int] = (640, 360)) -> Picture:
    """Return (height, width, 3) BGR: a ground with soft blotches, and text of up to four kinds on it."""
    width, height = size
    blotches = rng.uniform(40, 210) + rng.normal(0, 25, (6, 8, 3))
    picture = cv2.resize(np.clip(blotches, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
    for draw in rng.permutation(np.array([_clock, _sign, _lettering, _grid]))[: int(rng.integers(1, 5))]:
        draw(rng, picture)
    noisy = picture + rng.normal(0, rng.uniform(0, 8), (height, width, 1))
    jpeg = cv2.imencode(
        ".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
    )[1]
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


def _colours(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    dark, light = rng.integers(0, 90, 3), rng.integers(170, 256, 3)
    pair = (tuple(int(v) for v in dark), tuple(int(v) for v in light))
    return pair if rng.random() < 0.5 else pair[::-1]


def _clock(rng: np.random.Generator, picture: Picture) -> None:
    height, size = picture.shape[0], int(rng.integers(14, 34))
    month, day, hour, minute, second = (rng.integers(1, most) for most in (13, 29, 24, 60, 60))
    when = f"2026-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    for text, y in ((when, size + 6), (f"CAM {rng.integers(1, 40):02} 北门入口", height - 10)):
        cv2.putText(picture, text, (9, y + 1), (0, 0, 0), _FONT, size)
        cv2.putText(picture, text, (8, y), (255, 255, 255), _FONT, size)


def _sign(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    ground, ink = _colours(rng)
    w, h = int(rng.integers(120, 320)), int(rng.integers(60, 200))
    x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
    cv2.rectangle(picture, (x, y), (x + w, y + h), ground, -1)
    lines = int(rng.integers(2, 5))
    for n in range(lines):
        text = _WORDS[rng.integers(len(_WORDS))] + " " + _WORDS[rng.integers(len(_WORDS))]
        cv2.putText(
            picture[y : y + h, x : x + w], text, (6, int((n + 0.8) * h / lines)), ink, _FONT, int(h / lines * 0.6)
        )


def _lettering(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(-40, width - 100)), int(rng.integers(20, height))
        cv2.putText(picture, _WORDS[rng.integers(len(_WORDS))], at, _colours(rng)[0], _FONT, int(rng.integers(12, 90)))


def _grid(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape[:2]
    ground, ink = _colours(rng)
    pitch = int(rng.integers(24, 60))
    x0, y0 = int(rng.integers(0, width - 4 * pitch)), int(rng.integers(0, height - 3 * pitch))
    cv2.rectangle(picture, (x0, y0), (x0 + 4 * pitch, y0 + 3 * pitch), ground, -1)
    for n in range(12):
        at = x0 + n % 4 * pitch + 4, y0 + n // 4 * pitch + int(pitch * 0.7)
        cv2.putText(picture, str(rng.integers(0, 100)), at, ink, _FONT, int(pitch * 0.55))
