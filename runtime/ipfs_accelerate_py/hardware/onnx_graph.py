"""The smallest ONNX model, written byte by byte: `y = x @ x`, so that probing needs no `onnx` package.

A protobuf message is a row of fields, each a key (`number << 3 | kind`) and a value: kind 0 is a varint, kind
2 a length and as many bytes. The field numbers are those of onnx.proto, where they are fixed for ever.
"""

from __future__ import annotations

SIDE = 2
IR_VERSION = 8
OPSET = 13
FLOAT = 1


def matmul_model() -> bytes:
    """Return an ONNX model with one node: `y = x @ x`, float32, shape (2, 2)."""
    node = _field(1, b"x") + _field(1, b"x") + _field(2, b"y") + _field(4, b"MatMul")
    graph = (
        _field(1, node) + _field(2, b"probe") + _field(11, _value_info(b"x")) + _field(12, _value_info(b"y"))
    )
    return _number(1, IR_VERSION) + _field(7, graph) + _field(8, _number(2, OPSET))


def _value_info(name: bytes) -> bytes:
    shape = 2 * _field(1, _number(1, SIDE))
    tensor = _number(1, FLOAT) + _field(2, shape)
    return _field(1, name) + _field(2, _field(1, tensor))


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    digits = []
    while value >= 128:
        digits.append(value % 128 + 128)
        value //= 128
    return bytes([*digits, value])
