"""A checkpoint made ready to lift: network, encoding and skeletons, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lift3d.checkpoints import Checkpoint, load_network
from lift3d.errors import InputError, Lift3dError
from lift3d.lifting.encodings import Answer, EncodingEntry, encoding_named
from lift3d.lifting.encodings._entry import part_of
from lift3d.lifting.observed import Observed
from lift3d.settings import from_mapping
from lift3d.skeletons import Skeleton, mapping_between

__all__ = ["DEFAULT_LIFTER", "Lifter"]

DEFAULT_LIFTER = "temporal_attention_cmu17"


@dataclass(frozen=True, eq=False)
class Lifter:
    """2D joints of people in, 3D joints relative to the root out.

    Args:
        network: in evaluation mode.
        encoding: what it is given and how its answer is understood.
        settings: of the encoding.
        input_skeleton: of the joints that it is given.
        skeleton: of the joints that it answers.
        context: frames before and after its own that an answer is made from.
        longest: the most frames that it takes at once; None where that does not matter.
        single: whether it takes frames one by one, without a frames axis.
    """

    network: nn.Module
    encoding: EncodingEntry
    settings: Any
    input_skeleton: Skeleton
    skeleton: Skeleton
    context: tuple[int, int] = (0, 0)
    longest: int | None = None
    single: bool = False

    @classmethod
    def of(cls, checkpoint: str | Path | Checkpoint, device: str | torch.device = "cpu") -> Lifter:
        """From a shipped lifter's name, a file, or a loaded checkpoint.

        A checkpoint that names no encoding has lift3d's own, ``turned_rays``.

        Raises:
            FileError: the checkpoint cannot be read.
            InputError: its network lifts nothing, or does not fit its encoding.
        """
        loaded = checkpoint if isinstance(checkpoint, Checkpoint) else load_network(checkpoint)
        network = loaded.network.to(device).eval()
        return cls.assembled(network, loaded.settings, loaded.encoding, loaded.input_skeleton, loaded.skeleton)

    @classmethod
    def assembled(
        cls,
        network: nn.Module,
        network_settings: Any,
        encoding_tables: Mapping[str, Any],
        input_skeleton: Skeleton,
        skeleton: Skeleton,
    ) -> Lifter:
        """From its parts; ``encoding_tables`` as in :class:`Checkpoint`, empty for ``turned_rays``.

        Raises:
            InputError: the network lifts nothing, or does not fit its encoding.
        """
        tables = dict(encoding_tables) or {"name": "turned_rays"}
        try:
            encoding = encoding_named(str(tables.pop("name", "")))
            settings = from_mapping(encoding.settings, tables, f"encoding {encoding.name}")
        except Lift3dError as error:
            raise InputError(f"The checkpoint's encoding cannot be used: {error}") from error
        for name, wanted in {
            "inputs": encoding.features(len(input_skeleton), settings),
            "outputs": encoding.outputs(len(skeleton), settings),
        }.items():
            has = getattr(network_settings, name, None)
            if has != wanted:
                raise InputError(
                    f"The network has {has} {name}; the encoding {encoding.name!r} of {len(input_skeleton)} joints "
                    f"given and {len(skeleton)} answered needs {wanted}. Pass a checkpoint of a lifter."
                )
        return cls(
            network=network,
            encoding=encoding,
            settings=settings,
            input_skeleton=input_skeleton,
            skeleton=skeleton,
            context=getattr(network, "context", (0, 0)),
            longest=getattr(network, "longest", None),
            single=not hasattr(network, "context"),
        )

    @property
    def window(self) -> int:
        """Frames that one answer is made from, where the network says."""
        return sum(self.context) + 1

    @property
    def carries_on(self) -> bool:
        """Whether the network can go on with what it has computed as frames come in."""
        return hasattr(self.network, "stream")

    def stride(self, frames_per_second: float) -> int:
        """From which frame to which a network over time looks, so that they are as far apart as those it has learned.

        At 60 frames a second a network of 30 is given every other frame, and then the frames between.
        """
        learned = None if self.single else getattr(self.settings, "frames_per_second", None)
        return 1 if learned is None else max(1, round(frames_per_second / learned))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def filled(self, observed: Observed) -> Observed:
        """People (*batch, frames) with missing joints filled, where the network does not handle them itself."""
        return observed if self.encoding.fill is None else self.encoding.fill(observed)

    def left_out(self, source: Skeleton, target: Skeleton) -> list[int]:
        """Joints of the target that it is not given from a source: guesses, where it handles missing joints itself.

        A guess says nothing that the joints it is made of do not, and the network has learned where the joint is.
        """
        if self.encoding.fill is not None or source == target:
            return []
        return list(target.indices(*mapping_between(source, target).guessed))

    def encoded(self, observed: Observed) -> Any:
        """Each frame as the network sees it."""
        return self.encoding.encode(observed, self.settings)

    def answer(self, observed: Observed, flip: bool = False) -> Answer:
        """What the network says of people (batch, frames, joints), about the frames that it answers.

        Of ``frames`` those from ``context[0]`` to ``frames - context[1]`` are answered. Missing joints must have been
        filled (:meth:`filled`).

        Args:
            observed: on ``input_skeleton``; no longer than ``longest``.
            flip: average with the answer for the mirrored people.
        """
        answer = self.answer_to(self.encoded(observed))
        if not flip:
            return answer
        mirrored = self.answer_to(self.encoded(observed.mirrored(self.input_skeleton.flip_order)))
        return answer.mean_with(mirrored.mirrored(self.skeleton.flip_order))

    def answer_to(self, encoded: Any) -> Answer:
        """What the network says of encoded people (batch, frames), as :meth:`answer`."""
        features = encoded.features
        if self.single:
            flat = features.ndim == 2
            outputs = self.network(features if flat else features.flatten(0, -2))
            outputs = outputs if flat else outputs.unflatten(0, features.shape[:-1])
            return self.encoding.decode(outputs, encoded, self.skeleton, self.settings)
        before, after = self.context
        frames = features.shape[1]
        one_frame = getattr(self.network, "one_frame", None) if frames == self.window else None
        outputs = (one_frame or self.network)(features)  # the same answer, where there is one only, for less
        about = part_of(encoded, (slice(None), slice(before, frames - after)))
        return self.encoding.decode(outputs, about, self.skeleton, self.settings)
