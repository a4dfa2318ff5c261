"""Reading files of ``torch.save`` without running anything that is in them.

PyTorch's own restricted reader makes the tensors. The names that it does not know stand for inert parts, in this call
alone: NumPy arrays and numbers are built from theirs once the file has been read, and what is of no use here, such as
the random generator in VideoPose3D's checkpoints, is read as None. A file that names anything else is refused, unless
the program around has itself told PyTorch to trust it; there is no other way to read it.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from lift3d.errors import FileError
from lift3d.formats._safe_pickle import INERT_PARTS, Part, plain_value, read_pickle

__all__ = ["read_torch_file"]

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # with which torch.save began its files before PyTorch 1.6


class _Ignored(Part):
    """What is of no use here; takes any arguments and any state, and keeps neither."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


_IGNORED = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.random.__RandomState_ctor",  # as NumPy before 1.17 writes a RandomState
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._mt19937.MT19937",
)
_PARTS = {f"{module.replace('__builtin__', 'builtins')}.{name}": part for (module, name), part in INERT_PARTS.items()}
_KNOWN: list[Any] = [(part, name) for name, part in {**_PARTS, **dict.fromkeys(_IGNORED, _Ignored)}.items()]


def read_torch_file(path: Path) -> Any:
    """What a file of ``torch.save`` holds, in the zip format or that before PyTorch 1.6.

    Returns:
        Nested dicts, lists, tuples, plain values, tensors (on the CPU) and NumPy arrays.

    Raises:
        FileError: the file is missing, damaged or no such file, or names anything but tensors and NumPy arrays.
    """
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error})", "Check the path.") from error


def _read(path: Path, file: IO[bytes]) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_KNOWN):
            warnings.simplefilter("ignore")
            content = torch.load(file, map_location="cpu", weights_only=True)
        return plain_value(content, _other)
    except (Exception, MemoryError) as error:  # a damaged file raises nearly anything
        if refused := re.search(r"GLOBAL (\S+)", str(error)):
            raise FileError(
                path,
                f"refused: it asks to run {refused[1]} when read; only tensors and plain NumPy arrays are read",
                "Pass a file that holds a state dict, from a source that you trust.",
            ) from error
        if (arrays := _arrays_alone(path, file)) is not None:
            return arrays
        problem = f"is damaged or no file of torch.save ({_reason(error)})"
        raise FileError(path, problem, "Fetch the checkpoint again.") from error


def _arrays_alone(path: Path, file: IO[bytes]) -> Any:
    """Content of a file of the old format that holds no tensors; PyTorch cannot read arrays that Python 2 wrote."""
    try:
        file.seek(0)
        magic, _version, _machine = (read_pickle(path, file, "the header") for _ in range(3))
        return read_pickle(path, file, "the content") if magic == _MAGIC_NUMBER else None
    except FileError:
        return None


def _other(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, _Ignored):
        return None
    if isinstance(value, torch.dtype | torch.device):
        return str(value)
    raise ValueError(f"a value of type {type(value).__name__}")


def _reason(error: BaseException) -> str:
    """The part of PyTorch's text that says what is wrong, without its advice to read the file less safely."""
    text = str(error).rpartition("WeightsUnpickler error:")[2]
    parts = [part for part in text.split("\n\n") if part.strip() and "Check the documentation" not in part]
    reason = " ".join(parts[-1].split())[:300] if parts else ""
    return reason if " " in reason else type(error).__name__
