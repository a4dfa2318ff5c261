"""The first weights of a network, from a checkpoint."""

from __future__ import annotations

from torch import nn

from lift3d.checkpoints import load_network
from lift3d.errors import SettingsError

__all__ = ["take_weights"]


def take_weights(network: nn.Module, start: str, parts: tuple[str, ...] = ("",)) -> None:
    """Begin from a checkpoint's weights wherever name and shape fit.

    Args:
        network: whose weights are set.
        start: a shipped checkpoint's name, or a file.
        parts: parts of the network that the checkpoint may be, such as ``"own."``; ``""`` is the whole.

    Raises:
        FileError: the checkpoint cannot be read.
        SettingsError: none of its weights fit.
    """
    own = network.state_dict()
    given = load_network(start).network.state_dict()
    named = {f"{part}{name}": tensor for part in parts for name, tensor in given.items()}
    fitting = {name: tensor for name, tensor in named.items() if name in own and own[name].shape == tensor.shape}
    if not fitting:
        raise SettingsError(f"start: no weights of {start} fit the network; expected one of like names and sizes.")
    network.load_state_dict(fitting, strict=False)
