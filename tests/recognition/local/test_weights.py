"""Weights that only cost time: which are set to zero, and that nothing else of the file changes."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from drawing import draw_plate

from streamwatch.core.errors import EngineMissing
from streamwatch.recognition.local import networks
from streamwatch.recognition.local.weights import without_subnormals

SMALLEST = float(np.finfo(np.float32).smallest_normal)
FLOAT, INT64 = 1, 7


def counted(key: int, content: bytes) -> bytes:
    """Return a field of Protocol Buffers with its length before it."""
    length, size = [], len(content)
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([key << 3 | 2, *length, size]) + content


def tensor(kind: int, raw: bytes) -> bytes:
    return counted(5, bytes([1 << 3, 3, 2 << 3, kind]) + counted(8, b"weights") + counted(9, raw))


def model(*tensors: bytes) -> bytes:
    """Return a model as ONNX stores it: the version, the graph with its name and weights, and two further fields."""
    graph = counted(2, b"drawn") + b"".join(tensors)
    return b"\x08\x09" + b"\x51" + b"\xff" * 8 + counted(7, graph) + b"\x5d" + b"\xff" * 4


def test_subnormal_weights_become_zero_and_all_others_stay() -> None:
    weights = np.array([1.5, SMALLEST, -SMALLEST / 2, SMALLEST / 1e6, 0.0, -2.0] * 600, "<f4")
    expected = np.array([1.5, SMALLEST, 0.0, 0.0, 0.0, -2.0] * 600, "<f4")
    indices = np.arange(1000, dtype="<i8").tobytes()
    before = model(tensor(INT64, indices), tensor(FLOAT, weights.tobytes()))
    assert without_subnormals(before) == model(tensor(INT64, indices), tensor(FLOAT, expected.tobytes()))


def test_few_are_left_as_they_are() -> None:
    before = model(tensor(FLOAT, np.full(100, SMALLEST / 2, "<f4").tobytes()))
    assert without_subnormals(before) is before


def test_the_network_that_finds_text_has_none_left_and_says_the_same() -> None:
    file = networks._file("det")
    lighter = without_subnormals(file.read_bytes())
    assert without_subnormals(lighter) is lighter
    plate = cv2.copyMakeBorder(draw_plate("京A12345"), 60, 72, 50, 54, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    picture = cv2.resize(plate, (288, 160)).astype(np.float32)[None].transpose(0, 3, 1, 2) / 127.5 - 1
    plain = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    mine, theirs = (network.run(None, {"x": picture})[0] for network in (networks.open_network("det", 1), plain))
    assert theirs.max() > 0.9
    assert np.abs(mine - theirs).max() < 1e-6


@pytest.mark.parametrize("kept", [0, 1000, 2_000_000])
def test_a_network_that_was_cut_off_is_said_in_a_sentence(
    kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a_det_b.onnx"
    file.write_bytes(networks._file("det").read_bytes()[:kept])
    monkeypatch.setattr(networks, "_file", lambda part: file)
    with pytest.raises(EngineMissing, match=r"a_det_b\.onnx is damaged\. Run: pip install"):
        networks.open_network("det", 1)
