"""What a lifting network is given and how its answer is understood, one file each."""

from functools import cache

from lift3d._discovery import entries_of
from lift3d.errors import UnknownNameError
from lift3d.lifting.encodings._entry import Answer, EncodingEntry

__all__ = ["Answer", "EncodingEntry", "all_encodings", "encoding_named"]


@cache
def all_encodings() -> dict[str, EncodingEntry]:
    """Every encoding by name."""
    return entries_of("lift3d.lifting.encodings", "ENCODING", EncodingEntry)


def encoding_named(name: str) -> EncodingEntry:
    """An encoding by name.

    Raises:
        UnknownNameError: there is no such encoding.
    """
    if name not in all_encodings():
        raise UnknownNameError("encoding", name, all_encodings())
    return all_encodings()[name]
