"""Strict conversion between TOML and frozen dataclasses.

A settings file is complete: no file extends another, an unknown key is refused, a missing one takes the
dataclass's default or is refused. This module knows no particular settings.
"""

from __future__ import annotations

import copy
import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lift3d.errors import FileError, SettingsError, UnknownNameError

__all__ = ["from_mapping", "read_toml", "to_mapping", "with_overrides"]

Settings = TypeVar("Settings")


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        FileError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    except tomllib.TOMLDecodeError as error:
        raise FileError(path, f"is not valid TOML: {error}") from error


def from_mapping(kind: type[Settings], values: Mapping[str, Any], where: str = "settings") -> Settings:
    """A frozen dataclass from nested tables; refuses unknown keys and wrong types.

    Args:
        kind: the dataclass. Fields may be int, float, bool, str, dataclasses, tuples of these, or ``X | None``.
        values: the tables. What is a dataclass of the right kind already stays as it is.
        where: how error texts call the table, such as ``"train.toml [network]"``.

    Raises:
        SettingsError: a key is unknown or missing, or a value has a wrong type.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise SettingsError(f"{where}: {UnknownNameError('setting', key, fields)}")
    arguments = {}
    for name, field in fields.items():
        if name in values:
            arguments[name] = _convert(hints[name], values[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{where}: the setting {name!r} is missing.")
    return kind(**arguments)


def to_mapping(settings: Any) -> dict[str, Any]:
    """Nested tables of a settings dataclass; leaves out what is None, since TOML has no such value."""
    tables = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            tables[field.name] = to_mapping(value)
        elif value is not None:
            tables[field.name] = [_plain(item) for item in value] if isinstance(value, tuple) else value
    return tables


def _plain(item: Any) -> Any:
    return to_mapping(item) if dataclasses.is_dataclass(item) else item


def with_overrides(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Tables with command-line words such as ``--network.hidden 512`` or ``--seed=3`` laid over them.

    Args:
        values: nested tables; not changed.
        overrides: the words, in pairs or joined by ``=``. Values are read as TOML, else as text.

    Raises:
        SettingsError: a word does not begin with ``--``, or has no value.
    """
    words = [part for word in overrides for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(words) % 2:
        raise SettingsError(f"override {words[-1]!r} has no value; write --name value.")
    tables = copy.deepcopy(dict(values))
    for name, text in zip(words[::2], words[1::2], strict=True):
        if not name.startswith("--"):
            raise SettingsError(f"{name!r} is not an override; write --table.name value.")
        *path, last = name[2:].replace("-", "_").split(".")
        table = tables
        for key in path:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise SettingsError(f"override {name}: {key!r} is a value, not a table.")
        table[last] = _toml_value(text)
    return tables


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _convert(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if isinstance(value, typing.cast(type, kind)):
            return value
        if not isinstance(value, Mapping):
            raise SettingsError(f"{where} is {value!r}; expected a table.")
        return from_mapping(typing.cast(type, kind), value, where)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return value if value is None else _convert(next(one for one in inner if one is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise SettingsError(f"{where} is {value!r}; expected a list.")
        return tuple(_convert(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and type(value) is not kind:
        raise SettingsError(f"{where} is {value!r}; expected {kind.__name__}.")
    return value
