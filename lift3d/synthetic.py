"""Made-up rigs, walks and detections: for tests, notebooks and the README, where no data may be needed.

    rig = ring_rig(cameras=4)
    poses = walk(frames=60)
    keypoints = observe(poses, rig, noise_px=2.0)

The stage is a circle around the world's origin, z up, metres. Everything follows from ``seed``. People walk on a
circle of about 1 m radius by forward kinematics: bones keep their lengths, feet stay on the floor, and the gait is
plausible rather than measured. Nothing here is fit to train or to judge a method for real pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.cameras import Camera, CameraRig, Lens
from lift3d.errors import InputError, UnknownNameError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["STAGE_HEIGHT", "STAGE_RADIUS", "observe", "ring_rig", "walk"]

STAGE_RADIUS = 1.5  # metres around the origin; a walk never leaves it
STAGE_HEIGHT = 2.0

_LENSES: dict[str, tuple[Lens, tuple[float, ...]]] = {
    "pinhole": (Lens.BROWN_CONRADY, ()),
    "brown": (Lens.BROWN_CONRADY, (-0.08, 0.02, 5e-4, -3e-4, 0.0)),
    "fisheye": (Lens.FISHEYE, (0.02, -0.006, 0.001, 0.0)),
    "human36m": (Lens.HUMAN36M, (-0.08, 0.02, 5e-4, -3e-4, 0.0)),
}

# joint: (parent, offset from it in a standing person of 1.70 m), x forward, y left, z up, metres.
# "left_" rows are mirrored for the right. Together they name every joint of the skeletons that come with lift3d.
_STANDING: dict[str, tuple[str, tuple[float, float, float]]] = {
    "pelvis": ("", (0.0, 0.0, 0.0)),
    "spine1": ("pelvis", (-0.01, 0.0, 0.10)),
    "spine": ("pelvis", (0.0, 0.0, 0.23)),
    "spine2": ("spine", (-0.01, 0.0, 0.01)),
    "spine3": ("spine", (-0.01, 0.0, 0.10)),
    "thorax": ("spine", (0.0, 0.0, 0.25)),
    "neck": ("thorax", (0.0, 0.0, 0.03)),
    "upper_neck": ("thorax", (0.02, 0.0, 0.10)),
    "neck_nose": ("thorax", (0.05, 0.0, 0.11)),
    "head": ("neck_nose", (-0.03, 0.0, 0.17)),
    "head_top": ("neck_nose", (-0.03, 0.0, 0.17)),
    "nose": ("neck_nose", (0.07, 0.0, 0.02)),
    "left_eye": ("neck_nose", (0.05, 0.033, 0.06)),
    "left_eye_inner": ("neck_nose", (0.055, 0.018, 0.06)),
    "left_eye_outer": ("neck_nose", (0.04, 0.046, 0.06)),
    "left_ear": ("neck_nose", (-0.02, 0.075, 0.05)),
    "left_mouth": ("neck_nose", (0.06, 0.022, -0.02)),
    "left_collar": ("thorax", (-0.01, 0.07, -0.02)),
    "left_shoulder": ("thorax", (0.0, 0.17, -0.02)),
    "left_elbow": ("left_shoulder", (0.0, 0.03, -0.28)),
    "left_wrist": ("left_elbow", (0.0, 0.0, -0.25)),
    "left_hand": ("left_wrist", (0.0, 0.0, -0.08)),
    "left_pinky": ("left_wrist", (-0.03, 0.0, -0.08)),
    "left_index": ("left_wrist", (0.03, 0.0, -0.09)),
    "left_thumb": ("left_wrist", (0.04, 0.0, -0.05)),
    "left_hip": ("pelvis", (0.0, 0.10, -0.02)),
    "left_knee": ("left_hip", (0.0, 0.0, -0.42)),
    "left_ankle": ("left_knee", (0.0, 0.0, -0.42)),
    "left_heel": ("left_ankle", (-0.05, 0.0, -0.07)),
    "left_foot": ("left_ankle", (0.12, 0.01, -0.06)),
    "left_big_toe": ("left_ankle", (0.18, -0.01, -0.07)),
    "left_small_toe": ("left_ankle", (0.14, 0.05, -0.07)),
    "left_foot_index": ("left_ankle", (0.18, 0.0, -0.07)),
}
_STEP_ANGLE = 0.42  # radians that a thigh swings forward and back
_LEG = 0.84  # metres, hip to ankle


def ring_rig(
    cameras: int = 4,
    radius: float = 4.0,
    image_size: tuple[int, int] = (1280, 720),
    lens: str = "brown",
    seed: int = 0,
) -> CameraRig:
    """Cameras on a circle that look at the middle of the stage; the whole stage is in every picture.

    Args:
        cameras: how many, named ``cam0``, ``cam1``, ...
        radius: distance from the middle of the stage, metres along the floor; at least 2.
        image_size: width and height, pixels.
        lens: ``"pinhole"``, ``"brown"``, ``"fisheye"`` or ``"human36m"``; all are mild.
        seed: of the cameras' heights, angles and focal lengths.

    Raises:
        InputError: the cameras would stand on the stage, or there are none.
        UnknownNameError: there is no such lens.
    """
    if cameras < 1 or radius < STAGE_RADIUS + 0.5:
        raise InputError(
            f"ring_rig: {cameras} cameras at {radius:g} m; expected at least 1, at {STAGE_RADIUS + 0.5:g} m or more."
        )
    if lens not in _LENSES:
        raise UnknownNameError("lens", lens, _LENSES)
    random = torch.rand(cameras, 3, generator=_generator(seed), dtype=torch.float64)
    parts = {}
    for index, (turn, rise, zoom) in enumerate(random.tolist()):
        angle = 2 * math.pi * (index + 0.3 * (turn - 0.5)) / cameras
        centre = torch.tensor([radius * math.cos(angle), radius * math.sin(angle), 1.3 + rise], dtype=torch.float64)
        parts[f"cam{index}"] = _camera_at(centre, image_size, lens, zoom=0.94 - 0.1 * zoom)
    return CameraRig.of(parts, up="+z")


def walk(
    frames: int = 60,
    fps: float = 30.0,
    people: int = 1,
    skeleton: str | Skeleton = "human36m17",
    seed: int = 0,
) -> Poses3D:
    """People who walk on a circle around the origin, z up, in metres; every joint is there, in double precision.

    They are about 1.7 m tall, keep their bone lengths, look where they walk and touch the floor z = 0.

    Args:
        frames: how many.
        fps: frames a second.
        people: how many, spread over the circle; they do not meet.
        skeleton: name or skeleton of the result. A joint that lift3d's own skeletons do not have is NaN.
        seed: of the circle, the sizes and the styles of walking.

    Raises:
        InputError: a number is not positive.
        UnknownNameError: there is no such skeleton.
    """
    if frames < 1 or people < 1 or not fps > 0:
        raise InputError(f"walk: frames={frames}, people={people}, fps={fps:g}; expected numbers above 0.")
    generator = _generator(seed)
    start, circle, way = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    style = torch.rand(people, 3, generator=generator, dtype=torch.float64)
    times = torch.arange(frames, dtype=torch.float64) / fps
    size = 0.96 + 0.08 * style[:, 0]
    radius, direction = 0.95 + 0.1 * circle, 1.0 if way < 0.5 else -1.0
    place = direction * _angular_speed(radius) * times[:, None] + 2 * math.pi * (
        start + torch.arange(people, dtype=torch.float64) / people
    )
    stride = 4 * _LEG * size * math.sin(_STEP_ANGLE)
    phase = 2 * math.pi * (_angular_speed(radius) * radius * times[:, None] / stride + style[:, 1])
    rotations = _gait(phase, heading=place + direction * math.pi / 2, swing=0.35 + 0.2 * style[:, 2])
    joints = forward_kinematics(rotations, _OFFSETS, _EVERY_JOINT.parents).places * size[:, None, None]
    middle = torch.stack([radius * torch.cos(place), radius * torch.sin(place), -_lowest(joints)], dim=-1)
    everything = Poses3D.of(joints + middle[:, :, None], skeleton=_EVERY_JOINT, times=times)
    return everything.mapped_to(get_skeleton(skeleton))


def observe(
    poses: Poses3D,
    rig: CameraRig,
    noise_px: float = 0.0,
    missing: float = 0.0,
    outliers: float = 0.0,
    seed: int = 0,
) -> Keypoints2D:
    """What a detector might see of the poses in every camera of the rig.

    Scores fall with the error, from about 0.95 to 0.2, with some noise of their own. Joints outside a picture or
    behind a camera are missing, and so are those that are NaN in the poses.

    Args:
        poses: in the world, metres.
        rig: the cameras.
        noise_px: standard deviation of Gaussian noise on x and on y, pixels.
        missing: share of detections that are dropped, 0 to 1.
        outliers: share of detections that lie anywhere in the picture, 0 to 1.
        seed: of all of these.

    Raises:
        InputError: the poses are not in the world, or a number is out of range.
    """
    if poses.frame != "world":
        raise InputError(f"observe: the poses are in the {poses.frame!r} frame; expected 'world'.")
    if not (noise_px >= 0 and 0 <= missing <= 1 and 0 <= outliers <= 1):
        raise InputError(
            f"observe: noise_px={noise_px}, missing={missing}, outliers={outliers}; expected noise of at least 0 and "
            "shares within 0 and 1."
        )
    generator = _generator(seed)
    exact = rig.to(poses.positions.dtype).project(poses.positions)
    sizes = rig.cameras.image_size.to(exact)
    limits = torch.where(torch.isfinite(sizes), sizes, torch.full_like(sizes, torch.inf))[:, None, None, None]
    pixels = exact + noise_px * torch.randn(exact.shape, generator=generator, dtype=torch.float64).to(exact)
    anywhere = torch.rand(exact.shape, generator=generator, dtype=torch.float64).to(exact) * (limits - 1)
    dice = torch.rand(exact.shape[:-1], generator=generator, dtype=torch.float64).to(exact)
    pixels = torch.where((dice < outliers)[..., None] & anywhere.isfinite(), anywhere, pixels)
    dropped = torch.rand(exact.shape[:-1], generator=generator, dtype=torch.float64).to(exact) < missing
    outside = ((exact < -0.5) | (exact > limits - 0.5)).any(-1) | ~torch.isfinite(exact).all(-1)
    jitter = 0.05 * torch.randn(exact.shape[:-1], generator=generator, dtype=torch.float64).to(exact)
    scores = (0.2 + 0.75 * torch.exp(-(pixels - exact).norm(dim=-1) / 25) + jitter).clamp(0.05, 1.0)
    return Keypoints2D.of(
        pixels.masked_fill((dropped | outside)[..., None], torch.nan),
        scores,
        skeleton=poses.skeleton,
        times=poses.times,
        camera_names=rig.names,
        image_sizes=rig.cameras.image_size,
    )


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _every_joint() -> tuple[Skeleton, Float[Tensor, "joints 3"]]:
    """The skeleton of all rows of the table, mirrored, and its offsets in metres."""
    rows: dict[str, tuple[str, Sequence[float]]] = {}
    for joint, (parent, (x, y, z)) in _STANDING.items():
        rows[joint] = parent, (x, y, z)
        if joint.startswith("left_"):
            rows[joint.replace("left_", "right_")] = parent.replace("left_", "right_"), (x, -y, z)
    names = tuple(rows)
    parents = tuple(names.index(parent) if parent else -1 for parent, _ in rows.values())
    offsets = torch.tensor([offset for _, offset in rows.values()], dtype=torch.float64)
    return Skeleton("synthetic_everything", names, parents), offsets


_EVERY_JOINT, _OFFSETS = _every_joint()


def _angular_speed(radius: float) -> float:
    """Radians a second around the stage, at 1.1 m/s."""
    return 1.1 / radius


def _camera_at(centre: Tensor, image_size: tuple[int, int], lens: str, zoom: float) -> Camera:
    """A camera at a place of the world, upright, that looks at the middle of the stage and sees all of it."""
    forward = torch.tensor([0.0, 0.0, 0.9], dtype=torch.float64) - centre
    forward = forward / forward.norm()
    right = torch.linalg.cross(forward, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    right = right / right.norm()
    rotation = torch.stack([right, torch.linalg.cross(forward, right), forward])
    model, coefficients = _LENSES[lens]
    middle = [(side - 1) / 2 for side in image_size]
    rim = (_stage_rim() - centre) @ rotation.T
    spread = (rim[:, :2] / rim[:, 2:]).abs().amax(0).tolist()
    focal = zoom * min(side / 2 / far for side, far in zip(image_size, spread, strict=True))
    return Camera.of(
        [[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]],
        coefficients, rotation, -rotation @ centre, image_size, model,
    )  # fmt: skip


def _stage_rim() -> Float[Tensor, "points 3"]:
    angles = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    ring = torch.stack([torch.cos(angles), torch.sin(angles)], dim=-1) * STAGE_RADIUS
    heights = torch.tensor([0.0, STAGE_HEIGHT], dtype=torch.float64).repeat_interleave(len(ring))
    return torch.cat([ring.repeat(2, 1), heights[:, None]], dim=-1)


def _gait(
    phase: Float[Tensor, "frames people"], heading: Float[Tensor, "frames people"], swing: Float[Tensor, "people"]
) -> Float[Tensor, "frames people joints 3 3"]:
    """Rotation of each joint within its parent, for people whose steps are at ``phase`` (radians).

    Args:
        phase: 0 where the left leg passes beneath the body on its way forward.
        heading: direction of walking on the floor, radians from x to y.
        swing: radians that the arms swing.
    """
    vectors = torch.zeros(*phase.shape, len(_EVERY_JOINT), 3, dtype=torch.float64)
    pitch, yaw = vectors[..., 1], vectors[..., 2]  # positive pitch turns what hangs down backwards
    at = _EVERY_JOINT.index
    yaw[..., at("pelvis")] = heading - 0.08 * torch.sin(phase)
    yaw[..., at("spine")] = 0.16 * torch.sin(phase)
    pitch[..., at("spine")] = 0.04
    for side, evenly in (("left", phase), ("right", phase + math.pi)):
        own = evenly + 0.35 * torch.sin(evenly)  # swings faster forward than it is left behind on the floor
        hip = -_STEP_ANGLE * torch.sin(own)
        knee = 0.10 + 0.95 * ((1 + torch.cos(own)) / 2) ** 2
        pitch[..., at(f"{side}_hip")] = hip
        pitch[..., at(f"{side}_knee")] = knee
        pitch[..., at(f"{side}_ankle")] = -0.6 * (hip + knee)
        pitch[..., at(f"{side}_shoulder")] = swing * torch.sin(own)
        pitch[..., at(f"{side}_elbow")] = -0.3 + 0.2 * torch.sin(own)
    return rotvec_to_matrix(vectors)


def _lowest(joints: Float[Tensor, "frames people joints 3"]) -> Float[Tensor, "frames people"]:
    """Height of the lowest joint, smooth over time: it changes between the feet within about 1 cm."""
    sharpness = 150.0  # per metre
    return -torch.logsumexp(-sharpness * joints[..., 2], dim=-1) / sharpness
