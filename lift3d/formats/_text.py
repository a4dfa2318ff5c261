"""Reading plain text with errors that say what is wrong."""

from __future__ import annotations

from pathlib import Path

from lift3d.errors import FileError

__all__ = ["read_lines", "read_text"]


def read_text(path: Path) -> str:
    """The text of a file in UTF-8 or ASCII, with line ends as LF.

    Raises:
        FileError: the file cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise FileError(path, f"is no text: byte {error.start} is not UTF-8", "Check the file.") from error


def read_lines(path: Path) -> list[list[str]]:
    """The words of each line that has any.

    Raises:
        FileError: the file cannot be read, or is no text.
    """
    return [line.split() for line in read_text(path).splitlines() if line.strip()]
