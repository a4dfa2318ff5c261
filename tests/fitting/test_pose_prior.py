"""The pose prior: its file, its density, and that its precisions keep the tree."""

import numpy as np
import pytest
from made_up_body import bony_body
from scipy.stats import multivariate_normal

from lift3d.errors import FileError, InputError
from lift3d.fitting.known import joints_known
from lift3d.fitting.pose_prior import PosePrior, read_pose_prior, tree_precision

PARENTS = (-1, 0, 1, 1, -1, 4)


def covariance(seed=0):
    some = np.random.default_rng(seed).normal(size=(18, 40))
    return some @ some.T / 40 + 0.1 * np.eye(18)


def unrelated():
    """Pairs of numbers whose joints do not hang on each other."""
    chains = []
    for joint, parent in enumerate(PARENTS):
        chains.append({joint} | (chains[parent] if parent >= 0 else set()))
    return np.array([[not (a in chains[b] or b in chains[a]) for b in range(6) for _ in range(3)]
                     for a in range(6) for _ in range(3)])  # fmt: skip


def test_the_trees_precision_is_zero_between_joints_that_do_not_hang_on_each_other():
    precision = tree_precision(covariance(), PARENTS)
    np.testing.assert_allclose(precision[unrelated()], 0.0, atol=1e-12)
    assert np.linalg.eigvalsh(precision).min() > 0


def test_the_trees_gaussian_has_the_same_spread_along_every_chain():
    """Its covariance within a chain is that given: what defines the likeliest Gaussian on a tree."""
    own = covariance()
    fitted = np.linalg.inv(tree_precision(own, PARENTS))
    for chain in ((0, 1, 2), (0, 1, 3), (4, 5)):
        places = np.ix_(*[[3 * joint + i for joint in chain for i in range(3)]] * 2)
        np.testing.assert_allclose(fitted[places], own[places], atol=1e-10)


def test_what_already_keeps_the_tree_is_left_alone():
    precision = np.where(unrelated(), 0.0, np.linalg.inv(covariance(1)))
    precision += (1.0 - min(np.linalg.eigvalsh(precision).min(), 0.0)) * np.eye(18)
    # a chain's covariance tells its own part only where nothing is filled in: a tree, eliminated from the leaves
    np.testing.assert_allclose(tree_precision(np.linalg.inv(precision), PARENTS), precision, atol=1e-8)


def test_the_log_likelihood_is_scipys():
    prior, random = read_pose_prior(), np.random.default_rng(0)
    poses = prior.means[2] + 0.1 * random.normal(size=(5, *prior.means[2].shape))
    densities = [
        weight * multivariate_normal(mean.ravel(), np.linalg.inv(precision)).pdf(poses.reshape(5, -1))
        for weight, mean, precision in zip(prior.weights, prior.means, prior.precisions, strict=True)
    ]
    np.testing.assert_allclose(prior.log_likelihood(poses), np.log(np.sum(densities, axis=0)), rtol=1e-6)


def test_the_shipped_prior_prefers_knees_that_bend_backward():
    """A knee bent by 60 degrees about +x: the shin goes backward, as it does; about -x no shin goes."""
    prior = read_pose_prior()
    assert len(prior.weights) == 8
    pose = np.einsum("c,cpi->pi", prior.weights, prior.means)
    bent, wrong = pose.copy(), pose.copy()
    for side in ("left_knee", "right_knee"):
        bent[prior.joints.index(side), 0] = 1.05
        wrong[prior.joints.index(side), 0] = -1.05
    assert prior.log_likelihood(bent) > prior.log_likelihood(wrong) + 40


def test_the_shipped_prior_is_the_same_on_both_sides_of_the_body():
    prior = read_pose_prior()
    random = np.random.default_rng(1)
    pose = prior.means[0] + 0.2 * random.normal(size=prior.means[0].shape)
    swap = [prior.joints.index(name.replace("left_", "x_").replace("right_", "left_").replace("x_", "right_"))
            for name in prior.joints]  # fmt: skip
    mirrored = pose[swap] * [1.0, -1.0, -1.0]
    assert prior.log_likelihood(mirrored) == pytest.approx(float(prior.log_likelihood(pose)), abs=12)


def test_the_bodys_joints_are_found_by_name_and_only_where_they_hang_alike():
    model, prior = bony_body(), read_pose_prior()
    assert [model.skeleton.joints[joint] for joint in joints_known(prior, model)] == list(prior.joints)
    other = PosePrior(prior.joints, (-1,) * 21, prior.weights, prior.means, prior.precisions)
    assert joints_known(other, model) == []
    assert joints_known(None, model) == []


def test_bad_files_and_numbers_are_refused(tmp_path):
    (tmp_path / "prior.npz").write_bytes(b"PK nothing")
    with pytest.raises(FileError, match="no pose prior"):
        read_pose_prior(tmp_path / "prior.npz")
    np.savez(tmp_path / "objects.npz", joints=np.array([{}], dtype=object))
    with pytest.raises(FileError, match="no pose prior"):
        read_pose_prior(tmp_path / "objects.npz")
    with pytest.raises(InputError, match="positive definite"):
        PosePrior(("a",), (-1,), np.ones(1), np.zeros((1, 1, 3)), -np.eye(3)[None])
