"""The same picture again: smaller, or as baseline JPEG."""

import cv2
import numpy as np
import pytest

from streamwatch.recognition.ocrcars.shrink import baseline, smaller


def encoded(width: int, height: int, quality: int = 90) -> bytes:
    coarse = np.random.default_rng(3).integers(0, 255, (max(1, height // 6), max(1, width // 6), 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def size_of(jpeg: bytes) -> tuple[int, int]:
    height, width = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


def turned(jpeg: bytes) -> bytes:
    """Return the JPEG with an EXIF tag that says "turn by 90 degrees"."""
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


@pytest.mark.parametrize("quality", [100, 90, 60, 40])
def test_a_smaller_picture_has_half_the_bytes_and_says_its_scale(quality: int) -> None:
    jpeg = encoded(1281, 721, quality)
    copy = smaller(jpeg)
    assert copy is not None
    assert len(copy.jpeg) <= len(jpeg) // 2
    width, height = size_of(copy.jpeg)
    assert (width / 1281, height / 721) == copy.scale
    assert width > 1281 // 4


def test_a_picture_is_made_no_smaller_than_needed() -> None:
    copy = smaller(encoded(1280, 720, 100))
    assert copy is not None
    assert copy.scale[0] > 0.8


def test_a_side_beyond_the_service_limit_is_cut_down() -> None:
    copy = smaller(encoded(6000, 300))
    assert copy is not None
    assert max(size_of(copy.jpeg)) <= 4095


def test_an_orientation_tag_does_not_turn_the_pixels_and_is_not_kept() -> None:
    jpeg = turned(encoded(640, 320))
    assert size_of(jpeg) == (320, 640), "the tag is understood"
    for copy in (smaller(jpeg), baseline(jpeg)):
        assert copy is not None
        width, height = size_of(copy.jpeg)
        assert width == 2 * height
        assert b"Exif" not in copy.jpeg


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8 no picture", b"text", encoded(16, 16)])
def test_what_cannot_be_made_smaller(data: bytes) -> None:
    assert smaller(data) is None


def test_baseline_keeps_the_size() -> None:
    copy = baseline(encoded(640, 480))
    assert copy is not None
    assert (size_of(copy.jpeg), copy.scale) == ((640, 480), (1.0, 1.0))
    assert baseline(b"\xff\xd8 no picture") is None
