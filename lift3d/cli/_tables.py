"""Plain-text tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell: numbers to the right, words to the left."""
    columns = list(zip(header, *rows, strict=True))
    padded = [_padded(column) for column in columns]
    lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    return "\n".join([lines[0], "-" * min(100, max(map(len, lines))), *lines[1:]])


def _padded(column: Sequence[str]) -> list[str]:
    width = max(len(cell) for cell in column)
    numbers = all(not cell or cell[0] in "+-0123456789" for cell in column[1:])
    return [cell.rjust(width) if numbers else cell.ljust(width) for cell in column]
