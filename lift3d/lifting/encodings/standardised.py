"""Every number less its mean over its standard deviation: what the network of Martinez et al. (ICCV 2017) is given.

The statistics are those of the training data and belong to the network. 2D joints are pixels of the training
cameras, the lens not undone; 3D joints are relative to the root in the camera's axes, and the root itself is not
answered. A camera with another focal length, or pictures of another size, make such a network see people that it
never saw. ``focal_px`` mends that: joints are then taken as a camera of this focal length and centre, without lens
distortion, would see them.

The network knows no missing joints: those are put on a straight line over time between the frames in which they are
seen, held at the ends (``filled_over_time``).
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.lifting.encodings._entry import Answer, EncodingEntry, FeaturesAlone, with_root
from lift3d.lifting.observed import Observed, filled_over_time
from lift3d.skeletons import Skeleton

__all__ = ["ENCODING", "StandardisedSettings", "decode", "encode"]


@dataclass(frozen=True)
class StandardisedSettings:
    """The statistics.

    Args:
        mean_2d, std_2d: of x and y of each joint given, pixels; two numbers a joint.
        mean_3d, std_3d: of x, y and z of each joint answered; three numbers a joint, in order, without the root.
        metres: of one unit of the 3D numbers; 0.001 for millimetres.
        focal_px: of the camera that the joints are seen by; 0 takes the pixels as they are.
        centre_px: its principal point.

    Raises:
        InputError: lists have different lengths, or a deviation is not positive.
    """

    mean_2d: tuple[float, ...]
    std_2d: tuple[float, ...]
    mean_3d: tuple[float, ...]
    std_3d: tuple[float, ...]
    metres: float = 0.001
    focal_px: float = 0.0
    centre_px: tuple[float, float] = (500.0, 500.0)

    def __post_init__(self) -> None:
        for axes, mean, std in ((2, self.mean_2d, self.std_2d), (3, self.mean_3d, self.std_3d)):
            if len(mean) != len(std) or len(mean) % axes or not all(deviation > 0 for deviation in std):
                raise InputError(
                    f"standardised: mean_{axes}d has {len(mean)} numbers and std_{axes}d {len(std)}; expected {axes} a "
                    "joint in both, and deviations above 0."
                )


def encode(observed: Observed, settings: StandardisedSettings) -> FeaturesAlone:
    """Joints with mean 0 and deviation 1; all must be there (see the head of this module)."""
    pixels = observed.pixels
    if settings.focal_px:
        pixels = observed.rays * settings.focal_px + observed.rays.new_tensor(settings.centre_px)
    mean, std = pixels.new_tensor(settings.mean_2d), pixels.new_tensor(settings.std_2d)
    return FeaturesAlone((pixels.flatten(-2) - mean) / std)


def decode(
    outputs: Float[Tensor, "*batch outputs"], _: FeaturesAlone, skeleton: Skeleton, settings: StandardisedSettings
) -> Answer:
    """Joints relative to the root, metres; the root is put where the skeleton has it."""
    mean, std = outputs.new_tensor(settings.mean_3d), outputs.new_tensor(settings.std_3d)
    others = ((outputs * std + mean) * settings.metres).unflatten(-1, (-1, 3))
    return Answer(with_root(others, skeleton.root))


ENCODING = EncodingEntry(
    name="standardised",
    settings=StandardisedSettings,
    about="every number less its mean over its deviation (Martinez et al.); missing joints are filled over time.",
    features=lambda joints, _settings: 2 * joints,
    outputs=lambda joints, _settings: 3 * (joints - 1),
    encode=encode,
    decode=decode,
    uses=lambda settings: ("rays",) if settings.focal_px else ("pixels",),
    fill=filled_over_time,
)
