"""Collect the entry that each file of a folder declares: the reason why a new thing is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TypeVar

Entry = TypeVar("Entry")

__all__ = ["entries_of", "module_names"]


def module_names(package: str) -> list[str]:
    """Names of the modules in a package, without those that begin with an underscore; imports only the package."""
    paths = importlib.import_module(package).__path__
    return sorted(found.name for found in pkgutil.iter_modules(paths) if not found.name.startswith("_"))


def entries_of(package: str, constant: str, kind: type[Entry]) -> dict[str, Entry]:
    """Entry by name of every module in the package.

    Args:
        package: dotted name, such as ``"lift3d.formats"``.
        constant: the name under which each module declares its entry, such as ``"FORMAT"``.
        kind: the class an entry must be of; it must have a ``name``.

    Raises:
        TypeError: a module declares no such entry, or two declare the same name. Both are mistakes of ours.
    """
    found: dict[str, Entry] = {}
    for module_name in module_names(package):
        entry = getattr(importlib.import_module(f"{package}.{module_name}"), constant, None)
        if not isinstance(entry, kind):
            raise TypeError(f"{package}.{module_name} must define {constant} = {kind.__name__}(...).")
        name = str(getattr(entry, "name", ""))
        if name in found:
            raise TypeError(f"{package}: two files declare the name {name!r}.")
        found[name] = entry
    return found
