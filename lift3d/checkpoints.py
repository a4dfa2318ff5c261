"""Networks in files: weights, settings and skeleton together, in one safetensors file.

The file's metadata says which network of ``lift3d.networks`` it is, its settings and its skeleton as JSON, and
whatever else the writer wants to pass on as text, such as the licence. Loading runs no code from the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lift3d._discovery import entries_of
from lift3d._files import writing
from lift3d.errors import FileError, InputError, SettingsError, UnknownNameError
from lift3d.networks._entry import NetworkEntry
from lift3d.settings import from_mapping, to_mapping
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["Checkpoint", "load_network", "network_named", "save_network", "shipped_weights"]

_WEIGHTS = Path(__file__).parent / "weights"
_FORMAT = "lift3d-network-1"
_RESERVED = ("format", "lift3d", "network", "settings", "skeleton", "input_skeleton", "encoding")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network as it was saved.

    Args:
        network: in evaluation mode, float32, on the device asked for.
        settings: the frozen dataclass it was built from.
        name: of the network, such as ``"movenet"``.
        skeleton: of the joints it predicts.
        input_skeleton: of the joints it is given, where those are 2D joints; else that of the joints it predicts.
        encoding: how those are prepared and its answer understood, as plain tables: ``name`` and settings of an
            encoding of ``lift3d.lifting.encodings``. Empty where the network needs none.
        extra: everything else the file says, such as ``"licence"``.
    """

    network: nn.Module
    settings: Any
    name: str
    skeleton: Skeleton
    input_skeleton: Skeleton
    encoding: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


def network_named(name: str) -> NetworkEntry:
    """The entry of a network of ``lift3d.networks``.

    Raises:
        UnknownNameError: there is no such network.
    """
    entries = entries_of("lift3d.networks", "NETWORK", NetworkEntry)
    if name not in entries:
        raise UnknownNameError("network", name, entries)
    return entries[name]


def shipped_weights() -> dict[str, Path]:
    """Files of the trained networks that come with lift3d, by name."""
    return {path.stem: path for path in sorted(_WEIGHTS.glob("*.safetensors"))}


def save_network(
    path: str | Path,
    network: nn.Module,
    settings: Any,
    name: str,
    skeleton_name: str | Skeleton,
    extra: Mapping[str, str] | None = None,
    half: bool = False,
    *,
    input_skeleton: str | Skeleton | None = None,
    encoding: Mapping[str, Any] | None = None,
) -> None:
    """Write a network whole or not at all.

    Args:
        path: of the file; ``.safetensors`` by custom.
        network: all its parameters and buffers are written.
        settings: the frozen dataclass it was built from.
        name: of the network's entry in ``lift3d.networks``.
        skeleton_name: the skeleton that it predicts: a name that comes with lift3d, or a skeleton of one's own.
        extra: more to pass on with it, such as the licence.
        half: store floating-point tensors as float16, half the size.
        input_skeleton: of the joints that it is given; by default that which it predicts.
        encoding: see :class:`Checkpoint`; must be plain tables that JSON can hold.

    Raises:
        InputError: the settings are not those of the network, or a key of ``extra`` is one that lift3d uses.
        UnknownNameError: there is no such network or skeleton.
        FileError: the file cannot be written.
    """
    entry, skeleton, extra = network_named(name), get_skeleton(skeleton_name), dict(extra or {})
    if not isinstance(settings, entry.settings):
        raise InputError(f"The network {name!r} has {entry.settings.__name__}, not {type(settings).__name__}.")
    if taken := sorted(set(extra) & set(_RESERVED)):
        raise InputError(f"extra must not hold {', '.join(map(repr, taken))}: lift3d uses these keys itself.")
    metadata = {
        "lift3d": _FORMAT,
        "network": name,
        "settings": json.dumps(to_mapping(settings)),
        "skeleton": json.dumps(_skeleton_to_tables(skeleton)),
        "input_skeleton": json.dumps(_skeleton_to_tables(get_skeleton(input_skeleton or skeleton))),
        "encoding": json.dumps(dict(encoding or {})),
    }
    tensors = {key: _stored(value, half) for key, value in network.state_dict().items()}
    with writing(path) as temporary:
        save_file(tensors, temporary, {**extra, **metadata})


def load_network(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """A network from a file, or from the name of one that comes with lift3d.

    Tensors stored as float16 become float32.

    Args:
        path: a file, or a name of ``shipped_weights()``.
        device: where the network is put.

    Raises:
        FileError: the file is missing, cut short, not a lift3d checkpoint, or does not fit its own settings.
    """
    file = _found(path)
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = dict(opened.metadata() or {})
            tensors = {key: _loaded(opened.get_tensor(key)) for key in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileError(
            file, f"is not a safetensors file, or is damaged ({error})", "Fetch or train it again."
        ) from error
    if metadata.get("lift3d") != _FORMAT:
        raise FileError(file, "is not a lift3d checkpoint", "Pass a file that save_network or `lift3d train` wrote.")
    try:
        return _assembled(tensors, metadata, torch.device(device))
    except (SettingsError, InputError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise FileError(file, f"does not describe a network of this version of lift3d ({error})") from error


def _found(path: str | Path) -> Path:
    shipped = shipped_weights()
    if isinstance(path, str) and path in shipped:
        return shipped[path]
    if not Path(path).is_file():
        names = ", ".join(shipped) or "none"
        raise FileError(path, "there is no such checkpoint", f"Pass a file, or a name that comes with lift3d: {names}.")
    return Path(path)


def _assembled(tensors: dict[str, Tensor], metadata: Mapping[str, str], device: torch.device) -> Checkpoint:
    entry = network_named(metadata["network"])
    settings = from_mapping(entry.settings, json.loads(metadata["settings"]), "the file's settings")
    with torch.random.fork_rng(devices=[]):  # the first random weights must not change the caller's random numbers
        network = entry.build(settings)
    network.load_state_dict(tensors, strict=True)
    return Checkpoint(
        network=network.to(device).eval(),
        settings=settings,
        name=entry.name,
        skeleton=_skeleton_from_tables(json.loads(metadata["skeleton"])),
        input_skeleton=_skeleton_from_tables(json.loads(metadata.get("input_skeleton", metadata["skeleton"]))),
        encoding=json.loads(metadata.get("encoding", "{}")),
        extra={key: value for key, value in metadata.items() if key not in _RESERVED},
    )


def _skeleton_to_tables(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "parents": list(skeleton.parents),
        "links": [list(link) for link in skeleton.links],
    }


def _skeleton_from_tables(tables: Mapping[str, Any]) -> Skeleton:
    return Skeleton(
        name=tables["name"],
        joints=tuple(tables["joints"]),
        parents=tuple(tables["parents"]),
        links=tuple((first, second) for first, second in tables["links"]),
    )


def _stored(tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous().clone()
    return tensor.half() if half and tensor.is_floating_point() else tensor


def _loaded(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor
