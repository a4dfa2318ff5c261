"""3D joints straight from the pictures of several cameras, by a network that looks at all views of a person at once.

The networks are those of learnable triangulation (Iskakov et al. 2019): their checkpoints (``lift3d convert``) say how
pictures go in. Every person has a crop in each camera that sees them, and the camera of that crop; the volumetric
network also has a cube around the person's pelvis. Lenses are undone, and the world is turned so that up is where the
network has it, so any calibrated rig will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lift3d._progress import progress as with_bar
from lift3d.cameras import CameraRig
from lift3d.checkpoints import Checkpoint
from lift3d.errors import InputError, ShapeError
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, mapping_between
from lift3d.triangulation.view_networks import PeopleViews, ViewNetwork, needs_pelvis
from lift3d.video import Frame

__all__ = ["check_view_networks", "pelvis_of", "triangulate_pictures"]

_ALIKE = 0.02  # of a picture's size
_PELVIS = Skeleton("pelvis", ("pelvis",), (-1,))


def triangulate_pictures(
    moments: Iterable[Sequence[Frame | None]],
    rig: CameraRig,
    boxes: Float[Tensor, "cameras frames people 4"],
    model: Checkpoint,
    *,
    pelvis: Checkpoint | Float[Tensor, "frames people 3"] | None = None,
    device: str | torch.device = "cpu",
    batch: int = 1,
    progress: bool = True,
) -> Poses3D:
    """3D joints of people from the pictures of calibrated, synchronised cameras.

    Args:
        moments: of each moment the cameras' frames, in the rig's order, None where there is none; see
            ``lift3d.video.read_moments``.
        rig: the cameras.
        boxes: left, top, width and height of each person in each picture, distorted pixels; NaN where nobody is to be
            looked at. Person p is the same in all cameras and frames. See ``boxes_of_poses``.
        model: an algebraic or a volumetric triangulation network.
        pelvis: for a volumetric network: about where each person's pelvis is, world metres, NaN where not known; or
            an algebraic network that finds it.
        device: where networks run.
        batch: people of moments that go through a network at once.
        progress: show a bar on standard error.

    Returns:
        Poses in the rig's world, metres, of as many frames as there are moments, at most as many as of the boxes. A
        joint's score is the share of the rig's cameras whose pictures of the person were looked at; NaN with score 0
        where nobody was, with fewer than two views in an algebraic network, or without a pelvis.

    Raises:
        InputError: the model does not look at several views, a volumetric one is given no pelvis, or pictures have
            another size than the calibration says, by more than 2 %.
        ShapeError: boxes or pelvis do not fit.
        SettingsError: the checkpoint says what is not known of how pictures go in.
    """
    _check(rig, boxes, model, pelvis, batch)
    network = ViewNetwork.of(model, rig, device)
    finder = ViewNetwork.of(pelvis, rig, device) if isinstance(pelvis, Checkpoint) else None
    answers = _Answers.none_yet(network, finder, pelvis if isinstance(pelvis, Tensor) else None, boxes, batch)
    times: list[float] = []
    shown = with_bar(moments, "looking at people", "frame", boxes.shape[1]) if progress else moments
    for frame, moment in enumerate(shown):
        if frame == boxes.shape[1]:
            break
        pictures = _pictures(moment, rig)
        times.append(next((own.time for own in moment if own is not None), torch.nan))
        for person in range(boxes.shape[2]):
            answers.ask(frame, person, pictures, boxes[:, frame, person])
    answers.finish()
    return Poses3D.of(
        answers.positions[: len(times)], answers.scores[: len(times)], skeleton=model.skeleton,
        times=torch.tensor(times, dtype=torch.float64), up=rig.up,
    )  # fmt: skip


def check_view_networks(model: Checkpoint, finder: Checkpoint | None = None, *, pelvis_known: bool = False) -> None:
    """Refuse networks that :func:`triangulate_pictures` cannot use, before any work.

    Args:
        model: the network.
        finder: another that is to find the pelvis.
        pelvis_known: whether the pelvis is known already.

    Raises:
        InputError: see above.
    """
    if needs_pelvis(model) and finder is None and not pelvis_known:
        raise InputError(
            "A volumetric network needs to know about where each person is: give it poses of them (pelvis=..., "
            "--poses) or an algebraic network that finds them (pelvis=..., --pelvis)."
        )
    if finder is not None and (needs_pelvis(finder) or mapping_between(finder.skeleton, _PELVIS).missing):
        raise InputError(
            f"The network that is to find the pelvis is a {finder.name} of {len(finder.skeleton)} joints; expected an "
            "algebraic one that has a pelvis or hips."
        )


def pelvis_of(poses: Poses3D) -> Float[Tensor, "frames people 3"]:
    """Where people's pelvis is, metres: or the middle of their hips, or else of all joints that there are; else NaN."""
    mapping = mapping_between(poses.skeleton, _PELVIS)
    middle = poses.positions.nanmean(2)
    if mapping.missing:
        return middle
    pelvis = mapping.coordinates(poses.positions)[:, :, 0]
    return torch.where(pelvis.isfinite().all(-1, keepdim=True), pelvis, middle)


