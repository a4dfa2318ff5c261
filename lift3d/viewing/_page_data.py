"""What a scene's page shows, as numbers for JSON.

Positions are whole millimetres in the poses' own axes, pixels are rounded to 0.1, scores to 0.01; what is missing
is ``None``. All sequences and keypoints are brought to one timeline, that of the longest.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.bodies import BodyMotion
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton
from lift3d.viewing._body_data import body_data, lens_grid
from lift3d.viewing._upright import UPRIGHT, floor_height, to_upright, view_box

if TYPE_CHECKING:
    from lift3d.viewing.web_viewer import Scene

__all__ = ["match_frames", "page_data", "timeline"]


def page_data(scene: Scene) -> dict[str, Any]:
    """The scene as dicts, lists, numbers and names, ready for JSON."""
    times = timeline(scene)
    spaces = _space_keys(scene)
    return {
        "title": scene.title,
        "times": [round(time, 4) for time in times.tolist()],
        "spaces": [_space(scene, frame, up) for frame, up in spaces],
        "sequences": [
            _sequence(label, poses, times, spaces.index((poses.frame, poses.up))) | {"hidden": label in scene.hidden}
            for label, poses in scene.sequences
        ],
        "bodies": _bodies(scene, times, spaces),
        "keypointSkeleton": _skeleton(scene.keypoints.skeleton) if scene.keypoints is not None else None,
        "cameras": [_camera(scene, name, times) for name in _camera_names(scene)],
    }


def timeline(scene: Scene) -> Float[Tensor, "frames"]:
    """The scene's times, seconds: those of the sequence with the most frames, or of the keypoints, or frame numbers
    over 30 where there are only pictures.
    """
    nouns: list[Poses3D | Keypoints2D | BodyMotion] = [poses for _, poses in scene.sequences]
    nouns += [noun for noun in (scene.keypoints, scene.motion) if noun is not None]
    if nouns:
        return max(nouns, key=lambda noun: len(noun.times)).times
    last = max((max(images.jpegs) for images in scene.images), default=0)
    return torch.arange(last + 1, dtype=torch.float64) / 30


def match_frames(times: Float[Tensor, "frames"], own: Float[Tensor, "own_frames"]) -> list[int | None]:
    """For each frame of the timeline, the frame of one's own at about the same time, or None.

    Frames match within half a step of the timeline. Where no time matches at all, frames match by number.
    """
    if not len(own) or not len(times):
        return [None] * len(times)
    step = torch.diff(times).median().item() if len(times) > 1 else math.inf
    right = torch.searchsorted(own.contiguous(), times.contiguous()).clamp(max=len(own) - 1)
    left = (right - 1).clamp(min=0)
    nearest = torch.where((own[left] - times).abs() <= (own[right] - times).abs(), left, right)
    close = (own[nearest] - times).abs() <= 0.51 * step
    if not bool(close.any()):
        return [i if i < len(own) else None for i in range(len(times))]
    return [i if good else None for i, good in zip(nearest.tolist(), close.tolist(), strict=True)]


def _space_keys(scene: Scene) -> list[tuple[str, str]]:
    """(frame, up) of all that can be drawn together; the world of the rig first."""
    keys = [("world", scene.rig.up)] if scene.rig is not None else []
    keys.extend((poses.frame, poses.up) for _, poses in scene.sequences)
    if scene.motion is not None:
        keys.append((scene.motion.frame, scene.motion.up))
    return list(dict.fromkeys(keys))


def _space(scene: Scene, frame: str, up: str) -> dict[str, Any]:
    shown = [poses for _, poses in scene.sequences]
    shown += [scene.motion.joints()] if scene.motion is not None else []
    own = [to_upright(poses.positions.double(), up) for poses in shown if (poses.frame, poses.up) == (frame, up)]
    rig = scene.rig if scene.rig is not None and (frame, up) == ("world", scene.rig.up) else None
    points = [points.reshape(-1, 3) for points in own]
    if not points and rig is not None:
        points = [to_upright(rig.cameras.centre.double(), up)]
    low, high = view_box(torch.cat(points))
    return {
        "frame": frame,
        "up": up,
        "upright": [list(row) for row in UPRIGHT[up]],
        "floor": round(min((floor_height(points) for points in own), default=0.0), 3),
        "low": _rounded(low, 3),
        "high": _rounded(high, 3),
        "hasCameras": rig is not None,
    }


def _bodies(scene: Scene, times: Tensor, spaces: list[tuple[str, str]]) -> list[dict[str, Any]]:
    motion = scene.motion
    if motion is None:
        return []
    return [body_data(motion, match_frames(times, motion.times), spaces.index((motion.frame, motion.up)))]


def _skeleton(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "edges": [list(edge) for edge in skeleton.edges],
        "sides": [skeleton.side(joint) for joint in range(len(skeleton))],
    }


def _sequence(label: str, poses: Poses3D, times: Tensor, space: int) -> dict[str, Any]:
    frames = match_frames(times, poses.times)
    return {
        "label": label,
        "space": space,
        "skeleton": _skeleton(poses.skeleton),
        "positions_mm": _pick(_points(poses.positions.double() * 1000, 0), frames),
        "scores": _pick(_rounded(poses.scores, 2), frames),
    }


def _camera_names(scene: Scene) -> list[str]:
    names = list(scene.rig.names) if scene.rig is not None else []
    names.extend(scene.keypoints.camera_names if scene.keypoints is not None else ())
    names.extend(images.camera for images in scene.images)
    return list(dict.fromkeys(names))


def _camera(scene: Scene, name: str, times: Tensor) -> dict[str, Any]:
    images = next((images for images in scene.images if images.camera == name), None)
    in_rig = scene.rig is not None and name in scene.rig.names
    detected = _detected(scene.keypoints, name, times)
    size = _image_size(scene, name)
    return {
        "name": name,
        "size": size,
        "calibration": _calibration(scene, name) if in_rig else None,
        "lens": _lens(scene, name, size) if in_rig and scene.motion is not None else None,
        "detected": detected,
        "reprojected": [_reprojected(scene, name, poses, times) for _, poses in scene.sequences] if in_rig else [],
        "images": {
            str(frame): base64.b64encode(jpeg).decode("ascii")
            for frame, jpeg in (images.jpegs if images else {}).items()
        },
    }


def _calibration(scene: Scene, name: str) -> dict[str, Any]:
    assert scene.rig is not None
    camera = scene.rig[name]
    return {
        "intrinsics": _rounded(camera.intrinsics, 2),
        "rotation": _rounded(camera.rotation, 6),
        "centre": _rounded(camera.centre, 4),
    }


def _lens(scene: Scene, name: str, size: list[int] | None) -> dict[str, Any] | None:
    assert scene.rig is not None
    return lens_grid(scene.rig[name], (size[0], size[1])) if size else None


def _image_size(scene: Scene, name: str) -> list[int] | None:
    """Width and height of a camera's pictures, from whoever knows; else the box of the detections; else None."""
    candidates: list[tuple[float, ...]] = [images.size for images in scene.images if images.camera == name]
    keypoints = scene.keypoints
    if keypoints is not None and name in keypoints.camera_names:
        candidates.append(tuple(keypoints.only([name]).image_sizes[0].tolist()))
    if scene.rig is not None and name in scene.rig.names:
        candidates.append(tuple(scene.rig[name].image_size.tolist()))
        candidates.append(tuple((2 * scene.rig[name].intrinsics[:2, 2] + 1).tolist()))  # a centred principal point
    if keypoints is not None and name in keypoints.camera_names:
        pixels = keypoints.only([name]).pixels
        candidates.append(tuple(torch.nan_to_num(pixels, nan=0.0).flatten(0, -2).amax(0).mul(1.1).tolist()))
    known = (size for size in candidates if all(math.isfinite(side) and side >= 1 for side in size))
    size = next(known, None)
    return [round(side) for side in size] if size else None


