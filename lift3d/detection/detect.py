"""2D joints of people in videos, image folders or pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import torch

from lift3d._progress import progress as with_bar
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.detection.asking import Asking, answered
from lift3d.detection.box import Box
from lift3d.detection.boxes_of_cameras import boxes_of_cameras
from lift3d.detection.follow import Follower, FollowSettings
from lift3d.detection.follow_people import PeopleFollower, PeopleSettings
from lift3d.detection.gathered import Recording
from lift3d.detection.joints import Joints
from lift3d.detection.onnx_running import onnx_run
from lift3d.detection.read_ahead import read_ahead
from lift3d.detection.readings import Model, Reading, check_detector, open_reading
from lift3d.detection.running import torch_run, usable_device
from lift3d.errors import InputError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons.joint_sigmas import joint_sigmas
from lift3d.video import Frame, camera_name, probe, read_frames

__all__ = ["DetectSettings", "detect", "detect_frames", "detect_video"]

Source: TypeAlias = str | Path
_RUNTIMES = ("torch", "onnx")


@dataclass(frozen=True)
class DetectSettings:
    """How joints are found.

    Args:
        lowest_score: a joint with a lower score is missing. Pictures of nobody give scores up to about 0.2.
        mirror: also look at the mirrored picture, and average: steadier and free of a bias to one side, at twice the
            time.
        follow: how a person is kept in view.
        people: how several people are kept apart.
        runtime: what runs the network: ``"torch"``, or ``"onnx"`` (ONNX Runtime: on a CPU in half the time or less).
            Both with as many threads as torch is set to.
        onnx_folder: where networks written for ONNX Runtime are kept from one time to the next; None for nowhere.
    """

    lowest_score: float = 0.2
    mirror: bool = True
    follow: FollowSettings = field(default_factory=FollowSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    runtime: str = "torch"
    onnx_folder: str | None = None

    def __post_init__(self) -> None:
        if self.runtime not in _RUNTIMES:
            raise UnknownNameError("runtime", self.runtime, _RUNTIMES)


def detect(
    source: Source | Sequence[Source],
    model: Source | Checkpoint = "movenet_thunder",
    *,
    people: int | None = 1,
    boxes: Source | Sequence[Source] | None = None,
    device: str | torch.device = "cpu",
    frames: int | None = None,
    settings: DetectSettings | None = None,
    progress: bool = True,
) -> Keypoints2D:
    """The joints of people in each video, image folder or picture.

    Cameras are named after the files, without their suffixes. Frames of several cameras are matched by number: the
    videos must have begun together. A joint that is not seen is NaN with score 0, and so are all joints of a frame
    in which nobody is. Somebody keeps their place among the people of a camera over time; who is who in another camera
    is not known. What the cameras see at one moment goes through the network together.

    Args:
        source: one path, or one a camera.
        model: the name of a detector that comes with lift3d, a file, or what ``load_network`` gave.
        people: how many to follow in each camera; None for everybody.
        boxes: a file of people's boxes (see ``lift3d.detection.box_files``), or one a camera where the file does not
            name cameras. Detectors of one person in a box need it; in frames without boxes people are looked for where
            they were.
        device: where the network runs.
        frames: only so many from the start.
        settings: see there.
        progress: show a bar on standard error.

    Raises:
        FileError: a video, the model or the boxes cannot be read.
        InputError: there is no source, two have the same name, the model is no detector or needs boxes, or a number
            does not fit.
        MissingPackageError: the runtime is not installed.
    """
    paths = [source] if isinstance(source, str | Path) else list(source)
    names = [camera_name(path) for path in paths]
    _check(names, people, frames)
    lowest = (settings or DetectSettings()).people.lowest_box_score
    boxes_of = {name: file.of(name, lowest) for name, file in boxes_of_cameras(boxes, names).items()}
    place = usable_device(device)
    checkpoint = model if isinstance(model, Checkpoint) else load_network(model, place)
    detector = _Detector.of(checkpoint, settings, place, people, boxed=boxes is not None)
    infos = [probe(path) for path in paths]
    recordings = [Recording(name, info.width, info.height) for name, info in zip(names, infos, strict=True)]
    followers = [detector.follower() for _ in paths]
    readers = [read_ahead(islice(read_frames(path), frames)) for path in paths]
    counts = [min(info.frames, frames or info.frames) for info in infos if info.frames is not None]
    doing = f"detecting in {names[0]}" if len(names) == 1 else f"detecting in {len(names)} videos"
    try:
        moments: Iterable[list[Frame | None]] = _moments(readers)
        for moment in with_bar(moments, doing, "frame", max(counts, default=frames)) if progress else moments:
            seen = [(camera, frame) for camera, frame in enumerate(moment) if frame is not None]
            asked = [
                followers[camera].next(frame, boxes_of.get(names[camera], {}).get(frame.index) or None)
                for camera, frame in seen
            ]
            for (camera, frame), found in zip(seen, answered(asked, detector.reading), strict=True):
                recordings[camera].add(frame.time, found)
    finally:
        for reader in readers:
            reader.close()
    own = detector.settings
    least = own.people.fewest_frames if people is None else 0
    parts = [recording.keypoints(checkpoint.skeleton, own.lowest_score, people, least) for recording in recordings]
    return Keypoints2D.stacked(parts)


def detect_video(path: Source, model: Source | Checkpoint = "movenet_thunder", **options: Any) -> Keypoints2D:
    """The joints of people in one video: ``detect`` with one camera; see there for the options."""
    return detect([path], model, **options)


def detect_frames(
    pictures: Iterable[Frame],
    checkpoint: Checkpoint,
    *,
    device: str | torch.device = "cpu",
    settings: DetectSettings | None = None,
) -> Iterator[tuple[float, Joints | None]]:
    """Time and joints of one person in each picture as it comes, such as from a camera; None where nobody is seen.

    Raises:
        InputError: the checkpoint is no detector, or one that needs boxes.
        MissingPackageError: the runtime is not installed.
    """
    detector = _Detector.of(checkpoint, settings, usable_device(device), 1, boxed=False)
    follower = detector.follower()
    for picture in pictures:
        ((seen, *_),) = answered([follower.next(picture)], detector.reading) or ((None,),)
        yield picture.time, None if seen is None else seen.without_unsure(detector.settings.lowest_score)


@dataclass(frozen=True, eq=False)
class _Detector:
    """What makes followers.

    Args:
        reading: of the model.
        checkpoint, settings: as given.
        people: how many each follows; None for everybody.
        alone: one person is followed by ``Follower``.
    """

    reading: Reading
    checkpoint: Checkpoint
    settings: DetectSettings
    people: int | None
    alone: bool

    @classmethod
    def of(
        cls,
        checkpoint: Checkpoint,
        settings: DetectSettings | None,
        device: torch.device,
        people: int | None,
        *,
        boxed: bool,
    ) -> _Detector:
        settings = settings or DetectSettings()
        check_detector(checkpoint)
        if settings.runtime == "onnx" and device.type != "cpu":
            raise InputError(f"The runtime 'onnx' works on the CPU; the device is {device}. Use 'torch', or 'cpu'.")
        run = (
            onnx_run(checkpoint, settings.onnx_folder)
            if settings.runtime == "onnx"
            else torch_run(checkpoint.network, device)
        )
        reading = open_reading(Model(checkpoint, run, settings.mirror))
        if boxed and reading.look is None:
            raise InputError(f"The model {checkpoint.name} sees everybody by itself: it cannot be given boxes.")
        if not boxed and reading.search is None:
            raise InputError(
                f"The model {checkpoint.name} looks at people in boxes. Pass a file of boxes (boxes=..., --boxes ...), "
                "or choose a detector that finds people by itself, such as 'movenet_thunder'."
            )
        alone = people == 1 and not boxed and reading.look is not None
        return cls(reading, checkpoint, settings, people, alone)

    def follower(self) -> _OfOneCamera:
        follow, scale = self.settings.follow, self.reading.joint_scale
        if self.alone:
            return _OfOneCamera(Follower(follow, scale))
        sigmas = torch.tensor(joint_sigmas(self.checkpoint.skeleton), dtype=torch.float64)
        return _OfOneCamera(PeopleFollower(self.reading, sigmas, self.people, follow, self.settings.people))


@dataclass(frozen=True, eq=False)
class _OfOneCamera:
    """A follower of one person or of several, asked alike."""

    follower: Follower | PeopleFollower

    def next(self, frame: Frame, boxes: Sequence[Box] | None = None) -> Asking[list[Joints | None]]:
        if isinstance(self.follower, PeopleFollower):
            return (yield from self.follower.next(frame.rgb, boxes))
        return [(yield from self.follower.next(frame.rgb))]


def _moments(readers: Sequence[Iterator[Frame]]) -> Iterator[list[Frame | None]]:
    """The next frame of each camera, None where a video has ended, until all have."""
    while any(moment := [next(reader, None) for reader in readers]):
        yield moment


def _check(names: list[str], people: int | None, frames: int | None) -> None:
    if not names or len(set(names)) != len(names):
        raise InputError(
            f"detect: the videos are named {names or 'nothing'}; expected at least one, and one name for each camera. "
            "Rename the files."
        )
    for what, number in (("frames", frames), ("people", people)):
        if number is not None and number < 1:
            raise InputError(f"detect: {what} is {number}; expected at least 1, or None for all.")
