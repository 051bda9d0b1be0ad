"""Smaller copies and parts of pictures."""

import cv2
import numpy as np
import pytest

from streamwatch.core.model import JpegCorners, Picture
from streamwatch.imaging.jpeg import decode_picture, encode_picture
from streamwatch.imaging.previews import preview

PLATE = JpegCorners(((200.0, 300.0), (360.0, 300.0), (360.0, 340.0), (200.0, 340.0)))


def scene() -> bytes:
    """Return a grey JPEG of 640x480 with a striped plate."""
    picture = np.full((480, 640, 3), 90, np.uint8)
    picture[300:340, 200:360] = 255
    picture[300:340, 200:360:8] = 0
    jpeg = encode_picture(picture, 95)
    assert jpeg is not None
    return jpeg


def shown(jpeg: bytes | None) -> Picture:
    assert jpeg is not None
    picture = decode_picture(jpeg)
    assert picture is not None
    return picture


@pytest.mark.parametrize(("asked", "got"), [(320, (240, 320)), (None, (480, 640)), (2000, (480, 640))])
def test_a_copy_keeps_its_form_and_is_not_enlarged(asked: int | None, got: tuple[int, int]) -> None:
    assert shown(preview(scene(), asked)).shape[:2] == got


def test_a_plate_is_cut_out_with_a_margin_and_enlarged_within_reason() -> None:
    assert shown(preview(scene(), part=PLATE)).shape[:2] == (56, 176)
    large = shown(preview(scene(), 352, PLATE))
    assert large.shape[:2] == (112, 352)
    assert large[56, 60:300].std() > 40
    assert shown(preview(scene(), 5000, PLATE)).shape[1] == 3 * 176


def test_a_plate_that_nobody_may_read_is_blurred_and_nothing_else() -> None:
    hidden = shown(preview(scene(), hidden=[PLATE]))
    plain = shown(preview(scene()))
    edges = cv2.Sobel(hidden[305:335, 210:350, 0].astype(np.float32), -1, 1, 0)
    sharp = cv2.Sobel(plain[305:335, 210:350, 0].astype(np.float32), -1, 1, 0)
    assert np.abs(edges).mean() < np.abs(sharp).mean() / 5
    assert np.abs(hidden[:280].astype(int) - plain[:280]).max() < 8


@pytest.mark.parametrize(
    "corners", [((-90.0, -90.0), (-10.0, -90.0), (-10.0, -50.0), (-90.0, -50.0)), ((float("nan"), 0.0),) * 4]
)
def test_a_part_outside_of_the_picture_is_none(corners: object) -> None:
    assert preview(scene(), part=JpegCorners(corners)) is None  # type: ignore[arg-type]
    assert preview(scene(), hidden=[JpegCorners(corners)]) is not None  # type: ignore[arg-type]


def test_what_is_no_picture_is_none() -> None:
    assert preview(b"\xff\xd8 no picture \xff\xd9") is None
