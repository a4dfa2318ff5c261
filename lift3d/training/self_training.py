"""A detector learns from footage of one's own rig that nobody has labelled.

In rounds: the detector finds a person's joints in all videos, they are triangulated, and where enough cameras agree on
a joint all of them are told where they should see it; from that the detector learns, and looks again. What one view
gets wrong the others put right: Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping"
(CVPR 2017).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Generator, Tensor, nn

from lift3d._files import writing
from lift3d.cameras import CameraRig
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.detection import DetectSettings, detect
from lift3d.errors import SettingsError, UnknownNameError
from lift3d.formats import read_cameras
from lift3d.keypoints import Keypoints2D
from lift3d.training.loop import train
from lift3d.training.picture_samples import PictureSamples, PictureSet
from lift3d.training.rig_figures import camera_figures, frame_figures
from lift3d.training.rig_labels import AgreementSettings, agreed_labels
from lift3d.training.rig_lesson import Lesson, lesson_of, only_parts_learn
from lift3d.training.rig_pictures import CutPictures, cut_pictures
from lift3d.training.rig_settings import RigData, RigTraining
from lift3d.triangulation import refine_rig

__all__ = ["Footage", "TaughtDetector", "boxes_by_movenet", "held_figures", "teach_detector"]

_File = TypeVar("_File", str, Path)


@dataclass(frozen=True, eq=False)
class Footage:
    """What there is to learn from.

    Args:
        data: the settings.
        seen: what the detector found at first, of all cameras, in frames as they are numbered in each video.
        rig: the cameras, mended if the settings say so.
        boxes: files of the person's boxes, one or one a camera; none for a detector that needs none.
    """

    data: RigData
    seen: Keypoints2D
    rig: CameraRig
    boxes: tuple[Path, ...] = ()

    @classmethod
    def of(cls, data: RigData, start: Checkpoint, folder: Path) -> Footage:
        """Look at the videos for the first time.

        Raises:
            FileError: a video or the calibration cannot be read.
            InputError: a video is called like none of the cameras.
            UnknownNameError: a camera to hold back is not in the calibration.
        """
        rig = read_cameras(data.cameras)
        for name in data.held_cameras:
            if name not in rig.names:
                raise UnknownNameError("camera", name, rig.names)
        boxes = tuple(Path(path) for path in data.boxes)
        if not boxes and start.encoding.get("name") == "top_down":
            boxes = (boxes_by_movenet(data.videos, folder / "boxes.npz"),)
        seen = _found(data, data.videos, start, boxes)
        refined = refine_rig(seen.shifted(data.offset_of()), rig).rig if data.refine else rig
        return cls(data, seen, refined, boxes)

    @property
    def learned_cameras(self) -> list[str]:
        """Names of those that are learned from."""
        return [name for name in self.seen.camera_names if name not in self.data.held_cameras]

    @property
    def learned_frames(self) -> int:
        """Of so many frames from the start is learned."""
        held, gap = len(self.held_frames), round(self.data.gap * self.seen.frames_per_second)
        return len(self.seen.times) - (held + gap if held else 0)

    @property
    def held_frames(self) -> range:
        """Of these nothing is learned."""
        count = len(self.seen.times)
        return range(count - round(self.data.held_frames * count), count)

    def seen_by(self, model: Checkpoint, names: Sequence[str]) -> Keypoints2D:
        """What another detector finds in the cameras' videos."""
        boxes = self._of_cameras(self.boxes, names) if len(self.boxes) > 1 else self.boxes
        return _found(self.data, self.videos_of(names), model, boxes)

    def videos_of(self, names: Sequence[str]) -> list[str]:
        """Paths of the cameras' videos."""
        return self._of_cameras(self.data.videos, names)

    def _of_cameras(self, files: Sequence[_File], names: Sequence[str]) -> list[_File]:
        return [files[self.seen.camera_names.index(name)] for name in names]


@dataclass(frozen=True, eq=False)
class TaughtDetector:
    """What a training ends with.

    Args:
        checkpoint: the improved detector.
        trained_on: what it has learned from, for people.
        figures: what was gained on frames and cameras held back; empty if none were.
    """

    checkpoint: Checkpoint
    trained_on: str
    figures: dict[str, Any]


def teach_detector(settings: RigTraining, folder: str | Path, footage: Footage | None = None) -> TaughtDetector:
    """Teach a detector what the settings say; a run that was interrupted in the folder goes on.

    Args:
        settings: of the run.
        folder: where each round has a folder of its own; ``figures.json`` is written there.
        footage: what was seen at first, if it is known already.

    Raises:
        FileError: the footage cannot be read, or the folder holds the state of another run.
        InputError: the cameras agree on nothing.
        SettingsError: the detector cannot be taught so, or a setting does not fit the footage.
    """
    place, start = Path(folder), load_network(settings.start)
    lesson = lesson_of(start, settings)
    own = footage or Footage.of(settings.data, start, place)
    _check(own)
    cuts = _pictures(own, lesson, settings)
    current, seen = start, own.seen.only(own.learned_cameras)
    for number in range(settings.rounds):
        if number:
            seen = own.seen_by(current, own.learned_cameras)
        current = _taught(current, cuts, _labels(seen, own, settings), lesson, settings, number, place)
    figures: dict[str, Any] = {}
    if own.held_frames or own.data.held_cameras:
        figures = held_figures(own, own.seen_by(current, own.seen.camera_names), settings.agreement)
    with writing(place / "figures.json") as path:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    about = f"{len(cuts.cuts)} unlabelled pictures of {len(own.learned_cameras)} cameras, from {settings.start}"
    return TaughtDetector(current, about, figures)


