"""Reading XML that was not written by us: no document types, no entities."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from lift3d.errors import FileError
from lift3d.formats._text import read_text

__all__ = ["read_xml"]


def read_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file in UTF-8 or ASCII.

    Raises:
        FileError: the file cannot be read, is not XML, or declares a document type or entities, which could make a
            small file swell without end.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FileError(path, "declares a document type, which is refused", "Delete the <!DOCTYPE ...> lines.")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - has no entities to expand
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise FileError(path, f"is not valid XML: {error}") from error
