"""A page to turn, play and compare 3D poses, with the pictures and detections they came from.

    view({"truth": truth, "triangulated": poses}, rig=rig, keypoints=keypoints).save("walk.html")

The page is one file without any library; it opens offline in any browser, and the scene shows itself in a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lift3d._files import writing
from lift3d.bodies import BodyMotion
from lift3d.cameras import CameraRig
from lift3d.errors import InputError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.viewing._images import CameraImages, read_images
from lift3d.viewing._page import iframe, page_html
from lift3d.viewing._page_data import page_data, timeline

__all__ = ["CameraImages", "Scene", "view"]


@dataclass(frozen=True, eq=False)
class Scene:
    """What a page shows.

    Args:
        sequences: (label, poses), labels all different. They share one timeline: frames are matched by time, and by
            number where no times agree.
        rig: the cameras, drawn in their world together with the poses whose frame is ``"world"``. Other poses are
            shown upright, apart from it.
        keypoints: detections, drawn in one panel a camera.
        images: pictures, drawn below the detections.
        title: of the page.
        hidden: labels of sequences that the page does not show until they are ticked.
        motion: bodies, drawn as surfaces below the skeletons, and over the pictures of the cameras if they are in the
            rig's world.

    Raises:
        InputError: there is nothing to show, labels repeat, or poses and rig disagree on which way is up.
        UnknownNameError: a hidden label is not among the sequences.
    """

    sequences: tuple[tuple[str, Poses3D], ...] = ()
    rig: CameraRig | None = None
    keypoints: Keypoints2D | None = None
    images: tuple[CameraImages, ...] = ()
    title: str = "lift3d"
    hidden: tuple[str, ...] = ()
    motion: BodyMotion | None = None

    def __post_init__(self) -> None:
        if not self.sequences and self.rig is None and self.keypoints is None and self.motion is None:
            raise InputError("Scene: nothing to show; expected poses, keypoints, a rig or bodies.")
        labels = [label for label, _ in self.sequences]
        if len(set(labels)) != len(labels):
            raise InputError(f"Scene: labels repeat: {', '.join(labels)}. Give each sequence its own.")
        for label in self.hidden:
            if label not in labels:
                raise UnknownNameError("sequence", label, labels)
        placed = [*self.sequences, *([("motion", self.motion)] if self.motion is not None else [])]
        for label, poses in placed:
            if self.rig is not None and poses.frame == "world" and poses.up != self.rig.up:
                raise InputError(
                    f"Scene: {label!r} has up {poses.up!r} but the rig has {self.rig.up!r}; expected one world. "
                    "Set the right axis with dataclasses.replace(poses, up=...) or replace(rig, up=...)."
                )

    def with_videos(self, videos: Mapping[str, str | Path], image_width: int = 480, image_every: int = 1) -> Scene:
        """The scene with pictures from videos or image folders.

        Frame k of a video belongs to frame k of the timeline; a timeline that was cut out (its first time is not
        zero) starts at the frame of that number, ``first time * frames per second``.

        Args:
            videos: path by camera name.
            image_width: pictures are scaled down to this width, pixels.
            image_every: keep one of so many frames, to bound the size of the page.

        Raises:
            UnknownNameError: neither rig nor keypoints have a camera of that name.
            InputError: width or step is below 1, or a video has none of the frames.
            FileError: a video cannot be read.
        """
        if image_width < 1 or image_every < 1:
            raise InputError(f"image_width={image_width}, image_every={image_every}: expected at least 1 each.")
        known = {*(self.rig.names if self.rig else ()), *(self.keypoints.camera_names if self.keypoints else ())}
        for name in videos:
            if name not in known:
                raise UnknownNameError("camera", name, known)
        first, count = self._video_frames()
        read = (
            read_images(path, name, first=first, count=count, width=image_width, every=image_every)
            for name, path in videos.items()
        )
        return replace(self, images=(*self.images, *read))

    def _video_frames(self) -> tuple[int, int]:
        """The video's frame that is the timeline's first, and the number of frames of the timeline."""
        others = [noun for noun in (self.keypoints, self.motion) if noun is not None]
        nouns = [*(poses for _, poses in self.sequences), *others]
        if not nouns:
            return 0, 10**9
        longest = max(nouns, key=lambda noun: len(noun.times))
        start = longest.times[0].item() if len(longest.times) else 0.0
        return max(0, round(start * longest.frames_per_second)), len(timeline(self))

    def html(self) -> str:
        """The page's text."""
        return page_html(page_data(self))

    def save(self, path: str | Path) -> Path:
        """Write the page, whole or not at all; gives back where it is.

        Raises:
            FileError: the file cannot be written.
        """
        page = self.html()
        with writing(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        return iframe(self.html(), self.title)


def view(
    poses: Poses3D | Mapping[str, Poses3D] | None = None,
    rig: CameraRig | None = None,
    keypoints: Keypoints2D | None = None,
    videos: Mapping[str, str | Path] | None = None,
    image_width: int = 480,
    image_every: int = 1,
    title: str = "lift3d",
    motion: BodyMotion | None = None,
) -> Scene:
    """A scene of poses, cameras, detections, pictures and bodies; each may be left out, but not all.

    Args:
        poses: one sequence, or several by label.
        rig: cameras of the world poses.
        keypoints: detections of the cameras, matched to the rig by name.
        videos: path of a video or image folder by camera name, see :meth:`Scene.with_videos`.
        image_width: pictures are scaled down to this width, pixels.
        image_every: keep one picture of so many frames.
        title: of the page.
        motion: bodies of people, such as those of a fit.

    Raises:
        InputError, UnknownNameError, FileError: see :class:`Scene` and :meth:`Scene.with_videos`.
    """
    scene = Scene(tuple(_labelled(poses)), rig, keypoints, (), title, motion=motion)
    return scene.with_videos(videos, image_width, image_every) if videos else scene


def _labelled(poses: Poses3D | Mapping[str, Poses3D] | None) -> Iterable[tuple[str, Poses3D]]:
    if poses is None:
        return []
    if isinstance(poses, Poses3D):
        return [("poses", poses)]
    return [(str(label), own) for label, own in poses.items()]
