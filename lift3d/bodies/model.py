"""A body in three stages, each a type of its own: the model, a body of one shape, and that body in a pose.

    model.with_shape(betas).with_pose(rotations, translation).mesh()

SMPL's model (Loper et al. 2015, "SMPL: a skinned multi-person linear model"): a template surface, to which multiples
of a few shape directions are added; joints that are weighted means of its vertices; corrections of the surface that
follow the pose; and linear blend skinning. Metres; at rest x points to the body's left, y up and z forward, and the
arms are held out sideways (T-pose) or hang away from the trunk. Joints are reached without touching a vertex.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.bodies.skinning import linear_blend_skinning, pose_corrections
from lift3d.errors import InputError, ShapeError
from lift3d.geometry.kinematics import Posed, forward_kinematics
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton

__all__ = ["BodyModel", "PosedBody", "ShapedBody"]

_BODIES_AT_ONCE = 64  # meshes that are skinned together: 7,000 vertices of a body need 0.3 MB on the way


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A body whose shape and pose are open.

    Args:
        name: how the model is called, such as ``"makehuman"``.
        template: vertices of the mean shape, metres, y up.
        shape_directions: what one unit of each shape component adds to each vertex, metres. A unit is one standard
            deviation of the people that the model was made from.
        pose_directions: what each entry of the rotation matrices of all joints but the root, less the identity, adds
            to each vertex; entries row by row, joint by joint. None for a model without pose corrections.
        joint_regressor: weights of the vertices, of which each joint is the sum; each row sums to 1.
        parents: index of each joint's parent, -1 for the root, which is the first joint; parents come first.
        weights: how far each vertex follows each joint; a vertex's sum to 1.
        faces: triangles, counter-clockwise from outside.
        skeleton: names of the joints.
        gender: ``"neutral"``, ``"male"`` or ``"female"``.
        about: what the model is and where it is from.
        licence: under which it may be used.

    Raises:
        ShapeError: axes do not fit together.
        InputError: a parent comes after its child, or the skeleton has other parents.
    """

    name: str
    template: Float[Tensor, "vertices 3"]
    shape_directions: Float[Tensor, "vertices 3 shapes"]
    pose_directions: Float[Tensor, "vertices 3 posing"] | None
    joint_regressor: Float[Tensor, "joints vertices"]
    parents: tuple[int, ...]
    weights: Float[Tensor, "vertices joints"]
    faces: Int[Tensor, "faces 3"]
    skeleton: Skeleton
    gender: str = "neutral"
    about: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        vertices, joints = len(self.template), len(self.parents)
        expected = {
            "template": (vertices, 3),
            "shape_directions": (vertices, 3, self.shape_directions.shape[-1]),
            "joint_regressor": (joints, vertices),
            "weights": (vertices, joints),
            "faces": (len(self.faces), 3),
        }
        if self.pose_directions is not None:
            expected["pose_directions"] = (vertices, 3, 9 * (joints - 1))
        for name, wanted in expected.items():
            if tuple(getattr(self, name).shape) != wanted:
                raise ShapeError(f"BodyModel.{name}", tuple(getattr(self, name).shape), str(wanted))
        if any(not (0 <= parent < joint) for joint, parent in enumerate(self.parents[1:], 1)) or self.parents[0] != -1:
            raise InputError(f"BodyModel {self.name!r}: the first joint must be the root and parents come first.")
        if self.skeleton.parents != self.parents:
            raise InputError(f"BodyModel {self.name!r}: skeleton {self.skeleton.name!r} has other parents.")
        if len(self.faces) and not (int(self.faces.min()) >= 0 and int(self.faces.max()) < vertices):
            raise InputError(f"BodyModel {self.name!r}: a face names a vertex that is not there.")

    @property
    def shapes(self) -> int:
        """Number of shape components."""
        return self.shape_directions.shape[-1]

    @cached_property
    def joint_template(self) -> Float[Tensor, "joints 3"]:
        """Joints of the mean shape at rest, metres."""
        return self.joint_regressor @ self.template

    @cached_property
    def joint_directions(self) -> Float[Tensor, "joints 3 shapes"]:
        """What one unit of each shape component adds to each joint, metres."""
        return torch.einsum("jv,vcs->jcs", self.joint_regressor, self.shape_directions)

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> BodyModel:
        """The same model in another floating type, or on another device."""
        moved = {
            one.name: value.to(device=device, dtype=dtype if value.is_floating_point() else None)
            for one in fields(self)
            if isinstance(value := getattr(self, one.name), Tensor)
        }
        return replace(self, **moved)

    def with_shapes(self, count: int) -> BodyModel:
        """The model with its first ``count`` shape components alone; all of them if it has fewer."""
        return replace(self, shape_directions=self.shape_directions[..., :count])

    def with_shape(self, betas: Float[Tensor, "*batch given"] | None = None) -> ShapedBody:
        """Bodies of given shapes.

        Args:
            betas: multiples of the shape components, in standard deviations. Components beyond those given are 0; by
                default all are.

        Raises:
            ShapeError: more are given than the model has.
        """
        given = self.template.new_zeros(0) if betas is None else betas.to(self.template)
        if given.shape[-1] > self.shapes:
            raise ShapeError("betas", tuple(given.shape), f"at most {self.shapes} in the last axis, of {self.name!r}")
        missing = given.new_zeros(*given.shape[:-1], self.shapes - given.shape[-1])
        return ShapedBody(self, torch.cat([given, missing], dim=-1))


