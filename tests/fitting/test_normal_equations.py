"""The compiled normal equations against automatic differentiation, finite differences and dense algebra."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from made_up_body import bony_body, dance

from lift3d.compiled import body_equations, body_kinematics
from lift3d.compiled.body_kinematics import Held
from lift3d.fitting.body_tree import body_tree
from lift3d.fitting.least_squares import BodyState, SharedPrior, TargetTerm, _damped, _stepped, _worked, minimise
from lift3d.fitting.points import body_points
from lift3d.fitting.smoothness import Smoothness, right_jacobian_inverse
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from lift3d.skeletons import get_skeleton

POSES, SHAPES = 4, 4


class Case:
    """A body, poses of two people, targets, and everything that is known of them."""

    def __init__(self, skeleton: str = "smpl24", free: bool = True, seed: int = 0):
        self.random = np.random.default_rng(seed)
        model = bony_body(SHAPES)
        self.model, self.points = model, body_points(get_skeleton(skeleton), model)
        self.body = body_tree(model, self.points, range(1, 22))
        self.tree, self.nodes = self.body.tree, len(self.body.tree.joints)
        vectors, translation = dance(POSES, seed)
        normal = self.random.normal
        self.state = BodyState(
            np.array([0, 0, 0, 1]), rotvec_to_matrix(vectors).numpy(), translation.numpy(), normal(size=(2, SHAPES)),
            self.body.point_offsets + 0.02 * normal(size=(2, len(self.points), 3)),
        )  # fmt: skip
        half = 20 * normal(size=(POSES, len(self.points), 3, 3))
        matrices = half @ half.swapaxes(-1, -2)
        matrices[1, 3] = 0.0  # a point that was not seen
        upper = np.ascontiguousarray(matrices[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]])
        self.term = TargetTerm(self._seen() + 0.03 * normal(size=(POSES, len(self.points), 3)), upper)
        self.held = self._held()
        self.shared = SharedPrior(0.7, np.full(len(self.points), 900.0) if free else None, self.body.point_offsets)

    def _seen(self) -> np.ndarray:
        tree, state = self.tree, self.state
        places, turns = np.empty((POSES, 24, 3)), np.empty((POSES, 24, 3, 3))
        points = np.empty((POSES, len(self.points), 3))
        rest = self.body.rest(state.betas, state.offsets)
        body_kinematics.forward(tree, rest, state.whose, state.rotations, state.translation, places, turns, points)
        return points

    def _held(self) -> Held:
        tree, components = self.tree, 2
        precisions = np.zeros((components, self.nodes, tree.chains.shape[1], 3, 3))
        for component in range(components):
            for node in range(2, self.nodes):
                chain = tree.chains[node, 2 : tree.depths[node]]
                some = self.random.normal(size=(3, 3 * len(chain)))
                block = (some.T @ some).reshape(len(chain), 3, len(chain), 3)
                for i, one in enumerate(chain):
                    for j in range(i + 1):
                        precisions[component, one, 2 + j] += block[i, :, j]
        node_of = self.body.nodes
        hinges = np.array([node_of[4], node_of[18]])
        return Held(
            0.1 * self.random.normal(size=(components, self.nodes, 3)), precisions, np.array([0.0, 3.0]),
            np.full(self.nodes, 0.3), hinges, np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
            np.array([[2.0, 2.8]] * 2), 50.0,
        )  # fmt: skip

    def worked(self, state=None, smoothness=None):
        return _worked(self.body, state or self.state, self.term, self.held, self.shared, smoothness)

    def moved(self, pose: int, unknowns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Points and rotation vectors of one pose after small changes, by tensor code; differentiable."""
        state, tree, person = self.state, self.tree, int(self.state.whose[pose])
        turn, shape, offset = unknowns.split([3 * self.nodes, SHAPES, 3 * len(self.points)])
        turn, offset = turn.reshape(-1, 3), offset.reshape(-1, 3)
        rest = self.body.rest(state.betas, state.offsets)
        tensor = torch.from_numpy
        bones = tensor(rest.bones[person]) + tensor(rest.bone_steps) @ shape
        places = tensor(rest.points[person]) + tensor(rest.point_steps) @ shape + offset
        before = forward_kinematics(tensor(state.rotations[pose]), bones, tree.parents.tolist()).orientations.detach()
        rotations = list(tensor(state.rotations[pose]))
        for node, joint in enumerate(tree.joints.tolist()):
            if node:
                rotations[joint] = rotations[joint] @ rotvec_to_matrix(before[joint].T @ turn[node])
        root = bones[:1] + tensor(state.translation[pose]) + turn[0]
        posed = forward_kinematics(torch.stack(rotations), torch.cat([root, bones[1:]]), tree.parents.tolist())
        carriers = tree.joints[tree.carriers].tolist()
        points = posed.places[carriers] + (posed.orientations[carriers] @ places[..., None])[..., 0]
        vectors = [matrix_to_rotvec(rotations[joint]) for joint in tree.joints[1:].tolist()]
        return points, torch.stack([torch.zeros(3, dtype=torch.float64), *vectors])

    def dense(self, pose: int, at) -> tuple[np.ndarray, np.ndarray]:
        """Normal matrix and gradient of a pose and the shared unknowns, from Jacobians by autograd."""
        unknowns = torch.zeros(3 * self.nodes + SHAPES + 3 * len(self.points), dtype=torch.float64)
        slopes = torch.autograd.functional.jacobian(lambda x: self.moved(pose, x), unknowns, vectorize=True)
        of_points, of_vectors = (part.numpy() for part in slopes)
        matrix = np.zeros((len(unknowns), len(unknowns)))
        gradient = np.zeros(len(unknowns))
        away = at.points[pose] - self.term.targets[pose]
        for point, a in enumerate(at.pull.information[pose]):
            full = np.array([[a[0], a[1], a[2]], [a[1], a[3], a[4]], [a[2], a[4], a[5]]])
            matrix += of_points[point].T @ full @ of_points[point]
            gradient += of_points[point].T @ full @ away[point]
        held, vectors, chosen = self.held, at.vectors[pose], at.chosen[pose]
        precision = np.zeros((3 * self.nodes, 3 * self.nodes))
        for node in range(2, self.nodes):
            for depth in range(2, self.tree.depths[node]):
                other = self.tree.chains[node, depth]
                block = held.precisions[chosen, node, depth]
                precision[3 * node : 3 * node + 3, 3 * other : 3 * other + 3] = block
                precision[3 * other : 3 * other + 3, 3 * node : 3 * node + 3] = block.T
        still = np.repeat(held.still, 3)
        slope = of_vectors.reshape(3 * self.nodes, -1)
        matrix += slope.T @ (precision + np.diag(still)) @ slope
        gradient += slope.T @ (precision @ (vectors - held.means[chosen]).ravel() + still * vectors.ravel())
        for node, axis, limits in zip(held.hinges, held.axes, held.limits, strict=True):
            bend = vectors[node] @ axis
            over = bend - np.clip(bend, *limits)
            if over:
                one = of_vectors[node].T @ axis
                matrix += held.stop * np.outer(one, one)
                gradient += held.stop * over * one
        return matrix, gradient


