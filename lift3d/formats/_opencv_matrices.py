"""YAML as OpenCV's FileStorage writes it: a version line that YAML forbids, and matrices with a tag of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from lift3d.errors import FileError

__all__ = ["keys_at_top", "matrix_rows", "opencv_yaml_text", "read_opencv_yaml"]

_LARGEST = 2**22
_VERSION_LINE = re.compile(r"\A\ufeff?%YAML[^\n]*\n")


class _Loader(yaml.SafeLoader):
    """Plain values only, as ``SafeLoader``; and ``!!opencv-matrix`` as a mapping."""


def _matrix(loader: _Loader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.constructor.ConstructorError(None, None, "an opencv-matrix is no mapping", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)


def read_opencv_yaml(path: Path) -> dict[str, Any]:
    """The values at the top of a file; matrices as lists of rows.

    Raises:
        FileError: the file cannot be read, is not YAML, or does not hold names with values.
    """
    try:
        values = yaml.load(_text(path), _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 2})" if error.problem_mark else ""
        raise FileError(path, f"is not valid YAML: {error.problem}{line}") from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise FileError(path, "is not valid YAML text") from error
    if not isinstance(values, dict):
        raise FileError(path, "holds no named values; expected matrices by name", "Is it another kind of file?")
    return {str(key): matrix_rows(path, str(key), value) for key, value in values.items()}


def matrix_rows(path: Path, name: str, value: Any) -> Any:
    """The rows of a matrix given as ``rows``, ``cols`` and ``data``; anything else as it is.

    Raises:
        FileError: there are more or fewer data than rows times columns.
    """
    if not isinstance(value, dict) or not {"rows", "cols", "data"} <= value.keys():
        return value
    rows, columns, data = value["rows"], value["cols"], value["data"]
    whole = isinstance(rows, int) and isinstance(columns, int) and isinstance(data, list)
    if not whole or rows * columns != len(data):
        count = len(data) if isinstance(data, list) else "no"
        raise FileError(path, f"{name} has {count} data; expected rows x cols = {rows} x {columns}", "Is it cut short?")
    return [data[row * columns : (row + 1) * columns] for row in range(rows)]


def opencv_yaml_text(values: Mapping[str, Any]) -> str:
    """The text of a file that OpenCV and :func:`read_opencv_yaml` read; numbers come back to the same float64.

    Args:
        values: by name: whole numbers, texts, lists of texts, and matrices as (rows, columns) tensors.
    """
    lines = ["%YAML:1.0", "---"]
    for name, value in values.items():
        if isinstance(value, Tensor):
            lines += [f"{name}: !!opencv-matrix", *_matrix_lines(value)]
        elif isinstance(value, list):
            lines += [f"{name}:", *(f"   - {json.dumps(one)}" for one in value)]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _matrix_lines(matrix: Tensor) -> list[str]:
    rows, columns = matrix.shape
    data = ", ".join(_real(number) for number in matrix.reshape(-1).tolist())
    return [f"   rows: {rows}", f"   cols: {columns}", "   dt: d", f"   data: [ {data} ]"]


def _real(number: float) -> str:
    """The shortest text of a number, always with a decimal point: OpenCV misreads whole numbers among real ones."""
    digits, exponent, power = repr(float(number)).partition("e")
    return f"{digits if '.' in digits else digits + '.'}{exponent}{power}"


def keys_at_top(path: Path) -> set[str]:
    """Names of the values at the top of a YAML file, without reading these; none if it is no text or too large."""
    try:
        if path.suffix.lower() not in (".yml", ".yaml") or not path.is_file() or path.stat().st_size > _LARGEST:
            return set()
        return set(re.findall(r"^([A-Za-z_][\w.\- ]*?)[ \t]*:(?=\s|$)", _text(path), re.MULTILINE))
    except (OSError, ValueError):
        return set()


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")  # CRLF becomes LF
    return _VERSION_LINE.sub("", text, count=1)
