"""A body and the points on it, as the compiled loops want them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from lift3d.bodies import BodyModel
from lift3d.compiled.body_kinematics import Rest, Tree
from lift3d.fitting.points import BodyPoints

__all__ = ["BodyTree", "body_tree"]


@dataclass(frozen=True, eq=False)
class BodyTree:
    """Joints, points and which of the joints turn; metres, float64.

    Args:
        tree: how they hang together.
        joint_template: (J, 3) joints of the mean shape at rest.
        joint_directions: (J, 3, S) what one unit of each shape component adds.
        on: (M) joint that each point is, -1 for none.
        point_offsets: (M, 3) first guess of the points' offsets.
    """

    tree: Tree
    joint_template: np.ndarray
    joint_directions: np.ndarray
    on: np.ndarray
    point_offsets: np.ndarray

    @property
    def nodes(self) -> dict[int, int]:
        """Node of each joint that turns."""
        return {int(joint): node for node, joint in enumerate(self.tree.joints) if joint >= 0}

    def rest(self, betas: np.ndarray, offsets: np.ndarray) -> Rest:
        """Bodies of given shapes (people, S) at rest, and their points with offsets (people, M, 3)."""
        joints = self.joint_template + np.einsum("jcs,ps->pjc", self.joint_directions, betas)
        points, point_steps = self._points(joints, self.joint_directions)
        parents = self.tree.parents
        bones, bone_steps = joints.copy(), self.joint_directions.copy()
        bones[:, 1:] -= joints[:, parents[1:]]
        bone_steps[1:] -= self.joint_directions[parents[1:]]
        # one layout in memory, or the loops are compiled once more for each
        return Rest(*(np.ascontiguousarray(part) for part in (bones, points + offsets, bone_steps, point_steps)))

    def _points(self, joints: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points from their carriers without offsets, and their changes with the shape."""
        carriers, own = self.tree.joints[self.tree.carriers], self.on >= 0
        points = np.where(own[:, None], joints[:, self.on] - joints[:, carriers], 0.0)
        steps = np.where(own[:, None, None], directions[self.on] - directions[carriers], 0.0)
        return points, steps


def body_tree(model: BodyModel, points: BodyPoints, known: Collection[int] = ()) -> BodyTree:
    """The tree of a body whose joints turn that carry points, or of whose rotation something is ``known``."""
    parents = np.asarray(model.parents, np.int64)
    turning = {0} | set(known) | set(points.carriers)
    for joint in range(len(parents) - 1, 0, -1):
        if joint in turning:
            turning.add(int(parents[joint]))
    joints = np.array([-1, *sorted(turning)], np.int64)
    node_of = {int(joint): node for node, joint in enumerate(joints)}
    chains: list[list[int]] = [[0]]
    for node, joint in enumerate(joints[1:].tolist(), 1):
        chains.append([*(chains[node_of[int(parents[joint])]] if parents[joint] >= 0 else chains[0]), node])
    depths = np.array([len(chain) for chain in chains], np.int64)
    padded = np.array([chain + [-1] * (int(depths.max()) - len(chain)) for chain in chains], np.int64)
    carriers = np.array([node_of[joint] for joint in points.carriers], np.int64)
    return BodyTree(
        Tree(parents, joints, depths, padded, carriers),
        model.joint_template.detach().cpu().double().numpy(),
        np.ascontiguousarray(model.joint_directions.detach().cpu().double().numpy()),
        np.asarray(points.on, np.int64),
        points.offsets.numpy(),
    )