@pytest.fixture(scope="module")
def case():
    return Case()


def whole_system(case, at):
    """Matrix and gradient of all poses' unknowns, then those shared by each person."""
    own, shared = 3 * case.nodes, SHAPES + 3 * len(case.points)
    size = POSES * own + 2 * shared
    matrix, gradient = np.zeros((size, size)), np.zeros(size)
    for pose in range(POSES):
        first = POSES * own + case.state.whose[pose] * shared
        places = np.r_[pose * own : (pose + 1) * own, first : first + shared]
        one, slope = case.dense(pose, at)
        matrix[np.ix_(places, places)] += one
        gradient[places] += slope
    stiffness = np.tile(case.shared.stiffness(SHAPES), 2)
    tail = slice(POSES * own, None)
    matrix[tail, tail] += np.diag(stiffness)
    gradient[tail] += stiffness * case.shared.away(case.state).ravel()
    return matrix, gradient


def test_kinematics_are_the_body_models(case):
    at = case.worked()
    for pose, person in enumerate(case.state.whose):
        shaped = case.model.with_shape(torch.from_numpy(case.state.betas[person]))
        posed = shaped.with_pose(
            torch.from_numpy(case.state.rotations[pose]), torch.from_numpy(case.state.translation[pose])
        )
        np.testing.assert_allclose(at.places[pose], posed.joints.numpy(), atol=1e-12)
        np.testing.assert_allclose(at.turns[pose], posed.posed.orientations.numpy(), atol=1e-12)


