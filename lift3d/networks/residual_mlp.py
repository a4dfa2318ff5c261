"""The residual multilayer perceptron of Martinez et al. (ICCV 2017): from encoded 2D joints to 3D joints.

"A simple yet effective baseline for 3d human pose estimation", figure 1: a linear layer lifts the input to
``hidden`` features; each block is twice (linear, batch norm, ReLU, dropout) around a residual connection; a last
linear layer gives the coordinates. The paper has 2 blocks of 1024, dropout 0.5, 32 inputs (16 joints) and 48
outputs (16 joints). Layer norm and GELU in place of batch norm and ReLU learn faster from noisy joints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import UnknownNameError
from lift3d.networks._entry import NetworkEntry

__all__ = ["NETWORK", "ResidualMlp", "ResidualMlpSettings"]


@dataclass(frozen=True)
class ResidualMlpSettings:
    """Size and regularisation; the defaults are the paper's.

    Args:
        inputs: features of one sample.
        outputs: numbers predicted for one sample.
        hidden: width of every layer.
        blocks: residual blocks, of two layers each.
        dropout: probability of dropping a feature while training.
        normalisation: after every linear layer: ``"batch"``, ``"layer"`` or ``"none"``.
        activation: ``"relu"`` or ``"gelu"``.
        residual: add each block's input to its output.

    Raises:
        UnknownNameError: there is no such normalisation or activation.
    """

    inputs: int = 32
    outputs: int = 48
    hidden: int = 1024
    blocks: int = 2
    dropout: float = 0.5
    normalisation: str = "batch"
    activation: str = "relu"
    residual: bool = True

    def __post_init__(self) -> None:
        for name, known in (("normalisation", _NORMS), ("activation", _ACTIVATIONS)):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known)


_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "none": lambda _features: nn.Identity(),
}
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}


class Layer(nn.Module):
    """Linear, normalisation, activation, dropout."""

    def __init__(self, inputs: int, settings: ResidualMlpSettings) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, settings.hidden)
        self.norm = _NORMS[settings.normalisation](settings.hidden)
        self.activation = _ACTIVATIONS[settings.activation]()
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, features: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch hidden"]:
        return self.dropout(self.activation(self.norm(self.linear(features))))


class Block(nn.Module):
    """Two layers and a residual connection around both."""

    def __init__(self, settings: ResidualMlpSettings) -> None:
        super().__init__()
        self.first = Layer(settings.hidden, settings)
        self.second = Layer(settings.hidden, settings)
        self.residual = settings.residual

    def forward(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch hidden"]:
        changed = self.second(self.first(features))
        return features + changed if self.residual else changed


class ResidualMlp(nn.Module):
    """See the head of this module."""

    def __init__(self, settings: ResidualMlpSettings) -> None:
        super().__init__()
        self.enter = Layer(settings.inputs, settings)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.blocks))
        self.leave = nn.Linear(settings.hidden, settings.outputs)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.leave.weight, std=0.01)

    def features(self, features: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch hidden"]:
        """What the last layer makes its answer from; batch norm takes one batch axis only."""
        hidden = self.enter(features)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden

    def forward(self, features: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        return self.leave(self.features(features))


NETWORK = NetworkEntry(
    name="residual_mlp",
    settings=ResidualMlpSettings,
    build=ResidualMlp,
    about="Residual MLP of Martinez et al. 2017: encoded 2D joints of one frame to 3D joints.",
)
