"""Frames that look at each other: a single-frame lifter whose answers are mended by what the frames around say.

Each frame goes through the layers of a residual MLP (Martinez et al., ICCV 2017), which answers it by itself. What it
saw and answered becomes one token a frame; layers of attention (Vaswani et al., 2017) let each frame look at those up
to ``reach`` frames away, with a learned preference for each distance in place of positions (as Raffel et al., 2020),
so that a sequence may start and end anywhere; what comes out is added to the answer. The last layer starts at zero:
an untrained network of this kind on top of a trained single-frame lifter is that lifter.

A frame at the end of a sequence is answered from the frames before it. So one network serves recordings and, with any
number of frames of delay, live streams.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lift3d.errors import InputError
from lift3d.networks._entry import NetworkEntry
from lift3d.networks.residual_mlp import ResidualMlp, ResidualMlpSettings

__all__ = ["NETWORK", "TemporalAttention", "TemporalAttentionSettings"]

_FAR = -1e4  # added to the logit of frames out of reach


@dataclass(frozen=True)
class TemporalAttentionSettings:
    """Sizes.

    Args:
        inputs: features of one frame.
        outputs: numbers predicted for one frame.
        own_inputs: of the features, how many the first ones are that a frame's own answer is made from.
        hidden, blocks: of the residual MLP.
        width: numbers of one token.
        layers: of attention.
        heads: of each layer.
        expansion: how many times as wide as a token the inside of a layer's MLP is.
        reach: frames on either side that a layer looks at.
        longest: the most frames taken at once.
        own_learns: whether training changes the residual MLP too.

    Raises:
        InputError: the width is no multiple of the heads, or there are fewer inputs than own inputs.
    """

    inputs: int = 54
    outputs: int = 81
    own_inputs: int = 52
    hidden: int = 768
    blocks: int = 2
    width: int = 256
    layers: int = 4
    heads: int = 8
    expansion: int = 2
    reach: int = 20
    longest: int = 243
    own_learns: bool = True

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InputError(f"width is {self.width}; expected a multiple of heads, {self.heads}.")
        if self.own_inputs > self.inputs:
            raise InputError(f"own_inputs is {self.own_inputs}; expected at most inputs, {self.inputs}.")


class Attention(nn.Module):
    """Each frame's token becomes a mixture of those within reach."""

    def __init__(self, settings: TemporalAttentionSettings) -> None:
        super().__init__()
        self.heads = settings.heads
        self.enter = nn.Linear(settings.width, 3 * settings.width)
        self.leave = nn.Linear(settings.width, settings.width)
        self.preference = nn.Parameter(torch.zeros(settings.heads, 2 * settings.reach + 1))

    def forward(
        self, tokens: Float[Tensor, "batch frames width"], apart: Int[Tensor, "all all"], kept: slice
    ) -> Float[Tensor, "batch kept width"]:
        """Of the frames ``kept``; see :meth:`TemporalAttention.mended` for ``apart``."""
        preference = F.pad(self.preference, (1, 1), value=_FAR)[:, apart[kept, : tokens.shape[1]]]
        width = tokens.shape[2]
        weight, bias = self.enter.weight, self.enter.bias  # of queries, then of keys and values
        query = F.linear(tokens[:, kept], weight[:width], bias[:width]).unflatten(-1, (self.heads, -1))
        both = F.linear(tokens, weight[width:], bias[width:]).unflatten(-1, (2, self.heads, -1))
        key, value = both.permute(2, 0, 3, 1, 4)  # each (batch, heads, frames, width / heads)
        query = query.transpose(1, 2)  # (batch, heads, kept, width / heads)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=preference.to(query.dtype))
        return self.leave(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then an MLP on each token, each added to what it was given."""

    def __init__(self, settings: TemporalAttentionSettings) -> None:
        super().__init__()
        inside = settings.expansion * settings.width
        self.attention_norm = nn.LayerNorm(settings.width)
        self.attention = Attention(settings)
        self.mlp_norm = nn.LayerNorm(settings.width)
        self.mlp = nn.Sequential(nn.Linear(settings.width, inside), nn.GELU(), nn.Linear(inside, settings.width))

    def forward(
        self, tokens: Float[Tensor, "batch frames width"], apart: Int[Tensor, "all all"], kept: slice
    ) -> Float[Tensor, "batch kept width"]:
        tokens = tokens[:, kept] + self.attention(self.attention_norm(tokens), apart, kept)
        return tokens + self.mlp(self.mlp_norm(tokens))


class TemporalAttention(nn.Module):
    """See the head of this module.

    Attributes:
        context: (0, 0): every frame is answered.
        longest: the most frames that it takes at once.
    """

    def __init__(self, settings: TemporalAttentionSettings) -> None:
        super().__init__()
        own = ResidualMlpSettings(
            settings.own_inputs, settings.outputs, settings.hidden, settings.blocks,
            dropout=0.0, normalisation="layer", activation="gelu",
        )  # fmt: skip
        self.own = ResidualMlp(own).requires_grad_(settings.own_learns)
        self.enter = nn.Linear(settings.inputs + settings.hidden + settings.outputs, settings.width)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.width)
        self.leave = nn.Linear(settings.width, settings.outputs)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.own_inputs, self.reach = settings.own_inputs, settings.reach
        self.context: tuple[int, int] = (0, 0)
        self.longest: int | None = settings.longest

    def forward(self, features: Float[Tensor, "batch frames inputs"]) -> Float[Tensor, "batch frames outputs"]:
        return self.mended(*self.alone(features))

    def alone(
        self, features: Float[Tensor, "batch frames inputs"]
    ) -> tuple[Float[Tensor, "batch frames outputs"], Float[Tensor, "batch frames width"]]:
        """What each frame says by itself: its own answer and its token, which can be kept while a window moves on."""
        seen = self.own.features(features[..., : self.own_inputs])
        answer = self.own.leave(seen)
        return answer, self.enter(torch.cat([features, seen, answer], dim=-1))

    def mended(
        self, answer: Float[Tensor, "batch frames outputs"], tokens: Float[Tensor, "batch frames width"],
        about: int | None = None,
    ) -> Float[Tensor, "batch answered outputs"]:  # fmt: skip
        """The answers after the frames have looked at each other.

        Args:
            answer, tokens: what :meth:`alone` gave.
            about: the one frame to answer, for less; each layer then leaves out the frames that those after it do not
                look at. By default every frame.
        """
        frames = tokens.shape[1]
        low, high = (0, frames) if about is None else (about, about + 1)
        number = torch.arange(frames, device=tokens.device)
        # from which frame (row) to which: index into the preferences, with one for what is out of reach at either end
        apart = (number - number[:, None]).clamp(-self.reach - 1, self.reach + 1) + self.reach + 1
        first = 0  # frame of the first token
        for later, layer in zip(reversed(range(len(self.layers))), self.layers, strict=True):
            around = later * self.reach  # how far the layers after this one look
            start, stop = max(low - around, 0), min(high + around, frames)
            tokens, first = layer(tokens, apart, slice(start - first, stop - first)), start
        return answer[:, low:high] + self.leave(self.norm(tokens))


NETWORK = NetworkEntry(
    name="temporal_attention",
    settings=TemporalAttentionSettings,
    build=TemporalAttention,
    about="A residual MLP of each frame and attention between frames: encoded 2D joints over time to 3D joints.",
)
