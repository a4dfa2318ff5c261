"""The fit as a whole: the truth comes back, input turned is output turned, what is wrong does not spoil the rest."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_body import bony_body, dance, poses_of

from lift3d.compiled import body_equations
from lift3d.errors import InputError
from lift3d.fitting import FitSettings, body_points, fit_body
from lift3d.fitting.body_tree import body_tree
from lift3d.fitting.observations import joints_seen
from lift3d.fitting.start import Seen, rigid_pairs, suspicious
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton

FRAMES = 60
BETAS = torch.tensor([1.0, -0.8, 0.5, 0.2, -1.2, 0.7, 0.1, -0.4, 0.9, -0.3], dtype=torch.float64)
SURE = FitSettings(pose_prior=0.0, noise=1e-4, shape_prior=1e-6, robust=None, max_iterations=60, tolerance=1e-12)
PLAIN = FitSettings(pose_prior=0.0, noise=0.01, robust=None, hinges=False, max_iterations=60, tolerance=1e-12)


@pytest.fixture(scope="module")
def model():
    return bony_body()


@pytest.fixture(scope="module")
def motion():
    return dance(FRAMES)


@pytest.fixture(scope="module")
def truth(model, motion):
    return poses_of(model, BETAS, *motion)


@pytest.fixture(scope="module")
def noisy(model, motion):
    return poses_of(model, BETAS, *motion, noise=0.01)


@pytest.fixture(scope="module")
def fitted(noisy, model):
    return fit_body(noisy, model)


def error_mm(fit, truth, joints=slice(None)):
    return 1000 * float((fit.joints().positions - truth.positions)[:, :, joints].norm(dim=-1).nanmean())


def disturbed(poses, share=0.05, metres=0.3, seed=0):
    random = np.random.default_rng(seed)
    ways = random.normal(size=poses.positions.shape)
    ways *= metres / np.linalg.norm(ways, axis=-1, keepdims=True)
    off = random.random(poses.positions.shape[:-1]) < share
    return Poses3D.of(poses.positions + torch.from_numpy(ways * off[..., None]), skeleton=poses.skeleton)


def test_without_noise_joints_and_shape_come_back(truth, model):
    fit = fit_body(truth, model, SURE)
    assert error_mm(fit, truth) < 0.1
    torch.testing.assert_close(fit.betas[0], BETAS, atol=0.02, rtol=0)
    assert not fit.failures


def test_with_noise_the_body_is_closer_to_the_truth_than_what_was_seen(fitted, noisy, truth):
    seen = 1000 * float((noisy.positions - truth.positions).norm(dim=-1).mean())
    assert error_mm(fitted, truth) < 0.8 * seen
    assert fitted.noise == pytest.approx(0.01, rel=0.25)


def test_five_in_a_hundred_joints_far_off_cost_little(noisy, truth, model, fitted):
    robust = error_mm(fit_body(disturbed(noisy), model), truth)
    assert robust < 1.3 * error_mm(fitted, truth)
    assert error_mm(fit_body(disturbed(noisy), model, FitSettings(robust=None)), truth) > 1.6 * robust


def test_what_is_far_off_is_suspicious_and_little_else_is(noisy, model):
    body = body_tree(model, body_points(noisy.skeleton, model))
    places = disturbed(noisy).positions[:, 0].numpy()
    off = np.linalg.norm(places - noisy.positions[:, 0].numpy(), axis=-1) > 0.1
    everybody = np.zeros(FRAMES, np.int64)
    frames = np.arange(FRAMES)
    seen = Seen(places, np.ones(places.shape[:2], bool), everybody, frames, (slice(0, FRAMES),), 1 / 30)
    found = suspicious(seen, body)
    assert found[off].mean() > 0.95
    assert found[~off].mean() < 0.03
    lengths = np.linalg.norm(np.diff(noisy.positions[:, 0].numpy()[:, rigid_pairs(body)], axis=2)[:, :, 0], axis=-1)
    assert lengths.std(0).max() < 0.03


@pytest.mark.parametrize(("fps", "believed"), [(30.0, False), (2.0, True)])
def test_a_hand_that_is_elsewhere_for_one_frame_is_believed_where_frames_are_few(model, fps, believed):
    """An arm turned about its shoulder for one frame: no bone is too long, but it cannot be in a thirtieth second."""
    rotations, translation = (part.repeat_interleave(20, dim=0) for part in dance(1))
    rotations[10, model.skeleton.index("left_shoulder"), 1] += 1.0
    still = poses_of(model, BETAS, rotations, translation)
    points = body_points(model.skeleton, model)
    poses = Poses3D.of(still.positions, skeleton=model.skeleton, fps=fps)
    found = suspicious(joints_seen(poses, points, FitSettings(), 4)[0].seen, body_tree(model, points))
    assert found.any() != believed


def test_a_body_that_leaps_is_not_suspicious(noisy, model):
    """What most of the joints do together the body does."""
    places = noisy.positions.clone()
    places[20] += 0.5
    points = body_points(model.skeleton, model)
    seen = joints_seen(Poses3D.of(places, skeleton=noisy.skeleton), points, FitSettings(), 4)[0].seen
    assert suspicious(seen, body_tree(model, points))[20].mean() < 0.2


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.5, -1.2, 2.0), (math.pi / 2, 0.0, 0.0)])
def test_input_turned_and_moved_is_output_turned_and_moved(turn, model, motion):
    noisy = poses_of(model, BETAS, *motion, noise=0.003)
    rotation = rotvec_to_matrix(torch.tensor(turn, dtype=torch.float64))
    way = torch.tensor([5.0, -3.0, 0.7], dtype=torch.float64)
    first = fit_body(noisy, model, PLAIN)
    fit = fit_body(Poses3D.of(noisy.positions @ rotation.mT + way, skeleton=noisy.skeleton), model, PLAIN)
    torch.testing.assert_close(fit.joints().positions, first.joints().positions @ rotation.mT + way, atol=5e-4, rtol=0)
    root = [rotvec_to_matrix(one.rotations[:, :, 0]) for one in (fit, first)]
    torch.testing.assert_close(root[0], rotation @ root[1], atol=5e-3, rtol=0)
    torch.testing.assert_close(fit.betas, first.betas, atol=1e-3, rtol=0)


def test_a_joint_counts_by_its_covariance(noisy, truth, model):
    """Noise along one axis alone, that the covariance tells of, does little harm."""
    shaken = noisy.positions.clone()
    shaken[..., 2] += 0.06 * torch.randn(shaken.shape[:-1], dtype=torch.float64)
    covariance = torch.diag(torch.tensor([1e-4, 1e-4, 1e-4 + 0.06**2], dtype=torch.float64))
    told = Poses3D.of(shaken, skeleton=noisy.skeleton, covariance=covariance.expand(*shaken.shape, 3))
    untold = Poses3D.of(shaken, skeleton=noisy.skeleton)
    fit = fit_body(told, model)
    assert fit.noise == pytest.approx(1.0, abs=0.1)
    assert error_mm(fit, truth) < 0.85 * error_mm(fit_body(untold, model, FitSettings(noise=0.035)), truth)


def test_an_even_covariance_is_the_same_as_that_noise(noisy, model):
    covariance = (0.012**2 * torch.eye(3, dtype=torch.float64)).expand(*noisy.positions.shape, 3)
    told = fit_body(Poses3D.of(noisy.positions, skeleton=noisy.skeleton, covariance=covariance), model,
                    FitSettings(misfit=0.0))  # fmt: skip
    assumed = fit_body(noisy, model, FitSettings(noise=0.012))
    torch.testing.assert_close(told.rotations, assumed.rotations, atol=1e-9, rtol=0)


def test_scores_are_weights(noisy, truth, model):
    """The wrist of score 0 does not count, and one of a low score counts little."""
    wrist = model.skeleton.index("left_wrist")
    places, scores = noisy.positions.clone(), noisy.scores.clone()
    places[:, :, wrist, 0] += 0.1
    low, none = scores.clone(), scores.clone()
    low[:, :, wrist], none[:, :, wrist] = 0.05, 0.0
    elbow = [model.skeleton.index("left_elbow")]
    errors = [
        error_mm(
            fit_body(Poses3D.of(places, given, skeleton=noisy.skeleton), model, FitSettings(robust=None)), truth, elbow
        )
        for given in (scores, low, none)
    ]
    assert errors[2] < errors[0] - 5
    assert errors[1] < errors[0] - 5


def test_missing_joints_are_done_without(noisy, truth, model):
    places = noisy.positions.clone()
    gone = torch.rand(places.shape[:-1], generator=torch.Generator().manual_seed(1)) < 0.2
    places[gone] = torch.nan
    fit = fit_body(Poses3D.of(places, skeleton=noisy.skeleton), model)
    assert not fit.failures
    assert error_mm(fit, truth) < 30
    assert bool((torch.isnan(fit.residuals) == gone).all())


def test_one_frame_is_enough(noisy, truth, model):
    fit = fit_body(noisy.between(7, 8), model)
    assert error_mm(fit, truth.between(7, 8)) < 25


def test_people_have_shapes_of_their_own(model):
    small, large = -1.5 * torch.eye(10, dtype=torch.float64)[0], 1.5 * torch.eye(10, dtype=torch.float64)[0]
    people = [poses_of(model, betas, *dance(FRAMES, seed), noise=0.005, seed=seed)
              for seed, betas in enumerate((small, large))]  # fmt: skip
    together = Poses3D.of(torch.cat([one.positions for one in people], dim=1), skeleton=model.skeleton)
    fit = fit_body(together, model)
    assert fit.betas[:, 0].tolist() == pytest.approx([-1.5, 1.5], abs=0.3)
    alone = fit_body(people[1], model)
    apart = (fit.joints().positions[:, 1] - alone.joints().positions[:, 0]).norm(dim=-1)
    assert float(apart.mean()) < 1e-3


def test_frames_that_fail_are_named_and_the_others_are_not_harmed(noisy, truth, model):
    places = noisy.positions.clone()
    places[3] = torch.nan
    places[4, :, 3:] = torch.nan
    places[9] = 3 * torch.randn(places[9].shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fit = fit_body(Poses3D.of(places, skeleton=noisy.skeleton), model)
    assert [(one.frame, one.person) for one in fit.failures] == [(3, 0), (4, 0), (9, 0)]
    assert "0 joints" in fit.failures[0].reason
    assert "3 joints" in fit.failures[1].reason
    assert "mm" in fit.failures[2].reason
    assert bool(torch.isnan(fit.rotations[[3, 4, 9]]).all())
    assert bool((fit.joints().scores[[3, 4, 9]] == 0).all())
    assert error_mm(fit, truth) < 25
    assert "failed" in fit.summary()


@pytest.mark.parametrize("name", ["human36m17", "coco17", "body25", "mpii16"])
def test_other_skeletons_joints_have_offsets(name, model, motion):
    """A body of which a detector sees points elsewhere than its joints: what the two share comes out right."""
    points = body_points(get_skeleton(name), model)
    posed = model.with_shape(BETAS).with_pose(*motion).posed
    own = points.offsets + 0.02 * torch.randn(points.offsets.shape, generator=torch.Generator().manual_seed(2)).double()
    base = [on if on >= 0 else carrier for on, carrier in zip(points.on, points.carriers, strict=True)]
    carriers = list(points.carriers)
    there = posed.places[:, base] + (posed.orientations[:, carriers] @ own[..., None])[..., 0]
    seen = torch.full((FRAMES, 1, len(get_skeleton(name)), 3), torch.nan, dtype=torch.float64)
    seen[:, 0, list(points.joints)] = there + 0.005 * torch.randn(there.shape, dtype=torch.float64)
    fit = fit_body(Poses3D.of(seen, skeleton=get_skeleton(name)), model)
    limbs = model.skeleton.indices("left_knee", "right_knee", "left_elbow", "right_elbow", "left_shoulder")
    expected = Poses3D.of(posed.places[:, None], skeleton=model.skeleton)
    assert 1000 * float(fit.residuals.nanmean()) < 25
    assert error_mm(fit, expected, limbs) < 60


def test_joints_of_another_kind_of_body_have_offsets_though_they_have_the_same_names(model, motion):
    """A body whose shoulders, hips and neck lie elsewhere: no shape explains them, and none should be forced to."""
    moved = model.template.clone()
    lower, wider = torch.tensor([0.0, -0.05, 0.02]), torch.tensor([0.04, 0.03, 0.0])
    for name, way in (("neck", lower), ("left_hip", wider), ("right_hip", wider * torch.tensor([-1.0, 1.0, 1.0]))):
        moved[model.skeleton.index(name)] += way
    poses = poses_of(replace(model, template=moved), BETAS, *motion, noise=0.002)
    alike = replace(model, shape_directions=0.5 * model.shape_directions)  # people who differ less than these do
    fit, forced = fit_body(poses, alike), fit_body(poses, alike, FitSettings(offsets="none"))
    assert float(forced.betas.abs().max()) > 4
    assert float(fit.betas.abs().max()) < 3
    assert float(fit.residuals.mean()) < 0.6 * float(forced.residuals.mean())


def test_knees_and_elbows_bend_one_way_alone(model, motion):
    """Straight legs, seen bent backwards by a little."""
    rotations, translation = (part.clone() for part in motion)
    rotations[:, [4, 5], :] = torch.tensor([-0.15, 0.0, 0.0], dtype=torch.float64)
    poses = poses_of(model, BETAS, rotations, translation, noise=0.005)
    hinged = fit_body(poses, model)
    assert hinged.hinges == ("left_knee", "right_knee", "left_elbow", "right_elbow")
    assert float(hinged.bends.min()) > math.radians(-1)
    loose = fit_body(poses, model, FitSettings(hinges=False, pose_prior=0.0))
    assert float(loose.bends[..., :2].mean()) < math.radians(-5)


def test_knees_and_elbows_found_bend_as_those_of_people_do(fitted, noisy, model):
    assert float(fitted.bends.min()) > math.radians(-0.5)
    assert float(fit_body(disturbed(noisy), model).bends.min()) > math.radians(-1)


def test_smoothness_takes_noise_away(noisy, truth, model, fitted):
    smooth = fit_body(noisy, model, FitSettings(smoothness=2.0))
    jitter = [torch.diff(fit.joints().positions, n=2, dim=0).norm(dim=-1).mean() for fit in (fitted, smooth)]
    assert float(jitter[1]) < 0.9 * float(jitter[0])
    assert error_mm(smooth, truth) < error_mm(fitted, truth)


def test_a_pose_that_is_stuck_is_started_again_from_its_neighbour(noisy, truth, model, monkeypatch):
    module = sys.modules["lift3d.fitting.stages"]
    second_try, found = module._second_try, []

    def spoiled(problem, last, trusted, noise):
        rotations, costs, information = (
            part.copy() for part in (last.state.rotations, last.pull.costs, last.pull.information)
        )
        rotations[20], costs[20], information[20, 5] = np.diag([1.0, -1.0, -1.0]), 1e6, 0.0
        pull = replace(last.pull, costs=costs, information=information)
        stuck = replace(last, state=replace(last.state, rotations=rotations), pull=pull)
        found.append(second_try(problem, stuck, trusted, noise))
        assert second_try(problem, last, trusted, noise) is None
        return found[0]

    monkeypatch.setattr(module, "_second_try", spoiled)
    fit = fit_body(noisy, model)
    assert found[0] is not None
    assert float((fit.joints().positions[20] - truth.positions[20]).norm(dim=-1).mean()) < 0.02


def test_meshes_are_the_posed_bodies(fitted):
    torch.testing.assert_close(
        fitted.mesh(5)[0], fitted.joints().positions[5, 0]
    )  # this body's vertices are its joints


def test_loops_are_compiled_once_for_all_of_these(fitted):
    assert len(body_equations.sweep.signatures) == 1


def test_nobody_is_no_body(noisy, model):
    nothing = Poses3D.of(torch.full((3, 1, 24, 3), torch.nan), skeleton=noisy.skeleton)
    with pytest.raises(InputError, match="no frame has 4 joints"):
        fit_body(nothing, model)


@pytest.mark.parametrize(("name", "value"), [("robust", 0.0), ("offsets", "some"), ("pose_prior", -1.0), ("shapes", 0)])
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        FitSettings(**{name: value})
