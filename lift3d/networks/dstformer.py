"""The spatio-temporal transformer of MotionBERT (Zhu et al., ICCV 2023): 2D joints over time to 3D joints.

"MotionBERT: a unified perspective on learning human motion representations", figure 3 and section 3.2 (DSTformer):
every joint of every frame is a token. Each stage has two streams; one attends over the joints of a frame and then
over the frames of a joint, the other in the opposite order; a weight for each token, predicted from both, mixes
them. The full network has 512 features, the lite one 256 and a multilayer perceptron of 4 times its width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError, ShapeError
from lift3d.networks._entry import NetworkEntry

__all__ = ["NETWORK", "Dstformer", "DstformerSettings"]

NORM_EPSILON = 1e-6


@dataclass(frozen=True)
class DstformerSettings:
    """Size and regularisation; the defaults are those of the full network, with x, y and score of 17 joints.

    Args:
        inputs: features of one frame; as many for each joint.
        outputs: numbers predicted for one frame; as many for each joint.
        joints: tokens of one frame.
        longest: frames that it can take at once.
        hidden: features of a token.
        stages: pairs of streams.
        heads: attention heads; they share the features.
        mlp_ratio: width of the multilayer perceptrons, as a multiple of the features.
        representation: features of the layer before the last, the motion representation.
        dropout: probability of dropping a feature after each layer while training.
        attention_dropout: probability of dropping an attention weight while training.

    Raises:
        InputError: inputs or outputs are no multiple of the joints, or features no multiple of the heads.
    """

    inputs: int = 51
    outputs: int = 51
    joints: int = 17
    longest: int = 243
    hidden: int = 512
    stages: int = 5
    heads: int = 8
    mlp_ratio: int = 2
    representation: int = 512
    dropout: float = 0.0
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, parts in (("inputs", "joints"), ("outputs", "joints"), ("hidden", "heads")):
            whole, count = getattr(self, name), getattr(self, parts)
            if whole % count:
                raise InputError(f"{name} is {whole}; expected a multiple of the {count} {parts}.")


class Attention(nn.Module):
    """Self-attention of several heads (Vaswani et al., NeurIPS 2017, section 3.2)."""

    def __init__(self, settings: DstformerSettings) -> None:
        super().__init__()
        self.qkv = nn.Linear(settings.hidden, 3 * settings.hidden)
        self.leave = nn.Linear(settings.hidden, settings.hidden)
        self.heads = settings.heads
        self.dropout = settings.attention_dropout

    def forward(self, tokens: Float[Tensor, "batch tokens hidden"]) -> Float[Tensor, "batch tokens hidden"]:
        parts = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))  # (batch, tokens, 3, heads, features)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind()
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
        return self.leave(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and a multilayer perceptron, each behind a layer norm and around a residual connection."""

    def __init__(self, settings: DstformerSettings) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(settings.hidden, eps=NORM_EPSILON)
        self.attention = Attention(settings)
        self.norm_mlp = nn.LayerNorm(settings.hidden, eps=NORM_EPSILON)
        self.widen = nn.Linear(settings.hidden, settings.mlp_ratio * settings.hidden)
        self.narrow = nn.Linear(settings.mlp_ratio * settings.hidden, settings.hidden)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, tokens: Float[Tensor, "batch tokens hidden"]) -> Float[Tensor, "batch tokens hidden"]:
        tokens = tokens + self.dropout(self.attention(self.norm_attention(tokens)))
        wide = self.dropout(F.gelu(self.widen(self.norm_mlp(tokens))))
        return tokens + self.dropout(self.narrow(wide))