@dataclass(frozen=True, eq=False)
class ShapedBody:
    """Bodies of given shapes, at rest.

    Args:
        model: what they are shapes of.
        betas: multiples of the shape components.
    """

    model: BodyModel
    betas: Float[Tensor, "*batch shapes"]

    @cached_property
    def joints(self) -> Float[Tensor, "*batch joints 3"]:
        """Joints at rest, metres."""
        return self.model.joint_template + torch.einsum("jcs,...s->...jc", self.model.joint_directions, self.betas)

    @cached_property
    def vertices(self) -> Float[Tensor, "*batch vertices 3"]:
        """Vertices at rest, metres."""
        added = self.betas @ self.model.shape_directions.flatten(0, 1).mT
        return self.model.template + added.unflatten(-1, (-1, 3))

    @cached_property
    def offsets(self) -> Float[Tensor, "*batch joints 3"]:
        """Each joint from its parent at rest, metres; the root's is its place."""
        joints, parents = self.joints, list(self.model.parents)
        return torch.cat([joints[..., :1, :], joints[..., 1:, :] - joints[..., parents[1:], :]], dim=-2)

    def with_pose(self, rotations: Tensor, translation: Float[Tensor, "*#batch 3"] | None = None) -> PosedBody:
        """The bodies in given poses.

        Args:
            rotations: of each joint in its parent's frame, the root's in the world: matrices (*batch, joints, 3, 3) or
                rotation vectors (*batch, joints, 3) in radians. The batch axes of shapes, rotations and translations
                are broadcast: one shape for many frames, (people, shapes) for (frames, people, joints, 3).
            translation: added to every joint and vertex, metres; by default none. The root turns about its own place
                at rest, which is not the origin.

        Raises:
            ShapeError: the rotations are of another number of joints.
        """
        rotations = rotations.to(self.betas)
        count = len(self.model.parents)
        if rotations.shape[-3:] != (count, 3, 3):
            if rotations.shape[-2:] != (count, 3):
                raise ShapeError("rotations", tuple(rotations.shape), f"(..., {count}, 3, 3) or (..., {count}, 3)")
            rotations = rotvec_to_matrix(rotations)
        moved = rotations.new_zeros(3) if translation is None else translation.to(rotations)
        return PosedBody(self, rotations, moved)


@dataclass(frozen=True, eq=False)
class PosedBody:
    """Bodies of given shapes in given poses.

    Args:
        shaped: the bodies at rest.
        rotations: of each joint in its parent's frame.
        translation: of the whole body, metres.
    """

    shaped: ShapedBody
    rotations: Float[Tensor, "*batch joints 3 3"]
    translation: Float[Tensor, "*#batch 3"]

    @cached_property
    def posed(self) -> Posed:
        """Places of the joints and their orientations, in the world."""
        offsets, moved = self.shaped.offsets, self.translation
        batch = torch.broadcast_shapes(self.rotations.shape[:-3], offsets.shape[:-2], moved.shape[:-1])
        rotations = self.rotations.expand(*batch, *self.rotations.shape[-3:])
        still = forward_kinematics(rotations, offsets.expand(*batch, *offsets.shape[-2:]), self.shaped.model.parents)
        return Posed(still.places + moved[..., None, :], still.orientations)

    @property
    def joints(self) -> Float[Tensor, "*batch joints 3"]:
        """Joints, metres; no vertex is touched."""
        return self.posed.places

    def mesh(self) -> Float[Tensor, "*batch vertices 3"]:
        """Vertices, metres."""
        batch = self.joints.shape[:-2]
        return torch.cat(list(self._meshes(batch))).reshape(*batch, *self.shaped.model.template.shape)

    def _meshes(self, batch: torch.Size) -> Iterator[Float[Tensor, "bodies vertices 3"]]:
        """Meshes of a few bodies at a time, so that many do not ask for much memory on the way."""
        model, betas = self.shaped.model, self.shaped.betas
        one_shape = betas.numel() == model.shapes
        betas = betas.reshape(1, -1) if one_shape else betas.expand(*batch, -1).flatten(0, -2)
        rotations = self.rotations.expand(*batch, *self.rotations.shape[-3:]).reshape(-1, *self.rotations.shape[-3:])
        posed = [part.reshape(-1, *part.shape[len(batch) :]) for part in self.posed]
        for start in range(0, max(len(rotations), 1), _BODIES_AT_ONCE):
            part = slice(start, start + _BODIES_AT_ONCE)
            rest = ShapedBody(model, betas if one_shape else betas[part])
            vertices = rest.vertices
            if model.pose_directions is not None:
                vertices = vertices + pose_corrections(model.pose_directions, rotations[part])
            yield linear_blend_skinning(vertices, rest.joints, model.weights, Posed(*(one[part] for one in posed)))
