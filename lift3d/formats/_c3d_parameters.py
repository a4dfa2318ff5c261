"""The parameters of a C3D file: named values in groups, as bytes.

A record is: length of its name (negative if locked), number of its group, name, distance to the next record. A group's
number is negative in its own record. A parameter goes on with its type (-1 text, 1 byte, 2 whole number, 4 real),
how many axes it has, their lengths, and its values, the first axis running fastest; both end in a description.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["MOST_BLOCKS", "Parameters", "packed", "parsed", "real_numbers"]

Value = list[str] | list[int] | list[float]
Parameters = dict[str, Value]

MOST_BLOCKS = 255  # of 512 bytes
_SIZES = {-1: 1, 1: 1, 2: 2, 4: 4}
_INTEL, _DEC, _MIPS = 84, 85, 86


def real_numbers(content: np.ndarray, processor: int) -> np.ndarray:
    """Bytes as float32, of the processor that wrote them: 84 Intel, 85 DEC, 86 MIPS."""
    if processor == _DEC:  # halves the other way round, and an exponent larger by two
        return (content.view("<u2").reshape(-1, 2)[:, ::-1].copy().view("<f4") / 4).reshape(-1)
    return content.view(">f4" if processor == _MIPS else "<f4").astype(np.float32)


def parsed(content: bytes, processor: int) -> Parameters:
    """Values by ``"GROUP:NAME"``, in capitals; texts without spaces at their end.

    Raises:
        ValueError: a record goes beyond the end.
    """
    order = ">" if processor == _MIPS else "<"
    groups: dict[int, str] = {}
    records: list[tuple[int, str, Value]] = []
    place = 0
    while place + 2 <= len(content) and content[place]:
        length, group = struct.unpack_from("<bb", content, place)
        begin = place + 2 + abs(length)
        if begin + 2 > len(content):
            raise ValueError("a parameter's name goes beyond the end")
        name = content[place + 2 : begin].decode("latin1").strip().upper()
        distance = struct.unpack_from(f"{order}H", content, begin)[0]
        if group < 0:
            groups[-group] = name
        else:
            records.append((group, name, _value(content, begin + 2, order, processor)))
        if not distance:
            break
        place = begin + distance
    return {f"{groups.get(group, group)}:{name}": value for group, name, value in records}


def _value(content: bytes, place: int, order: str, processor: int) -> Value:
    kind, axes = struct.unpack_from("<bB", content, place)
    if kind not in _SIZES or axes > 7:
        raise ValueError(f"a parameter of type {kind} with {axes} axes")
    begin = place + 2 + axes
    shape = list(content[place + 2 : begin])
    count = math.prod(shape)
    raw = content[begin : begin + count * _SIZES[kind]]
    if len(shape) < axes or len(raw) < count * _SIZES[kind]:
        raise ValueError("a parameter's values go beyond the end")
    if kind == -1:
        width = shape[0] if shape else 1
        return [raw[at : at + width].decode("latin1").rstrip(" \0") for at in range(0, count, width)] if count else []
    if kind == 4:
        return real_numbers(np.frombuffer(raw, dtype=np.uint8), processor).tolist()
    return np.frombuffer(raw, dtype=f"{order}i{kind}").tolist()


def packed(groups: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """The parameter section: texts or numbers by group and name, in whole blocks of 512 bytes, for Intel processors.

    Raises:
        ValueError: they need more than 255 blocks, or an axis more than 255 entries.
    """
    parts = []
    for number, (group, parameters) in enumerate(groups.items(), start=1):
        parts.append(_record(-number, group, b""))
        parts += [_record(number, name, _packed_value(values)) for name, values in parameters.items()]
    content = b"".join(parts) + bytes(2)
    blocks = -(-(4 + len(content)) // 512)
    if blocks > MOST_BLOCKS:
        raise ValueError(f"the parameters need {blocks} blocks; C3D has {MOST_BLOCKS}")
    return (bytes([1, 0x50, blocks, _INTEL]) + content).ljust(512 * blocks, b"\0")


def _record(group: int, name: str, value: bytes) -> bytes:
    head = struct.pack("<bb", len(name), group) + name.encode("latin1")
    body = value + b"\0"  # a description of no length
    return head + struct.pack("<H", 2 + len(body)) + body


def _packed_value(values: Sequence[Any]) -> bytes:
    if len(values) > 255:
        raise ValueError(f"{len(values)} entries in a parameter; C3D has 255")
    if all(isinstance(value, str) for value in values):
        texts = [value.encode("latin1", errors="replace") for value in values]
        width = max((len(text) for text in texts), default=0)
        if width > 255:
            raise ValueError("a text of more than 255 letters")
        return struct.pack("<bBBB", -1, 2, width, len(texts)) + b"".join(text.ljust(width) for text in texts)
    kind, code = (4, "<f4") if any(isinstance(value, float) for value in values) else (2, "<i2")
    numbers = np.array(values) if kind == 4 else np.array(values, dtype=np.int64).astype(np.uint16).view(np.int16)
    axes = b"\0" if len(values) == 1 else bytes([1, len(values)])
    return struct.pack("<b", kind) + axes + numbers.astype(code).tobytes()
