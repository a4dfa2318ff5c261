"""Reading CSV with errors that say which line is wrong."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lift3d.errors import FileError

__all__ = ["csv_rows", "row_of_numbers"]


@contextmanager
def csv_rows(path: Path) -> Iterator[Any]:
    """A ``csv.reader`` over the file, whose ``line_num`` is the line that was read last.

    Raises:
        FileError: the file cannot be read or is no CSV, also where that shows only while the block reads from it.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield csv.reader(file, strict=True)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(path, f"is no CSV: {error}", "Write the file again.") from error


def row_of_numbers(
    path: Path, cells: Sequence[str], count: int, line: int, text: Collection[int] = ()
) -> list[float]:  # fmt: skip
    """The cells as numbers; NaN for an empty one and for those at the places ``text``.

    Raises:
        FileError: there are more or fewer than ``count``, or one is no number.
    """
    if len(cells) != count:
        raise FileError(path, f"line {line} has {len(cells)} fields; expected {count}", "Write or copy it again.")
    try:
        return [float(cell) if cell.strip() and place not in text else math.nan for place, cell in enumerate(cells)]
    except ValueError as error:
        raise FileError(path, f"line {line}: {error}; expected numbers", "Write the file again.") from None
