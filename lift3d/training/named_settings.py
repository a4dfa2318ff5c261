"""A table of a config file that names something, such as a network, and holds its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lift3d.errors import SettingsError
from lift3d.settings import from_mapping, to_mapping

__all__ = ["Named", "named_in"]


@dataclass(frozen=True)
class Named:
    """A network, an encoding or a reading: its name and the frozen dataclass of its settings."""

    name: str
    settings: Any

    def table(self) -> dict[str, Any]:
        """As a config file or a checkpoint holds it."""
        return {"name": self.name, **to_mapping(self.settings)}


def named_in(tables: Mapping[str, Any], table: str, find: Callable[[str], Any], where: str) -> Named:
    """What one of the tables names.

    Args:
        tables: of a config file.
        table: the name of the table.
        find: gives the entry of a name; entries have a ``name`` and the dataclass of their ``settings``.
        where: how error texts call the tables.

    Raises:
        SettingsError: the table is missing, has no name, or holds a wrong setting.
    """
    own = tables.get(table)
    if not isinstance(own, Mapping) or "name" not in own:
        raise SettingsError(f"{where}: the table [{table}] must have a 'name'.")
    entry = find(own["name"])
    rest = {name: value for name, value in own.items() if name != "name"}
    return Named(entry.name, from_mapping(entry.settings, rest, f"{where} [{table}]"))
