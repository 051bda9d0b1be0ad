"""Removes the weights of an ONNX file that only cost time.

x86 multiplies numbers nearer to zero than 1.2e-38 (subnormal, IEEE 754) a hundred times slower than others. 256 000 of
the weights of PP-OCRv6's text detector are such numbers, and with them a search took 3.4 times as long. onnxruntime can
treat them as zero by itself, but only in the thread that opens the first network.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_GRAPH, _INITIALIZER, _DATA_TYPE, _RAW_DATA = 7, 5, 2, 9
"""Field numbers of ModelProto, GraphProto and TensorProto (two of them) in ONNX's onnx.proto."""
_FLOAT = 1
"""float32 in TensorProto's DataType."""
_EXPONENT, _MANTISSA = 0x7F800000, 0x007FFFFF
"""The bits of a float32."""
_FEW = 1000
"""With fewer subnormal weights a copy of the file in memory is not worth it."""
_NUMBER, _EIGHT_BYTES, _COUNTED_BYTES = 0, 1, 2
"""Wire types, see "Encoding" in the documentation of Protocol Buffers; every other one has four bytes."""


def without_subnormals(model: bytes) -> bytes:
    """Return the ONNX model with zeros for its subnormal float32 weights; the same object if it has few of them."""
    changed, found = bytearray(model), 0
    for weights in _float_weights(model):
        bits = np.frombuffer(changed, "<u4", (weights.end - weights.start) // 4, weights.start)
        subnormal = ((bits & _EXPONENT) == 0) & ((bits & _MANTISSA) != 0)
        bits[subnormal] = 0
        found += int(np.count_nonzero(subnormal))
    return bytes(changed) if found > _FEW else model


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a message. start, end: its bytes in the file. value: if it is a number."""

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
    """Return the fields with this key in the message at this place."""
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
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = model[start]
        value, shift, start = value | (byte & 0x7F) << shift, shift + 7, start + 1
        if byte < 0x80:
            return value, start