def _detected(keypoints: Keypoints2D | None, name: str, times: Tensor) -> dict[str, Any] | None:
    if keypoints is None or name not in keypoints.camera_names:
        return None
    own = keypoints.only([name])
    frames = match_frames(times, own.times)
    return {
        "pixels": _pick(_points(own.pixels[0], 1), frames),
        "scores": _pick(_rounded(own.scores[0], 2), frames),
    }


def _reprojected(scene: Scene, name: str, poses: Poses3D, times: Tensor) -> list[Any] | None:
    """Pixels of a sequence's joints in a camera; None for a sequence that is not in the rig's world."""
    assert scene.rig is not None
    if poses.frame != "world":
        return None
    camera = scene.rig[name].to(torch.float64)
    pixels = camera.project(poses.positions.double().reshape(-1, 3)).reshape(*poses.positions.shape[:-1], 2)
    return _pick(_points(pixels, 1), match_frames(times, poses.times))


def _pick(rows: list[Any], frames: list[int | None]) -> list[Any]:
    return [None if frame is None else rows[frame] for frame in frames]


def _rounded(values: Tensor, digits: int) -> Any:
    """Nested lists of numbers; whole ones as int, to be short."""
    return _short(values.detach().double().cpu().tolist(), digits)


def _short(value: Any, digits: int) -> Any:
    if isinstance(value, list):
        return [_short(item, digits) for item in value]
    if not math.isfinite(value):
        return None
    number = round(value, digits)
    return int(number) if number == int(number) else number


def _points(points: Float[Tensor, "frames people joints axes"], digits: int) -> list[Any]:
    """Nested lists [frame][person][joint] of [x, y, ...], or None where a coordinate is missing."""
    return [
        [[None if None in joint else joint for joint in person] for person in frame]
        for frame in _rounded(points, digits)
    ]