@dataclass(frozen=True, eq=False)
class _Answers:
    """People gathered until there are enough for the network, and what it said of them.

    Args:
        network: that is asked.
        finder: finds the pelvis first.
        pelvis: world metres, where it is known already.
        batch: people to ask for at once.
        positions, scores: of all joints; NaN and 0 until they are known.
        waiting: frame and person of those to ask for, and what the network and the finder are shown.
    """

    network: ViewNetwork
    finder: ViewNetwork | None
    pelvis: Float[Tensor, "frames people 3"] | None
    batch: int
    positions: Float[Tensor, "frames people joints 3"]
    scores: Float[Tensor, "frames people joints"]
    waiting: list[tuple[int, int, PeopleViews, PeopleViews | None]] = field(default_factory=list)

    @classmethod
    def none_yet(
        cls, network: ViewNetwork, finder: ViewNetwork | None, pelvis: Tensor | None, boxes: Tensor, batch: int
    ) -> _Answers:
        """Nothing is known yet of the people in the boxes (cameras, frames, people, 4)."""
        shape = (*boxes.shape[1:3], len(network.skeleton))
        positions = torch.full((*shape, 3), torch.nan, dtype=torch.float64)
        return cls(network, finder, pelvis, batch, positions, torch.zeros(shape, dtype=torch.float64))

    def ask(
        self, frame: int, person: int, pictures: Sequence[Tensor | None], boxes: Float[Tensor, "cameras 4"]
    ) -> None:
        """One person of a moment; the answer may come later."""
        if self.pelvis is not None and not bool(self.pelvis[frame, person].isfinite().all()):
            return
        views = self.network.views(pictures, boxes)
        if not bool(views.seen.any()):
            return
        first = None if self.finder is None else self.finder.views(pictures, boxes)
        self.waiting.append((frame, person, views, first))
        if len(self.waiting) == self.batch:
            self.finish()

    def finish(self) -> None:
        """Answers for all who wait."""
        if not self.waiting:
            return
        frames, people, views, firsts = (list(own) for own in zip(*self.waiting, strict=True))
        self.waiting.clear()
        given = PeopleViews.together(views)
        pelvis = None if self.pelvis is None else self.pelvis[frames, people]
        if self.finder is not None:
            found = self.finder.answer(PeopleViews.together(firsts))
            pelvis = mapping_between(self.finder.skeleton, _PELVIS).coordinates(found)[:, 0]
        self.positions[frames, people] = self.network.answer(given, pelvis)
        self.scores[frames, people] = given.seen.double().mean(1)[:, None]


def _pictures(moment: Sequence[Frame | None], rig: CameraRig) -> list[UInt8[Tensor, "_ _ 3"] | None]:
    """The cameras' pictures, about of the size that was calibrated: encoders cut some rows or add some."""
    if len(moment) != len(rig):
        raise InputError(f"There are pictures of {len(moment)} cameras for a rig of {len(rig)}; expected one a camera.")
    for name, (width, height), frame in zip(rig.names, rig.cameras.image_size.tolist(), moment, strict=True):
        if frame is None:
            continue
        own = (frame.rgb.shape[1], frame.rgb.shape[0])
        if abs(own[0] / width - 1) > _ALIKE or abs(own[1] / height - 1) > _ALIKE:  # of unknown sizes, NaN, neither
            raise InputError(
                f"{name}: its pictures are {own[0]} x {own[1]} pixels, the calibration is of {width:g} x {height:g}. "
                "Pass pictures of the size that was calibrated."
            )
    return [None if frame is None else frame.rgb for frame in moment]


def _check(rig: CameraRig, boxes: Tensor, model: Checkpoint, pelvis: Checkpoint | Tensor | None, batch: int) -> None:
    told = isinstance(pelvis, Tensor)
    check_view_networks(model, None if told else pelvis, pelvis_known=told)
    if boxes.ndim != 4 or boxes.shape[0] != len(rig) or boxes.shape[3] != 4:
        raise ShapeError("boxes", tuple(boxes.shape), f"({len(rig)}, frames, people, 4)")
    if batch < 1:
        raise InputError(f"batch is {batch}; expected at least 1.")
    if told and tuple(pelvis.shape) != (*boxes.shape[1:3], 3):
        raise ShapeError("pelvis", tuple(pelvis.shape), f"{(*boxes.shape[1:3], 3)}, from the boxes")