@pytest.mark.parametrize("skeleton", ["smpl24", "human36m17", "body25"])
def test_normal_equations_are_those_of_autograd(skeleton):
    case = Case(skeleton)
    at = case.worked()
    shared = SHAPES + 3 * len(case.points)
    normal = np.empty((POSES, 3 * case.nodes, 3 * case.nodes))
    right = np.empty((POSES, case.nodes, 3, shared + 1))
    system, gradient = np.zeros((2, shared, shared)), np.zeros((2, shared))
    body_equations.dense_systems(
        case.tree, at.rest, case.held, case.state.whose, at.places, at.turns, at.points, at.pull.information,
        at.pull.gradient, at.vectors, at.chosen, np.zeros(POSES), True, normal, right, system, gradient,
    )  # fmt: skip
    expected = [case.dense(pose, at) for pose in range(POSES)]
    own = 3 * case.nodes
    for pose, (matrix, slope) in enumerate(expected):
        scale = np.abs(matrix).max()
        np.testing.assert_allclose(normal[pose], matrix[:own, :own], atol=1e-11 * scale)
        np.testing.assert_allclose(right[pose].reshape(own, -1)[:, :-1], matrix[:own, own:], atol=1e-11 * scale)
        np.testing.assert_allclose(right[pose].reshape(own, -1)[:, -1], slope[:own], atol=1e-11 * scale)
    for person in range(2):
        mine = np.nonzero(case.state.whose == person)[0]
        both = sum(expected[pose][0][own:, own:] for pose in mine)
        np.testing.assert_allclose(np.tril(system[person]), np.tril(both), atol=1e-10 * np.abs(both).max())
        slope = sum(expected[pose][1][own:] for pose in mine)
        np.testing.assert_allclose(gradient[person], slope, atol=1e-10 * np.abs(slope).max())


def changed(case, unknowns, at):
    """The state after small changes of all unknowns, by the compiled step."""
    own, shared = 3 * case.nodes, SHAPES + 3 * len(case.points)
    poses, rest = unknowns[: POSES * own], unknowns[POSES * own :].reshape(2, shared)
    solved = np.zeros((POSES, case.nodes, 3, shared + 1))
    solved[..., -1] = -poses.reshape(POSES, case.nodes, 3)
    rotations, translation = np.empty_like(case.state.rotations), np.empty_like(case.state.translation)
    body_kinematics.moved(
        case.tree, case.state.whose, case.state.rotations, case.state.translation, at.turns, solved,
        np.zeros((2, shared)), rotations, translation,
    )  # fmt: skip
    return replace(
        case.state, rotations=rotations, translation=translation, betas=case.state.betas + rest[:, :SHAPES],
        offsets=case.state.offsets + rest[:, SHAPES:].reshape(case.state.offsets.shape),
    )  # fmt: skip


def chain_of(case):
    linked = np.array([1.0, 1.0, 0.0])  # the last pose is another person's
    return Smoothness(case.tree.joints[1:], 30 * linked, 200 * linked)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("scale", [np.inf, 4.0])
def test_the_gradient_is_that_of_finite_differences(smooth, scale):
    case = Case()
    case.term = replace(case.term, scale=scale)
    smoothness = chain_of(case) if smooth else None
    at = case.worked(smoothness=smoothness)
    _, gradient = whole_system(case, at)
    if smooth:
        right = np.zeros((POSES, case.nodes, 3, 1))
        smoothness._add(
            case.state.rotations, case.state.translation, at.turns, np.zeros((POSES, *[3 * case.nodes] * 2)), right
        )
        gradient[: right.size] += right.ravel()
    for _ in range(6):
        way = case.random.normal(size=len(gradient))
        step = 1e-5
        costs = [case.worked(changed(case, sign * step * way, at), smoothness).cost for sign in (1.0, -1.0)]
        slope = (costs[0] - costs[1]) / (2 * step)
        assert slope == pytest.approx(gradient @ way, rel=1e-6)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("free", [False, True])
