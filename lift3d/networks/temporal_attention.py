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
        self.heads, self.reach = settings.heads, settings.reach
        self.enter = nn.Linear(settings.width, 3 * settings.width)
        self.leave = nn.Linear(settings.width, settings.width)
        self.preference = nn.Parameter(torch.zeros(settings.heads, 2 * settings.reach + 1))

    def keys_and_values(self, tokens: Float[Tensor, "batch frames width"]) -> Float[Tensor, "batch frames twice"]:
        """What other frames see of these."""
        width = tokens.shape[2]
        return F.linear(tokens, self.enter.weight[width:], self.enter.bias[width:])

    def liking(self, asking: Int[Tensor, "asking"], asked: Int[Tensor, "asked"]) -> Float[Tensor, "heads asking asked"]:
        """How much frames of some numbers like to look at others, before they see them."""
        apart = (asked - asking[:, None]).clamp(-self.reach - 1, self.reach + 1) + self.reach + 1
        return F.pad(self.preference, (1, 1), value=_FAR)[:, apart]

    def forward(
        self,
        tokens: Float[Tensor, "batch asking width"],
        keys_and_values: Float[Tensor, "batch asked twice"],
        liking: Float[Tensor, "heads asking asked"],
    ) -> Float[Tensor, "batch asking width"]:
        width = tokens.shape[2]
        query = F.linear(tokens, self.enter.weight[:width], self.enter.bias[:width]).unflatten(-1, (self.heads, -1))
        key, value = keys_and_values.unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query = query.transpose(1, 2)  # (batch, heads, asking, width / heads)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=liking.to(query.dtype))
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

    def shown(self, tokens: Float[Tensor, "batch frames width"]) -> Float[Tensor, "batch frames twice"]:
        """What other frames see of these."""
        return self.attention.keys_and_values(self.attention_norm(tokens))

    def forward(
        self,
        tokens: Float[Tensor, "batch asking width"],
        shown: Float[Tensor, "batch asked twice"],
        liking: Float[Tensor, "heads asking asked"],
    ) -> Float[Tensor, "batch asking width"]:
        tokens = tokens + self.attention(self.attention_norm(tokens), shown, liking)
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
        answer, tokens = self.alone(features)
        number = torch.arange(tokens.shape[1], device=tokens.device)
        for layer in self.each_layer():
            tokens = layer(tokens, layer.shown(tokens), layer.attention.liking(number, number))
        return self.mended(answer, tokens)

    def alone(
        self, features: Float[Tensor, "batch frames inputs"]
    ) -> tuple[Float[Tensor, "batch frames outputs"], Float[Tensor, "batch frames width"]]:
        """What each frame says by itself: its own answer and its token."""
        seen = self.own.features(features[..., : self.own_inputs])
        answer = self.own.leave(seen)
        return answer, self.enter(torch.cat([features, seen, answer], dim=-1))

    def mended(
        self, answer: Float[Tensor, "batch frames outputs"], tokens: Float[Tensor, "batch frames width"]
    ) -> Float[Tensor, "batch frames outputs"]:
        """The answers of frames that have looked at each other."""
        return answer + self.leave(self.norm(tokens))

    def each_layer(self) -> list[Layer]:
        """Of attention, from the first to the last."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def stream(self, delay: int) -> AttentionStream:
        """For frames that come in one by one, of which the one ``delay`` ago or a later one is asked about."""
        return AttentionStream(self, delay)


class AttentionStream:
    """A network's work on a sequence that goes on: exactly the answers of the whole sequence so far, for little.

    A frame looks at ``reach`` frames after it. So what layer n gives for a frame changes only as long as frames up to
    n times the reach after it come in; then it is kept. With each new frame a layer works on those frames alone, and
    only as far back as the layers after it look from the frame that is asked about. Memory is constant.

    Args:
        network: in evaluation mode.
        delay: how many frames ago the earliest frame is that is asked about.
    """

    def __init__(self, network: TemporalAttention, delay: int) -> None:
        self._network, self._delay, self._layers = network, delay, network.each_layer()
        self._answers: Tensor | None = None  # of each frame alone
        # of each layer, of the last frames: what goes into it, and what other frames see of that
        self._tokens: list[Tensor | None] = [None for _ in self._layers]
        self._shown: list[Tensor | None] = [None for _ in self._layers]
        self._likings: list[tuple[tuple[int, ...], Tensor] | None] = [None for _ in self._layers]

    def add(self, features: Float[Tensor, "batch 1 inputs"]) -> None:
        """The next frame."""
        network = self._network
        answer, changed = network.alone(features)
        self._answers = _renewed(self._answers, answer, self._delay + 1)
        for number, layer in enumerate(self._layers):
            after = len(self._layers) - number  # layers from here on
            kept = self._delay + after * network.reach + 1
            self._tokens[number] = _renewed(self._tokens[number], changed, kept)
            self._shown[number] = _renewed(self._shown[number], layer.shown(changed), kept)
            if after > 1:
                touched = min((number + 1) * network.reach, self._delay + (after - 1) * network.reach) + 1
                changed = self._given(number, slice(-touched, None))

    def answer(self, ago: int) -> Float[Tensor, "batch 1 outputs"]:
        """About the frame so many before the newest, at most the delay."""
        assert self._answers is not None
        frame = slice(-1 - ago, -ago or None)
        return self._network.mended(self._answers[:, frame], self._given(len(self._layers) - 1, frame))

    def _given(self, number: int, frames: slice) -> Tensor:
        """What a layer gives for some of the frames that it keeps."""
        layer, tokens, shown = self._layers[number], self._tokens[number], self._shown[number]
        assert tokens is not None
        which = (tokens.shape[1], *frames.indices(tokens.shape[1]))
        known = self._likings[number]
        if known is None or known[0] != which:  # it changes at the beginning only
            every = torch.arange(tokens.shape[1], device=tokens.device)
            known = self._likings[number] = which, layer.attention.liking(every[frames], every)
        return layer(tokens[:, frames], shown, known[1])


def _renewed(kept: Tensor | None, last: Tensor, most: int) -> Tensor:
    """Frames of which one more has come and the last ones are new; at most so many of them."""
    if kept is None:
        return last
    return torch.cat([kept[:, : max(0, kept.shape[1] + 1 - last.shape[1])], last], dim=1)[:, -most:]


NETWORK = NetworkEntry(
    name="temporal_attention",
    settings=TemporalAttentionSettings,
    build=TemporalAttention,
    about="A residual MLP of each frame and attention between frames: encoded 2D joints over time to 3D joints.",
)
