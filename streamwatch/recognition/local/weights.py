"""The weights of an ONNX file without those that only cost time.

A number nearer to zero than 1.2e-38 (subnormal, IEEE 754) takes x86 a hundred times as long to multiply as others. Of
the weights of PP-OCRv6's text detector 256 000 are such, and a search took 3.4 times as long as it does without them.
onnxruntime can take them for zero by itself, but only in the thread that opens the first network.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_GRAPH, _INITIALIZER, _DATA_TYPE, _RAW_DATA = 7, 5, 2, 9
"""Fields of ModelProto, GraphProto and TensorProto (two) in ONNX's onnx.proto."""
_FLOAT = 1
"""Of TensorProto's DataType: float32."""
_EXPONENT, _MANTISSA = 0x7F800000, 0x007FFFFF
"""Bits of a float32."""
_FEW = 1000
"""So many of them are not worth a copy of the file in memory."""
_NUMBER, _EIGHT_BYTES, _COUNTED_BYTES = 0, 1, 2
"""How a field is stored, see "Encoding" in the documentation of Protocol Buffers; what is left has four bytes."""


def without_subnormals(model: bytes) -> bytes:
    """The same ONNX model with zeros for its subnormal float32 weights; itself where there are few of them."""
    changed, found = bytearray(model), 0
    for weights in _float_weights(model):
        bits = np.frombuffer(changed, "<u4", (weights.end - weights.start) // 4, weights.start)
        subnormal = ((bits & _EXPONENT) == 0) & ((bits & _MANTISSA) != 0)
        bits[subnormal] = 0
        found += int(np.count_nonzero(subnormal))
    return bytes(changed) if found > _FEW else model


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a message. start, end: its bytes in the file. value: where it is a number."""

    key: int
    start: int
    end: int
    value: int = 0


def _float_weights(model: bytes) -> Iterator[_Field]:
    for graph in _fields(model, 0, len(model), _GRAPH):
        for tensor in _fields(model, graph.start, graph.end, _INITIALIZER):
            types = _fields(model, tensor.start, tensor.end, _DATA_TYPE)
            if any(field.value == _FLOAT for field in types):
                yield from _fields(model, tensor.start, tensor.end, _RAW_DATA)


def _fields(model: bytes, start: int, end: int, key: int) -> Iterator[_Field]:
    """Those with this key of the message that lies there."""
    while start < end:
        tag, start = _number(model, start)
        field = _field(model, start, tag)
        if field.key == key:
            yield field
        start = field.end


def _field(model: bytes, start: int, tag: int) -> _Field:
    key, stored = tag >> 3, tag & 7
    if stored == _NUMBER:
        value, end = _number(model, start)
        return _Field(key, start, end, value)
    if stored == _COUNTED_BYTES:
        length, start = _number(model, start)
        return _Field(key, start, start + length)
    return _Field(key, start, start + (8 if stored == _EIGHT_BYTES else 4))


def _number(model: bytes, start: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = model[start]
        value, shift, start = value | (byte & 0x7F) << shift, shift + 7, start + 1
        if byte < 0x80:
            return value, start