def test_a_step_is_that_of_the_dense_system(smooth, free):
    """The tree, the Schur complement and the chain in time together solve exactly the one large system."""
    case = Case(free=free)
    smoothness = chain_of(case) if smooth else None
    at = case.worked(smoothness=smoothness)
    matrix, gradient = whole_system(Case(free=True), at)
    own, every = 3 * case.nodes, SHAPES + 3 * len(case.points)
    if smooth:
        normal, right = np.zeros((POSES, own, own)), np.zeros((POSES, case.nodes, 3, 1))
        between = smoothness._add(case.state.rotations, case.state.translation, at.turns, normal, right)
        gradient[: right.size] += right.ravel()
        for pose in range(POSES):
            part = slice(pose * own, (pose + 1) * own)
            matrix[part, part] += normal[pose]
            for node in range(case.nodes) if pose else ():
                rows, columns = (slice(n * own + 3 * node, n * own + 3 * node + 3) for n in (pose, pose - 1))
                matrix[rows, columns] += between[pose - 1, node]
                matrix[columns, rows] += between[pose - 1, node].T
    kept = np.ones(len(gradient), bool)
    if not free:
        kept[POSES * own :].reshape(2, every)[:, SHAPES:] = False
    step = np.zeros(len(gradient))
    step[kept] = -np.linalg.solve(matrix[np.ix_(kept, kept)], gradient[kept])
    expected = changed(case, step, at)
    found = _stepped(case.body, at, case.held, case.shared, smoothness, np.zeros(POSES))
    np.testing.assert_allclose(found.betas, expected.betas, atol=1e-7)
    np.testing.assert_allclose(found.offsets, expected.offsets, atol=1e-7)
    np.testing.assert_allclose(found.translation, expected.translation, atol=1e-7)
    np.testing.assert_allclose(found.rotations, expected.rotations, atol=1e-7)


def test_the_mixture_costs_what_its_cheapest_component_says(case):
    at = case.worked()
    for pose in range(POSES):
        costs = []
        for component in range(2):
            precision = np.zeros((3 * case.nodes, 3 * case.nodes))
            for node in range(2, case.nodes):
                for depth in range(2, case.tree.depths[node]):
                    other = case.tree.chains[node, depth]
                    block = case.held.precisions[component, node, depth]
                    precision[3 * node : 3 * node + 3, 3 * other : 3 * other + 3] = block
                    precision[3 * other : 3 * other + 3, 3 * node : 3 * node + 3] = block.T
            away = (at.vectors[pose] - case.held.means[component]).ravel()
            costs.append(case.held.constants[component] + away @ precision @ away / 2)
        assert at.held_costs[pose, 0] == pytest.approx(min(costs))
        assert at.chosen[pose] == int(np.argmin(costs))


def test_the_cost_never_rises(case):
    costs = [
        minimise(case.body, case.state, case.term, case.held, case.shared, max_iterations=steps, tolerance=0.0).cost
        for steps in range(6)
    ]
    assert costs[0] == case.worked().cost
    assert all(after <= before for before, after in pairwise(costs))
    assert costs[-1] < 0.5 * costs[0]


def test_a_pose_that_costs_a_little_more_for_the_shapes_sake_is_not_damped():
    better, failed = np.array([True, False, False]), np.array([False, False, True])
    helped = _damped(np.ones(3), True, better, failed)
    assert helped[0] < helped[1] == 1.0 < helped[2]
    held_up = _damped(np.ones(3), False, better, failed)
    assert held_up[0] == 1.0 < held_up[1] == held_up[2]
    assert (_damped(np.ones(2), False, np.ones(2, bool), np.zeros(2, bool)) > 1).all()


def test_the_inverse_right_jacobian_inverts_the_exponential():
    ways = torch.nn.functional.normalize(torch.randn(20, 3, dtype=torch.float64), dim=-1)
    vectors = ways * torch.linspace(1e-6, 3.0, 20, dtype=torch.float64)[:, None]  # up to nearly pi
    small = 1e-6 * torch.randn(20, 3, dtype=torch.float64)
    both = matrix_to_rotvec(rotvec_to_matrix(vectors) @ rotvec_to_matrix(small))
    change = (right_jacobian_inverse(vectors.numpy()) @ small.numpy()[..., None])[..., 0]
    np.testing.assert_allclose((both - vectors).numpy(), change, atol=1e-11)
