"""State dicts of published checkpoints: finding them and loading them into networks of lift3d."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lift3d.checkpoints import network_named
from lift3d.errors import FileError

__all__ = ["find_state", "network_from", "numbered", "plain_keys"]

_CONTAINERS = ("model_pos", "state_dict", "model", "network")
_PARALLEL = ("model.module.", "module.")  # what torch.nn.DataParallel, or a trainer around it, puts before every key


def find_state(content: Any, marker: str) -> dict[str, Tensor] | None:
    """The state dict that has the key ``marker``: the content itself or one of its usual places; None if there is none.

    Keys come without DataParallel's ``module.``.
    """
    if not isinstance(content, Mapping):
        return None
    for candidate in (content, *(content.get(name) for name in _CONTAINERS)):
        state = plain_keys(candidate)
        if marker in state and all(isinstance(value, Tensor) for value in state.values()):
            return state
    return None


def plain_keys(state: Any) -> dict[str, Any]:
    """A state dict without DataParallel's ``module.``; empty if it is no dict with names as keys."""
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        return {}
    prefix = next((one for one in _PARALLEL if all(key.startswith(one) for key in state)), "")
    return {key.removeprefix(prefix): value for key, value in state.items()}


def numbered(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbers follow a prefix: 2 for ``"blocks."`` where there are keys ``blocks.0.x`` and ``blocks.1.x``."""
    found = {key.removeprefix(prefix).partition(".")[0] for key in state if key.startswith(prefix)}
    return len(found)


def network_from(
    path: Path, name: str, settings: Any, state: Mapping[str, Tensor], own_key: Callable[[str], str]
) -> nn.Module:
    """A network of lift3d with published weights, in evaluation mode, float32.

    Args:
        path: of the file, for error texts.
        name: of the network in ``lift3d.networks``.
        settings: of the network.
        state: the published weights.
        own_key: our key of a published one; raises KeyError or ValueError for what does not belong there.

    Raises:
        FileError: tensors are missing, too many, of other shapes, or claim more numbers than the file holds.
    """
    if any(value.nbytes > value.untyped_storage().nbytes() for value in state.values()):
        raise FileError(path, "a tensor claims more numbers than the file holds")
    try:
        with torch.device("meta"):  # without memory, or random numbers, for what the file may claim
            network = network_named(name).build(settings)
        network.load_state_dict({own_key(key): value for key, value in state.items()}, assign=True)
    except (KeyError, ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())[:300]
        raise FileError(path, f"its tensors are not those of the published network ({text})") from error
    return network.float().eval()
