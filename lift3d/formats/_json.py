"""Reading JSON with errors that say where the file breaks off, and looking at its first kilobytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lift3d.errors import FileError

__all__ = ["beginning", "json_list", "json_table", "read_json", "write_json"]


def beginning(path: Path, size: int = 16384) -> str:
    """The first bytes of a file as text, without white space in front; empty if it cannot be read. Never raises."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8-sig", errors="replace").lstrip()
    except OSError:
        return ""


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        FileError: the file cannot be read, is empty, is cut short, or is not JSON; the text names the byte.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path.") from error
    if not content.strip():
        raise FileError(path, "is empty; expected JSON", "Write the file again.")
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise FileError(path, f"is not JSON: byte {error.start} is not UTF-8 text", "Check the file.") from error
    except json.JSONDecodeError as error:
        raise _broken(path, error) from error
    except (RecursionError, ValueError) as error:  # nested thousands deep; a number of thousands of digits
        raise FileError(path, f"is not JSON that can be read: {error}", "Write the file again.") from error


def json_table(path: Path, where: str, value: Any) -> dict[str, Any]:
    """The value, which must be a table of names and values.

    Raises:
        FileError: it is not.
    """
    if not isinstance(value, dict):
        raise FileError(path, f"{where} is no table of names and values")
    return value


def json_list(path: Path, where: str, value: Any) -> list[Any]:
    """The value, which must be a list.

    Raises:
        FileError: it is not.
    """
    if not isinstance(value, list):
        raise FileError(path, f"{where} is no list")
    return value


def write_json(value: Any, path: Path) -> None:
    """Write a value; numbers as the shortest text that reads back to the same float64."""
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _broken(path: Path, error: json.JSONDecodeError) -> FileError:
    text = error.doc.strip()
    unfinished = not error.doc[error.pos :].strip() or text[-1] not in "]}"
    if text[0] in "[{" and unfinished:
        byte = len(error.doc.rstrip().encode())
        return FileError(path, f"is cut short: the JSON ends unfinished at byte {byte}", "Write or copy it again.")
    byte = len(error.doc[: error.pos].encode())
    return FileError(path, f"is not valid JSON at byte {byte}: {error.msg}", "Write the file again.")
