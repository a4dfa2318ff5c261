"""Reads a published checkpoint of any known kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lift3d._discovery import entries_of
from lift3d.checkpoints import Checkpoint
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.importers._entry import ImporterEntry
from lift3d.importers._torch_file import read_torch_file

__all__ = ["all_importers", "import_networks"]


@cache
def all_importers() -> dict[str, ImporterEntry]:
    """Every kind of published checkpoint that can be read, by name."""
    return entries_of("lift3d.importers", "IMPORTER", ImporterEntry)


def import_networks(path: str | Path, importer: str | None = None, **options: Any) -> dict[str, Checkpoint]:
    """The networks of a published checkpoint, with how their input is prepared and their answer understood.

        import_networks("pretrained_h36m_cpn.bin", skeleton="human36m17")["pose"]

    Runs no code from the file. The checkpoint says its kind by its keys.

    Args:
        path: of a file that ``torch.save`` wrote.
        importer: a name of ``all_importers``, where the kind shall not be told from the file.
        options: what the file does not say, as far as the importer takes it: ``skeleton`` (of the 2D joints),
            ``causal``, ``statistics`` (paths of files), ``style`` (of a ResNet), ``image_size`` (width and height),
            ``aggregation`` (of views).

    Returns:
        Networks by what they predict: ``"pose"``, and where the file has one, ``"trajectory"``.

    Raises:
        UnknownNameError: there is no such importer.
        InputError: the importer does not take an option.
        FileError: the file is missing, damaged, refused, of no known kind, or leaves open what no option says.
    """
    file, entries = Path(path), all_importers()
    if importer is not None and importer not in entries:
        raise UnknownNameError("importer", importer, entries)
    content = read_torch_file(file)
    entry = entries[importer] if importer is not None else _recognised(file, content)
    for name in options:
        if name not in entry.options:
            takes = ", ".join(entry.options) or "no options"
            raise InputError(f"The importer {entry.name!r} does not take {name!r}; it takes {takes}.")
    if not (entry.accepts or entry.recognises)(content):
        raise FileError(file, f"has not the keys of {entry.name}: {_keys(content)}", "Leave out --from.")
    return dict(entry.convert(file, content, **options))


def _recognised(file: Path, content: Any) -> ImporterEntry:
    for entry in all_importers().values():
        if entry.recognises(content):
            return entry
    known = ", ".join(all_importers())
    raise FileError(file, f"is no published checkpoint that lift3d knows ({known}): it holds {_keys(content)}")


def _keys(content: Any) -> str:
    """The first keys, for error texts."""
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    keys = [str(key) for key in content]
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "") or "nothing"
