"""The plate detector finds plates of all kinds with their corners, and none in text and empty scenes."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import Person, Vehicle, draw_plate, frames
from draw_text import draw_text

from streamwatch.detection import WEIGHTS, Detection, PlateDetector

KINDS = [
    ("京A12345", "blue"),
    ("粤BDK4821", "green"),
    ("川A0638警", "white"),
    ("粤ZK38R港", "black"),
    ("皖S77721", "yellow"),
    ("冀F3B215", "two-line"),
]


@pytest.fixture(scope="module")
def detector() -> PlateDetector:
    return PlateDetector()


def scene(*actors: Vehicle | Person, at: float = 3.1) -> np.ndarray:
    return list(frames(actors, at, 10))[-1][1]


@pytest.mark.parametrize(("plate", "kind"), KINDS)
def test_a_vehicle_has_one_plate(detector: PlateDetector, plate: str, kind: str) -> None:
    [found] = detector.find(scene(Vehicle(plate, kind, enter=0)))
    assert (
        2 < (found.corners[1][0] - found.corners[0][0]) / (found.corners[3][1] - found.corners[0][1]) < 5
        or kind == "two-line"
    )


@pytest.mark.parametrize("width", [40, 90, 180, 250, 400])
@pytest.mark.parametrize(("plate", "kind"), KINDS)
def test_says_where_its_corners_are(detector: PlateDetector, plate: str, kind: str, width: int) -> None:
    picture = np.full((384, 640, 3), 96, np.uint8)
    drawn = draw_plate(plate, kind, width)
    high = drawn.shape[0]
    picture[150 - 6 : 150 + high + 6, 200 - 6 : 200 + width + 6] = 30
    picture[150 : 150 + high, 200 : 200 + width] = drawn
    [found] = detector.find(cv2.GaussianBlur(picture, (3, 3), 0))
    expected = [(200, 150), (200 + width, 150), (200 + width, 150 + high), (200, 150 + high)]
    assert np.abs(np.array(found.corners) - expected).max() < max(4, 0.08 * width)
    assert found.box.width == pytest.approx(width, abs=max(6, 0.1 * width))


def test_luma_and_colour_are_alike(detector: PlateDetector) -> None:
    picture = scene(Vehicle("京A12345", enter=0))
    assert detector.find(picture) == detector.find(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def test_corners_are_in_pixels_of_the_picture_as_given(detector: PlateDetector) -> None:
    picture = scene(Vehicle("京A12345", enter=0))
    [small] = detector.find(picture)
    [large] = detector.find(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    assert np.abs(np.array(large.corners) / 2 - np.array(small.corners)).max() < 4


def test_a_far_plate_is_found_where_a_wide_picture_is_reduced_less(detector: PlateDetector) -> None:
    picture = np.full((1080, 1920, 3), 96, np.uint8)
    picture[590:623, 990:1050] = 30
    picture[600:613, 1000:1040] = cv2.resize(
        draw_plate("京A12345", "blue", 440), (40, 13), interpolation=cv2.INTER_AREA
    )
    assert detector.find(picture) == []
    [found] = detector.find(picture, longest=1280)
    assert np.abs(np.array(found.corners) - [(1000, 600), (1040, 600), (1040, 613), (1000, 613)]).max() < 6


def test_an_empty_gate_and_a_person_hold_no_plate(detector: PlateDetector) -> None:
    assert detector.find(scene()) == []
    assert detector.find(scene(Person(enter=0))) == []


def test_text_is_seldom_taken_for_a_plate(detector: PlateDetector) -> None:
    """Of 500 such pictures 12 have a detection; with a least score of 0.55 it is six."""
    boxed = [seed for seed in range(100) if detector.find(draw_text(np.random.default_rng(seed)))]
    assert len(boxed) <= 4, boxed


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (10, 300, 3), (33, 640), (1080, 1920), (1920, 300, 3)])
def test_any_size_will_do(detector: PlateDetector, shape: tuple[int, ...]) -> None:
    assert detector.find(np.zeros(shape, np.uint8)) == []


def test_the_box_surrounds_the_corners() -> None:
    found = Detection(((10.2, 5.0), (50.4, 8.0), (50.0, 22.6), (9.6, 19.0)), 0.9)
    box = found.box
    assert (box.x, box.y, box.width, box.height) == (10, 5, 40, 18)


def test_the_network_is_small_and_plain() -> None:
    """Old versions of onnxruntime and OpenCV can read the file: few kinds of layers, at most half a million numbers."""
    assert WEIGHTS.stat().st_size <= 2_000_000
    opset, layers, numbers = _onnx(WEIGHTS)
    assert opset <= 11
    assert layers <= {"Conv", "Relu", "Add", "Concat", "Resize", "Constant", "Identity"}
    assert 0 < numbers <= 500_000


def test_onnxruntime_says_the_same() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    picture = np.random.default_rng(3).random((1, 1, 96, 160), np.float32)
    network = cv2.dnn.readNetFromONNX(str(WEIGHTS))
    network.setInput(picture)
    session = onnxruntime.InferenceSession(str(WEIGHTS), providers=["CPUExecutionProvider"])
    assert np.abs(session.run(None, {"picture": picture})[0] - network.forward()).max() < 1e-3


def _onnx(path: Path) -> tuple[int, set[str], int]:
    """Return opset, kinds of layers and numbers of an ONNX file; the field numbers are those of onnx.proto."""
    model = list(_fields(path.read_bytes()))
    [graph] = [list(_fields(value)) for field, value in model if field == 7]
    [opset] = [dict(_fields(value))[2] for field, value in model if field == 8]
    layers = {bytes(dict(_fields(value))[4]).decode() for field, value in graph if field == 1}
    sizes = [len(bytes(dict(_fields(value)).get(9, b""))) // 4 for field, value in graph if field == 5]
    return opset, layers, sum(sizes)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Return the fields of a protocol buffer message: numbers, and raw bytes."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = number()
        size = {0: 0, 1: 8, 5: 4}.get(key & 7)
        if size == 0:
            yield key >> 3, number()
            continue
        size = number() if size is None else size
        yield key >> 3, message[at : at + size]
        at += size