def held_figures(footage: Footage, after: Keypoints2D, agreement: AgreementSettings) -> dict[str, Any]:
    """What was gained on what was held back; see ``lift3d.training.rig_figures``.

    Args:
        footage: with what was seen before.
        after: what the improved detector sees in all videos.
        agreement: when cameras agree.
    """
    offsets, held = footage.data.offset_of(), footage.held_frames
    then, now = footage.seen.shifted(offsets), after.shifted(offsets)
    part = slice(held.start, held.stop)
    figures: dict[str, Any] = {}
    if held:
        figures["held_frames"] = frame_figures(then, now, footage.rig, part)
    for name in footage.data.held_cameras:
        figures[f"held_camera {name}"] = camera_figures(then, now, footage.rig, name, agreement)
        if held:
            figures[f"held_camera {name}, held_frames"] = camera_figures(then, now, footage.rig, name, agreement, part)
    return figures


def _taught(
    current: Checkpoint, cuts: CutPictures, labels: Keypoints2D, lesson: Lesson, settings: RigTraining, number: int,
    folder: Path,
) -> Checkpoint:  # fmt: skip
    """The detector after one round."""
    samples = PictureSamples(
        [PictureSet(cuts.labelled(labels))], None, labels.skeleton, lesson.image_size, lesson.box_scale,
        settings.augmentation,
    )  # fmt: skip

    def loss_of(network: nn.Module, generator: Generator, count: int) -> Tensor:
        return lesson.loss(network, samples.draw(count, generator))

    network = deepcopy(current.network)
    only_parts_learn(network, settings.learned)
    loop = replace(settings.loop, seed=settings.loop.seed * settings.rounds + number)
    taught = train(network, loss_of, lambda _: {}, loop, folder / f"round{number + 1}")
    return replace(current, network=taught.requires_grad_(True))


def _labels(seen: Keypoints2D, footage: Footage, settings: RigTraining) -> Keypoints2D:
    """Of the frames that are learned from, numbered as in each camera's own video."""
    offsets = {name: own for name, own in footage.data.offset_of().items() if name in seen.camera_names}
    agreed = agreed_labels(seen.shifted(offsets), footage.rig, settings.agreement)
    pixels, scores = agreed.pixels.clone(), agreed.scores.clone()
    pixels[:, footage.learned_frames :], scores[:, footage.learned_frames :] = torch.nan, 0.0
    return replace(agreed, pixels=pixels, scores=scores).shifted({name: -own for name, own in offsets.items()})


def _pictures(footage: Footage, lesson: Lesson, settings: RigTraining) -> CutPictures:
    names = footage.learned_cameras
    count = min(footage.data.moments, footage.learned_frames)
    frames = torch.linspace(0, footage.learned_frames - 1, count).round().long().tolist()
    return cut_pictures(
        footage.videos_of(names), footage.seen.only(names), frames, max(lesson.image_size),
        joint_scale=lesson.joint_scale, box_scale=lesson.box_scale, lowest_score=settings.agreement.lowest_score,
    )  # fmt: skip


def _found(data: RigData, videos: Sequence[str], model: Checkpoint, boxes: Sequence[Path]) -> Keypoints2D:
    settings = DetectSettings(mirror=data.mirror, runtime=data.runtime)
    return detect(list(videos), model, boxes=list(boxes) or None, device=data.device, settings=settings)


def boxes_by_movenet(videos: Sequence[str], path: Path) -> Path:
    """A file of boxes of the person that MoveNet sees in each video; returns its path.

    Raises:
        FileError: a video cannot be read.
    """
    seen = detect(list(videos))
    known = torch.isfinite(seen.pixels)
    low = seen.pixels.masked_fill(~known, torch.inf).amin(-2)
    size = seen.pixels.masked_fill(~known, -torch.inf).amax(-2) - low
    boxes = torch.cat([low - 0.05 * size, 1.1 * size], dim=-1)  # (cameras, frames, people, 4)
    nobody = ~(torch.isfinite(boxes).all(-1) & (size > 0).all(-1))
    boxes = boxes.masked_fill(nobody[..., None], torch.nan)
    with writing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, boxes=boxes.numpy(), camera_names=np.array(seen.camera_names))
    return path


def _check(footage: Footage) -> None:
    if len(footage.learned_cameras) < 2 or footage.learned_frames < 1:
        raise SettingsError(
            f"[data]: {len(footage.learned_cameras)} cameras and {footage.learned_frames} frames are left to learn "
            "from; expected two cameras and a frame at least. Hold less back."
        )
