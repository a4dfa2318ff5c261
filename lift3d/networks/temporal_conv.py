"""The temporal convolutional network of Pavllo et al. (CVPR 2019, "VideoPose3D"): 2D joints over time to 3D joints.

"3D human pose estimation in video with temporal convolutions and semi-supervised training", figure 2: a convolution
over time widens the features of each frame; each residual block is a dilated convolution and one of width 1; a last
convolution of width 1 gives the coordinates. Every convolution but the last is followed by batch norm, ReLU and
dropout, and has no bias. With the widths (3, 3, 3, 3, 3) an answer is made from 243 frames, with (3, 3, 3) from 27.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError, ShapeError
from lift3d.networks._entry import NetworkEntry

__all__ = ["NETWORK", "TemporalConv", "TemporalConvSettings"]


@dataclass(frozen=True)
class TemporalConvSettings:
    """Size and regularisation; the defaults are the paper's, with 17 joints in and out.

    Args:
        inputs: features of one frame.
        outputs: numbers predicted for one frame: three a joint, or 3 for the trajectory of the root.
        filter_widths: frames that the first convolution and each block take together; odd. Their product is the
            number of frames that one answer is made from.
        channels: width of every layer.
        dropout: probability of dropping a feature while training.
        causal: an answer is made from its own frame and those before it; else from as many before as after.

    Raises:
        InputError: there are no filter widths, or one is even.
    """

    inputs: int = 34
    outputs: int = 51
    filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25
    causal: bool = False

    def __post_init__(self) -> None:
        if not self.filter_widths or any(width < 1 or width % 2 == 0 for width in self.filter_widths):
            raise InputError(f"filter_widths is {self.filter_widths}; expected odd numbers, such as (3, 3, 3).")


class Layer(nn.Module):
    """Convolution over time, batch norm, ReLU, dropout."""

    def __init__(self, inputs: int, width: int, dilation: int, settings: TemporalConvSettings) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, settings.channels, width, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(settings.channels)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(
        self, features: Float[Tensor, "batch inputs frames"], strided: bool
    ) -> Float[Tensor, "batch channels frames_out"]:
        width = self.conv.kernel_size[0]
        if strided or width == 1:  # each frame takes part once: a product of matrices, faster than a convolution
            groups = (
                features.unflatten(-1, (-1, width)).transpose(1, 2).flatten(2)
            )  # (batch, frames_out, inputs * width)
            mixed = F.linear(groups, self.conv.weight.flatten(1)).transpose(1, 2)
        else:
            mixed = self.conv(features)
        return self.dropout(F.relu(self.norm(mixed)))


class Block(nn.Module):
    """A wide layer, one of width 1, and a residual connection from the frames that their answers are for."""

    def __init__(self, width: int, dilation: int, settings: TemporalConvSettings) -> None:
        super().__init__()
        self.wide = Layer(settings.channels, width, dilation, settings)
        self.narrow = Layer(settings.channels, 1, 1, settings)
        self.place = width - 1 if settings.causal else width // 2  # of the answer's frame among the width's
        self.width, self.dilation = width, dilation

    def forward(
        self, features: Float[Tensor, "batch channels frames"], strided: bool
    ) -> Float[Tensor, "batch channels frames_out"]:
        changed = self.narrow(self.wide(features, strided), False)
        if strided:
            return features[..., self.place :: self.width] + changed
        first = self.place * self.dilation
        return features[..., first : first + changed.shape[-1]] + changed


class TemporalConv(nn.Module):
    """See the head of this module.

    Attributes:
        context: frames before and after its own that an answer is made from; ``sum(context)`` frames of a sequence
            get no answer.
        longest: None, since a sequence may be of any length.
    """

    def __init__(self, settings: TemporalConvSettings) -> None:
        super().__init__()
        first, *others = settings.filter_widths
        self.enter = Layer(settings.inputs, first, 1, settings)
        dilations = [math.prod(settings.filter_widths[: i + 1]) for i in range(len(others))]
        self.blocks = nn.ModuleList(Block(w, d, settings) for w, d in zip(others, dilations, strict=True))
        self.leave = nn.Conv1d(settings.channels, settings.outputs, 1)
        self.window = math.prod(settings.filter_widths)
        around = self.window - 1
        self.context: tuple[int, int] = (around, 0) if settings.causal else (around // 2, around // 2)
        self.longest: int | None = None

    def forward(self, features: Float[Tensor, "batch frames inputs"]) -> Float[Tensor, "batch frames_out outputs"]:
        """Answers for every frame but the first ``context[0]`` and the last ``context[1]``.

        While training, windows that have one answer go through :meth:`one_frame`, as the authors train it.

        Raises:
            ShapeError: there are fewer frames than one answer is made from.
        """
        frames = features.shape[1]
        if frames < self.window:
            raise ShapeError("features", features.shape, f"at least {self.window} frames", "Repeat the end frames.")
        return self._answers(features, strided=self.training and frames == self.window)

    def one_frame(self, features: Float[Tensor, "batch window inputs"]) -> Float[Tensor, "batch 1 outputs"]:
        """The answer of windows that have just one, at a fifteenth of the cost for 243 frames.

        Each convolution strides by its own width, so that nothing is computed which the answer does not use. Weights
        and answers are those of :meth:`forward`; batch norm in training sees only what is computed.

        Raises:
            ShapeError: the windows have not as many frames as one answer is made from.
        """
        if features.shape[1] != self.window:
            raise ShapeError("features", features.shape, f"{self.window} frames")
        return self._answers(features, strided=True)

    def _answers(self, features: Tensor, strided: bool) -> Tensor:
        hidden = self.enter(features.transpose(1, 2), strided)  # (batch, channels, frames)
        for block in self.blocks:
            hidden = block(hidden, strided)
        return F.linear(
            hidden.transpose(1, 2), self.leave.weight[..., 0], self.leave.bias
        )  # (batch, frames_out, outputs)


NETWORK = NetworkEntry(
    name="temporal_conv",
    settings=TemporalConvSettings,
    build=TemporalConv,
    about="Temporal convolutions of Pavllo et al. 2019 (VideoPose3D): encoded 2D joints over time to 3D joints.",
)
