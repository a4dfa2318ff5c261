"""Runs keypoints2body 0.1.0 for ``fit_joints.py``, in an environment of its own; prints one JSON object.

    python keypoints2body_worker.py CASE.npz FOLDER

It reads SMPL's own file format, so a body of one small tetrahedron a joint is written for it whose joints and shapes
are the case's, and a prior that says next to nothing, since the one it asks for may not be passed on.
"""

import single_thread  # noqa: F401

# isort: split
import json
import os
import pickle
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse
import torch

JOINTS = 22  # of the layout "AMASS"


def main() -> None:
    torch.set_num_threads(1)
    with np.load(sys.argv[1]) as file:
        case = {name: file[name] for name in file.files}
    os.chdir(sys.argv[2])
    write_files(case)
    from keypoints2body.api.sequence import optimize_params_sequence
    from keypoints2body.core.config import SequenceOptimizeConfig

    joints = case["joints"][:, :JOINTS].astype(np.float32)
    start = time.process_time()
    found = optimize_params_sequence(
        joints, body_model="smpl", joint_layout="AMASS", config=SequenceOptimizeConfig(), device=torch.device("cpu")
    )
    seconds = time.process_time() - start
    fitted = np.stack([torch.as_tensor(one.joints).detach().reshape(-1, 3)[:JOINTS].numpy() for one in found])
    print(json.dumps({
        "frames": len(joints),
        "fits_per_s": round(len(joints) / seconds, 3),
        "residual_mm": round(1000 * float(np.linalg.norm(fitted - joints, axis=-1).mean()), 2),
        "error_mm": round(1000 * float(np.linalg.norm(fitted - case["truth"][:, :JOINTS], axis=-1).mean()), 2),
    }))  # fmt: skip


def write_files(case: dict[str, np.ndarray]) -> None:
    """Model, prior and mean pose where keypoints2body looks for them."""
    folder = Path("data/models/smpl")
    folder.mkdir(parents=True)
    with (folder / "SMPL_NEUTRAL.pkl").open("wb") as file:
        pickle.dump(tetrahedra(case), file, protocol=2)
    random = np.random.default_rng(0)
    prior = {
        "means": 0.05 * random.normal(size=(8, 69)),
        "covars": np.stack([0.15 * np.eye(69)] * 8),
        "weights": np.ones(8) / 8,
    }
    with Path("data/models/gmm_08.pkl").open("wb") as file:
        pickle.dump(prior, file)
    with h5py.File("data/models/neutral_smpl_mean_params.h5", "w") as file:
        file["pose"], file["shape"] = np.zeros(72, np.float32), np.zeros(10, np.float32)


def tetrahedra(case: dict[str, np.ndarray]) -> dict[str, object]:
    """A model in SMPL's layout with 6,890 vertices: four around each joint, the others on the root."""
    corners = 0.05 * np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    owner = np.concatenate([np.repeat(np.arange(24), 4), np.zeros(6890 - 96, np.int64)])
    vertices = case["template"][owner] + np.concatenate([np.tile(corners, (24, 1)), np.zeros((6890 - 96, 3))])
    regressor = np.zeros((24, 6890))
    regressor[np.repeat(np.arange(24), 4), np.arange(96)] = 0.25
    parents = case["parents"].astype(np.int64)
    return {
        "v_template": vertices,
        "shapedirs": case["directions"][owner],
        "posedirs": np.zeros((6890, 3, 207)),
        "weights": np.eye(24)[owner],
        "J_regressor": scipy.sparse.csc_matrix(regressor),
        "f": np.zeros((13776, 3), np.uint32),
        "kintree_table": np.stack([np.where(parents < 0, 2**32 - 1, parents), np.arange(24)]),
        "J": case["template"],
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


if __name__ == "__main__":
    main()