class Stream(nn.Module):
    """One layer over the joints of each frame and one over the frames of each joint."""

    def __init__(self, settings: DstformerSettings, space_first: bool) -> None:
        super().__init__()
        self.space = Layer(settings)
        self.time = Layer(settings)
        self.space_first = space_first

    def forward(
        self, tokens: Float[Tensor, "batch frames joints hidden"]
    ) -> Float[Tensor, "batch frames joints hidden"]:
        if self.space_first:
            return self._over_frames(self._over_joints(tokens))
        return self._over_joints(self._over_frames(tokens))

    def _over_joints(self, tokens: Tensor) -> Tensor:
        return self.space(tokens.flatten(0, 1)).unflatten(0, (-1, tokens.shape[1]))

    def _over_frames(self, tokens: Tensor) -> Tensor:
        by_joint = tokens.transpose(1, 2)  # (batch, joints, frames, hidden)
        return self.time(by_joint.flatten(0, 1)).unflatten(0, (-1, by_joint.shape[1])).transpose(1, 2)


class Stage(nn.Module):
    """Two streams of opposite order, mixed by weights that are predicted for each token."""

    def __init__(self, settings: DstformerSettings) -> None:
        super().__init__()
        self.space_first = Stream(settings, space_first=True)
        self.time_first = Stream(settings, space_first=False)
        self.fusion = nn.Linear(2 * settings.hidden, 2)

    def forward(
        self, tokens: Float[Tensor, "batch frames joints hidden"]
    ) -> Float[Tensor, "batch frames joints hidden"]:
        one, other = self.space_first(tokens), self.time_first(tokens)
        weights = self.fusion(torch.cat([one, other], -1)).softmax(-1)
        return one * weights[..., :1] + other * weights[..., 1:]


class Dstformer(nn.Module):
    """See the head of this module.

    Attributes:
        context: (0, 0), since every frame gets an answer.
        longest: frames that it can take at once.
    """

    def __init__(self, settings: DstformerSettings) -> None:
        super().__init__()
        self.joints = settings.joints
        self.enter = nn.Linear(settings.inputs // settings.joints, settings.hidden)
        self.joint_embedding = nn.Parameter(torch.zeros(settings.joints, settings.hidden))
        self.frame_embedding = nn.Parameter(torch.zeros(settings.longest, 1, settings.hidden))
        self.dropout = nn.Dropout(settings.dropout)
        self.stages = nn.ModuleList(Stage(settings) for _ in range(settings.stages))
        self.norm = nn.LayerNorm(settings.hidden, eps=NORM_EPSILON)
        self.represent = nn.Linear(settings.hidden, settings.representation)
        self.leave = nn.Linear(settings.representation, settings.outputs // settings.joints)
        self.context: tuple[int, int] = (0, 0)
        self.longest: int | None = settings.longest
        self._initialise()

    def forward(self, features: Float[Tensor, "batch frames inputs"]) -> Float[Tensor, "batch frames outputs"]:
        """An answer for every frame.

        Raises:
            ShapeError: there are more frames than it can take at once.
        """
        return self.leave(self.representation(features)).flatten(2)

    def representation(self, features: Float[Tensor, "batch frames inputs"]) -> Float[Tensor, "batch frames joints _"]:
        """What the last layer reads each joint's coordinates from, for other uses of a trained network.

        Raises:
            ShapeError: there are more frames than it can take at once.
        """
        frames = features.shape[1]
        if frames > len(self.frame_embedding):
            expected = f"at most {len(self.frame_embedding)} frames"
            raise ShapeError("features", features.shape, expected, "Pass them in several parts.")
        joints = features.unflatten(-1, (self.joints, -1))  # (batch, frames, joints, channels)
        tokens = self.enter(joints) + self.joint_embedding + self.frame_embedding[:frames]
        tokens = self.dropout(tokens)
        for stage in self.stages:
            tokens = stage(tokens)
        return torch.tanh(self.represent(self.norm(tokens)))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.joint_embedding, std=0.02)
        nn.init.trunc_normal_(self.frame_embedding, std=0.02)
        for stage in self.stages:  # both streams count the same at first
            assert isinstance(stage, Stage)
            nn.init.zeros_(stage.fusion.weight)


NETWORK = NetworkEntry(
    name="dstformer",
    settings=DstformerSettings,
    build=Dstformer,
    about="Spatio-temporal transformer of Zhu et al. 2023 (MotionBERT): encoded 2D joints over time to 3D joints.",
)
