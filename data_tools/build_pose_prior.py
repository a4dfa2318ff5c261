r"""Make the pose prior that comes with lift3d from motion clips of rotation vectors.

    python data_tools/build_pose_prior.py cmu_smpl_pose_train_test.npz --test 02 08 10 26 131

The file holds one array (frames, 24, 3) a clip, rotation vectors of SMPL's joints; a clip's name begins with its
subject and an underscore. Subjects named by ``--test`` are left out and judged with. Every pose is also taken
mirrored. A subject counts by the square root of its frames, so that one long recording does not decide. Prints the mean
log-likelihood of poses that it was made from, of those left out, of the same with their knees bent backwards and of
random ones.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from lift3d._files import writing
from lift3d.fitting.pose_prior import PosePrior, tree_precision
from lift3d.skeletons import get_skeleton

SKELETON = get_skeleton("smpl24")
JOINTS = SKELETON.joints[1:22]  # without the root and the hands, which no clip moves
PARENTS = tuple(parent - 1 for parent in SKELETON.parents[1:22])
LEAST_VARIANCE = 1e-3  # radians squared: toes do not move in the clips, but people's do
ROUNDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", help="npz of rotation vectors")
    parser.add_argument("--test", nargs="+", default=[], help="subjects that are left out")
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("-o", "--output", default="lift3d/data/pose_prior.npz")
    arguments = parser.parse_args()
    train, test = _split(Path(arguments.clips), set(arguments.test))
    poses = np.concatenate([*train.values(), *(mirrored(one) for one in train.values())]).reshape(-1, 3 * len(JOINTS))
    shares = np.concatenate([np.full(len(one), len(one) ** -0.5) for one in train.values()])
    prior = learnt(poses, np.tile(shares, 2), arguments.components)
    with writing(Path(arguments.output)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, joints=np.array(prior.joints), parents=np.array(prior.parents), weights=prior.weights,
            means=prior.means.astype(np.float32), precisions=prior.precisions.astype(np.float32),
        )  # fmt: skip
    print(
        json.dumps(_judged(prior, poses, test) | {"poses": len(poses), "bytes": Path(arguments.output).stat().st_size})
    )


def _split(path: Path, test: set[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Poses (N, 21, 3) to learn from, by subject, and those to judge with."""
    subjects: dict[str, list[np.ndarray]] = defaultdict(list)
    with np.load(path) as clips:
        for name in clips.files:
            subjects[name.split("_")[0]].append(clips[name][:, 1:22].astype(np.float64))
    whole = {subject: np.concatenate(parts) for subject, parts in subjects.items()}
    kept = [poses for subject, poses in whole.items() if subject in test]
    return {name: poses for name, poses in whole.items() if name not in test}, np.concatenate(
        kept or [np.zeros((0, 21, 3))]
    )


def mirrored(poses: np.ndarray) -> np.ndarray:
    """Poses (N, 21, 3) with left and right exchanged: the mirror x -> -x turns (x, y, z) into (x, -y, -z)."""
    order = [joint - 1 for joint in SKELETON.flip_order[1:22]]
    return poses[:, order] * [1.0, -1.0, -1.0]


def learnt(poses: np.ndarray, shares: np.ndarray, components: int, seed: int = 0) -> PosePrior:
    """The mixture by expectation maximisation (Dempster, Laird and Rubin 1977), started by k-means++.

    Args:
        poses: (N, 63).
        shares: (N) weight of each pose.
        components: of the mixture.
        seed: of the start.
    """
    shares = shares / shares.sum()
    belongs = _nearest(poses, _seeds(poses, shares, components, np.random.default_rng(seed)))
    for _ in range(ROUNDS):
        prior = _of(poses, shares[:, None] * belongs)
        belongs = _belongs(prior, poses)
    return prior


def _seeds(poses: np.ndarray, shares: np.ndarray, components: int, random: np.random.Generator) -> np.ndarray:
    """Poses far from each other (Arthur and Vassilvitskii 2007)."""
    seeds = [poses[random.choice(len(poses), p=shares)]]
    for _ in range(components - 1):
        squares = np.min([np.square(poses - seed).sum(1) for seed in seeds], axis=0) * shares
        seeds.append(poses[random.choice(len(poses), p=squares / squares.sum())])
    return np.stack(seeds)


def _nearest(poses: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    distances = np.stack([np.square(poses - seed).sum(1) for seed in seeds], axis=1)
    return np.eye(len(seeds))[distances.argmin(1)]


def _of(poses: np.ndarray, belongs: np.ndarray) -> PosePrior:
    """The mixture of poses that belong to components by shares (N, C)."""
    weights = belongs.sum(0)
    means = (belongs.T @ poses) / weights[:, None]
    precisions = []
    for share, mean, weight in zip(belongs.T, means, weights, strict=True):
        away = poses - mean
        covariance = (away * share[:, None]).T @ away / weight
        precisions.append(tree_precision(covariance + LEAST_VARIANCE * np.eye(len(mean)), PARENTS))
    as_joints = means.reshape(len(means), -1, 3)
    return PosePrior(JOINTS, PARENTS, weights / weights.sum(), as_joints, np.stack(precisions))


def _belongs(prior: PosePrior, poses: np.ndarray) -> np.ndarray:
    """Probability (N, C) that each pose is of each component."""
    scores = np.empty((len(poses), len(prior.weights)))
    for c, (mean, precision) in enumerate(zip(prior.means, prior.precisions, strict=True)):
        away = poses - mean.reshape(-1)
        scores[:, c] = -((away @ precision) * away).sum(1) / 2 - prior.constants[c]
    scores -= scores.max(1, keepdims=True)
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


def _judged(prior: PosePrior, poses: np.ndarray, test: np.ndarray) -> dict[str, float]:
    random = np.random.default_rng(0)
    backwards = test.copy()
    backwards[:, [JOINTS.index("left_knee"), JOINTS.index("right_knee")], 0] *= -1
    sets = {
        "train": poses[random.choice(len(poses), 4000)].reshape(-1, len(JOINTS), 3),
        "test": test,
        "knees_backwards": backwards,
        "random": random.uniform(-1.5, 1.5, (1000, len(JOINTS), 3)),
    }
    return {name: round(float(prior.log_likelihood(part).mean()), 1) for name, part in sets.items() if len(part)}


if __name__ == "__main__":
    main()
