"""2D joints of one person in videos, image folders or pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import torch
from jaxtyping import UInt8
from torch import Tensor

from lift3d._progress import progress as with_bar
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.detection.crop import Crop, cut
from lift3d.detection.decoding import averaged, decode, mirrored
from lift3d.detection.follow import Follower, FollowSettings, Joints
from lift3d.errors import InputError
from lift3d.keypoints import Keypoints2D
from lift3d.networks.movenet import MoveNet, MoveNetOutput
from lift3d.video import Frame, VideoInfo, probe, read_frames

__all__ = ["DetectSettings", "detect", "detect_frames", "detect_video"]

Source: TypeAlias = str | Path


@dataclass(frozen=True)
class DetectSettings:
    """How joints are found.

    Args:
        lowest_score: a joint with a lower score is missing. Pictures of nobody give scores up to about 0.2.
        mirror: also look at the mirrored picture, and average: steadier and free of a bias to one side, at twice the
            time.
        follow: how the person is kept in view.
    """

    lowest_score: float = 0.2
    mirror: bool = True
    follow: FollowSettings = field(default_factory=FollowSettings)


@dataclass(frozen=True, eq=False)
class NetworkLook:
    """Looks at crops with a network; a ``Look`` of ``lift3d.detection.follow``.

    Args:
        network: its input is square, RGB, from -1 to 1; its output is a ``MoveNetOutput``.
        image_size: side of the input, pixels.
        flip_order: of its joints.
        mirror: see ``DetectSettings``.
        device: where the network is.
    """

    network: MoveNet
    image_size: int
    flip_order: tuple[int, ...]
    mirror: bool
    device: torch.device

    @torch.no_grad()
    def __call__(self, rgb: UInt8[Tensor, "height width 3"], crop: Crop) -> Joints:
        image = cut(rgb, crop, self.image_size).to(self.device)
        images = torch.stack([image, image.flip(-1)]) if self.mirror else image[None]
        output = self.network(images.contiguous(memory_format=torch.channels_last))
        if self.mirror:
            plain, other = (MoveNetOutput(*parts) for parts in zip(*(part.split(1) for part in output), strict=True))
            output = averaged(plain, mirrored(other, self.flip_order))
        places, scores = decode(output)
        return Joints(crop.to_picture(places[0].double().cpu()), scores[0].double().cpu())


def detect(
    source: Source | Sequence[Source],
    model: Source | Checkpoint = "movenet_thunder",
    *,
    device: str | torch.device = "cpu",
    frames: int | None = None,
    settings: DetectSettings | None = None,
    progress: bool = True,
) -> Keypoints2D:
    """The joints of one person in each video, image folder or picture.

    Cameras are named after the files, without their suffixes. Frames of several cameras are matched by number: the
    videos must have begun together. A joint that is not seen is NaN with score 0, and so are all joints of a frame
    in which nobody is.

    Args:
        source: one path, or one a camera.
        model: the name of a detector that comes with lift3d, a file, or what ``load_network`` gave.
        device: where the network runs.
        frames: only so many from the start.
        settings: see there.
        progress: show a bar on standard error.

    Raises:
        FileError: a video or the model cannot be read.
        InputError: there is no source, two have the same name, or the model is no detector.
    """
    paths = [source] if isinstance(source, str | Path) else list(source)
    names = [_camera_name(path) for path in paths]
    if not paths or len(set(names)) != len(names):
        raise InputError(
            f"detect: the videos are named {names or 'nothing'}; expected at least one, and one name for each camera. "
            "Rename the files."
        )
    checkpoint = model if isinstance(model, Checkpoint) else load_network(model, device)
    parts = [
        detect_video(path, checkpoint, device=device, frames=frames, settings=settings, progress=progress)
        for path in paths
    ]
    return Keypoints2D.stacked(parts)


def detect_video(
    path: Source,
    model: Source | Checkpoint = "movenet_thunder",
    *,
    device: str | torch.device = "cpu",
    frames: int | None = None,
    settings: DetectSettings | None = None,
    progress: bool = True,
) -> Keypoints2D:
    """The joints of one person in one video: ``detect`` with one camera; see there."""
    if frames is not None and frames < 1:
        raise InputError(f"detect: frames is {frames}; expected at least 1, or None for all.")
    checkpoint = model if isinstance(model, Checkpoint) else load_network(model, device)
    info = probe(path)
    pictures: Iterable[Frame] = islice(read_frames(path), frames)
    if progress:
        counts = [count for count in (info.frames, frames) if count is not None]
        pictures = with_bar(pictures, f"detecting in {_camera_name(path)}", "frame", min(counts, default=None))
    found = detect_frames(pictures, checkpoint, device=device, settings=settings)
    return _keypoints([*found], checkpoint, info, _camera_name(path))


def detect_frames(
    pictures: Iterable[Frame],
    checkpoint: Checkpoint,
    *,
    device: str | torch.device = "cpu",
    settings: DetectSettings | None = None,
) -> Iterator[tuple[float, Joints | None]]:
    """Time and joints of each picture as it comes, such as from a camera; None where nobody is seen.

    Raises:
        InputError: the checkpoint is no detector.
    """
    settings = settings or DetectSettings()
    follower = Follower(_look(checkpoint, settings, torch.device(device)), settings.follow)
    for picture in pictures:
        seen = follower.next(picture.rgb)
        yield picture.time, None if seen is None else _without_unseen(seen, settings.lowest_score)


def _look(checkpoint: Checkpoint, settings: DetectSettings, device: torch.device) -> NetworkLook:
    network = checkpoint.network
    if not isinstance(network, MoveNet):
        raise InputError(f"The model is a {checkpoint.name}, which is no detector; pass one such as 'movenet_thunder'.")
    network = network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    order = checkpoint.skeleton.flip_order
    return NetworkLook(network, checkpoint.settings.image_size, order, settings.mirror, device)


def _without_unseen(seen: Joints, lowest: float) -> Joints:
    unseen = seen.scores < lowest
    return Joints(seen.pixels.masked_fill(unseen[:, None], torch.nan), seen.scores.masked_fill(unseen, 0.0))


def _keypoints(
    found: list[tuple[float, Joints | None]], checkpoint: Checkpoint, info: VideoInfo, name: str
) -> Keypoints2D:
    count = len(checkpoint.skeleton)
    nobody = Joints(torch.full((count, 2), torch.nan, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))
    people = [nobody if joints is None else joints for _, joints in found]
    return Keypoints2D.of(
        torch.stack([joints.pixels for joints in people])[None, :, None],
        torch.stack([joints.scores for joints in people])[None, :, None],
        skeleton=checkpoint.skeleton,
        times=torch.tensor([time for time, _ in found], dtype=torch.float64),
        camera_names=[name],
        image_sizes=torch.tensor([[info.width, info.height]]),
    )


def _camera_name(path: Source) -> str:
    own = Path(path).resolve()
    return own.name if own.is_dir() else own.stem
