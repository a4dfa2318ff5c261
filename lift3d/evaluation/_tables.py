"""Tables of text: for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["markdown_table", "text_table"]


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A header and rows, the first column to the left."""
    ruler = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], ruler, *rows[1:]))


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """A header and rows in columns: words to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    words = [not any(cell[0].isdigit() for cell in column[1:]) for column in zip(*rows, strict=True)]
    lines = []
    for cells in rows:
        columns = zip(cells, widths, words, strict=True)
        lines.append("  ".join(cell.ljust(width) if word else cell.rjust(width) for cell, width, word in columns))
    return "\n".join(line.rstrip() for line in lines)
