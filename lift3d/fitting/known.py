"""What is known of poses beforehand, put together for the solver."""

from __future__ import annotations

import numpy as np

from lift3d.bodies import BodyModel
from lift3d.compiled.body_kinematics import Held
from lift3d.fitting.body_tree import BodyTree
from lift3d.fitting.hinges import Hinge
from lift3d.fitting.pose_prior import PosePrior

__all__ = ["held_by", "joints_known"]

_STILL = 0.2  # 1 / radian^2, for joints that nothing is known of
_STOP = 5e4  # 1 / radian^2, beyond a hinge's limits: a deviation of a quarter of a degree


def joints_known(prior: PosePrior | None, model: BodyModel) -> list[int]:
    """The body's joints that a prior speaks of, in the prior's order; none if the body does not have them all.

    Nor if they hang together in another way than the prior takes them to.
    """
    skeleton = model.skeleton
    if prior is None or not set(prior.joints) <= set(skeleton.joints):
        return []
    joints = skeleton.indices(*prior.joints)
    place = {joint: i for i, joint in enumerate(joints)}
    same = all(place.get(skeleton.parents[joint], -1) == prior.parents[i] for i, joint in enumerate(joints))
    return joints if same else []


def held_by(
    body: BodyTree, prior: PosePrior | None, known: list[int], strength: float, hinges: tuple[Hinge, ...]
) -> Held:
    """What the solver is told of poses.

    Args:
        body: whose joints.
        prior: of the joints ``known``.
        known: the body's joints in the prior's order; empty for no prior.
        strength: of the prior.
        hinges: that do not bend beyond their limits.
    """
    tree, nodes = body.tree, body.nodes
    count, deepest = tree.chains.shape
    used = prior if known and strength > 0 else None
    components = 0 if used is None else len(used.weights)
    means, precisions = np.zeros((components, count, 3)), np.zeros((components, count, deepest, 3, 3))
    still = np.full(count, _STILL)
    still[:2] = 0.0
    if used is not None:
        place = {nodes[joint]: i for i, joint in enumerate(known)}
        for node, i in place.items():
            means[:, node] = used.means[:, i]
            still[node] = 0.0
            for depth in range(2, int(tree.depths[node])):
                other = place[int(tree.chains[node, depth])]
                rows, columns = slice(3 * i, 3 * i + 3), slice(3 * other, 3 * other + 3)
                precisions[:, node, depth] = strength * used.precisions[:, rows, columns]
    bent = [hinge for hinge in hinges if hinge.joint in nodes]
    return Held(
        means,
        precisions,
        np.zeros(0) if used is None else strength * used.constants,
        still,
        np.array([nodes[hinge.joint] for hinge in bent], np.int64),
        np.array([hinge.axis for hinge in bent]).reshape(-1, 3),
        np.array([hinge.limits for hinge in bent]).reshape(-1, 2),
        _STOP,
    )
