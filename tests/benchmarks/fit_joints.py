"""Measure the fit of a body to the joints of a made-up dance, in 3D and in pictures; prints one JSON object.

    python tests/benchmarks/fit_joints.py [--frames 1000] [--peers] [--keypoints2body-python PYTHON]

1000 frames, 24 joints, 10 mm noise on each axis, one shape for all; one thread, processor time, the best of five runs.

``fits_per_s``      frames fitted in a second, with the settings that ``fit_body`` has by default
``residual_mm``     mean distance of the body's joints from those given
``error_mm``        mean distance of the body's joints from the true ones
``outlier_error_ratio``  the error where 5 % of the joints are 300 mm off, over the error without
``ratio_lbfgs``     times as fast as LBFGS by automatic differentiation through kinematics of joints alone, the whole
                    sequence at once, one shape (the way of EasyMocap); its residual and error beside it
``ratio_keypoints2body``  with ``--peers``: times as fast as keypoints2body 0.1.0 on the first frames of the same dance,
                    in an environment of its own whose Python is given
``multiview_error_ratio``  the error of the fit to pictures of 4 cameras around the dancer, with 4 px noise on each axis
                    and 15 % of the detections missing, over that of linear triangulation (DLT), on the joints that
                    this has; the errors beside it
``eight_to_four_cost``  processor time of the whole fit to 8 cameras, triangulation and all, over that to 4: a step
                    costs much the same, and with more cameras fewer are needed

``first_call_s`` is the wall time of the first fit, in which the loops are compiled or, the next time, read from disk.
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.bodies import BodyModel
from lift3d.cameras import CameraRig
from lift3d.fitting import BodyFit, fit_body, fit_views
from lift3d.geometry.alignment import best_similarity
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.synthetic import ring_rig
from lift3d.triangulation import triangulate

sys.path.insert(0, str(Path(__file__).parents[1] / "fitting"))
from made_up_body import bony_body, dance

NOISE = 0.010
OFF, SHARE_OFF = 0.300, 0.05
PIXEL_NOISE, SHARE_MISSING = 4.0, 0.15
UPRIGHT = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)  # y up to z up
RUNS = 5
PEER_FRAMES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--keypoints2body-python", metavar="PYTHON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = bony_body()
    random = np.random.default_rng(0)
    shaped = model.with_shape(torch.from_numpy(random.normal(size=model.shapes)))
    truth = shaped.with_pose(*dance(arguments.frames)).joints
    noisy = truth + NOISE * torch.from_numpy(random.normal(size=truth.shape))
    start = time.perf_counter()
    fit_body(poses(noisy[:50], model), model)
    first = time.perf_counter() - start
    seconds, fit = timed(lambda: fit_body(poses(noisy, model), model), RUNS)
    disturbed = fit_body(poses(with_outliers(noisy, random), model), model)
    own = judged(fit, noisy, truth)
    figures: dict[str, Any] = {
        "frames": len(noisy),
        "first_call_s": round(first, 2),
        "fits_per_s": round(len(noisy) / seconds, 1),
        **own,
        "outlier_error_ratio": round(judged(disturbed, noisy, truth)["error_mm"] / own["error_mm"], 3),
    }
    figures |= against_lbfgs(model, noisy, truth, len(noisy) / seconds)
    figures |= in_pictures(model, truth, random) | {"ratio_keypoints2body": None}
    if arguments.peers and arguments.keypoints2body_python:
        figures |= against_keypoints2body(arguments.keypoints2body_python, model, noisy, truth, figures["fits_per_s"])
    print(json.dumps(figures))


def poses(joints: torch.Tensor, model: BodyModel) -> Poses3D:
    return Poses3D.of(joints[:, None], skeleton=model.skeleton)


def with_outliers(joints: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Some joints moved by 300 mm in any direction."""
    ways = random.normal(size=joints.shape)
    ways *= OFF / np.linalg.norm(ways, axis=-1, keepdims=True)
    return joints + torch.from_numpy(ways * (random.random((*joints.shape[:2], 1)) < SHARE_OFF))


def in_pictures(model: BodyModel, truth: torch.Tensor, random: np.random.Generator) -> dict[str, Any]:
    """The fit to 4 cameras against linear triangulation, and its cost with 8."""
    centred = truth - truth[:, 0].mean(0)
    joints = centred @ UPRIGHT.mT + truth.new_tensor([0.0, 0.0, 1.0])
    seconds, errors = [], {}
    for cameras in (4, 8):
        rig = ring_rig(cameras)
        keypoints = detected(joints, rig, random, model)
        own, fit = timed(lambda rig=rig, keypoints=keypoints: fit_views(keypoints, rig, model), RUNS)
        seconds.append(own)
        linear = triangulate(keypoints, rig, "dlt").positions[:, 0]
        there = torch.isfinite(linear[..., 0])
        for name, found in (("fit", fit.joints().positions[:, 0]), ("dlt", linear)):
            away = (found - joints).norm(dim=-1)[there]
            errors[f"{name}_{cameras}_views_mm"] = round(1000 * float(away.mean()), 2)
    return {
        "multiview_error_ratio": round(errors["fit_4_views_mm"] / errors["dlt_4_views_mm"], 3),
        "eight_to_four_cost": round(seconds[1] / seconds[0], 3),
        "multiview_fits_per_s": round(len(joints) / seconds[0], 1),
        **errors,
    }


def detected(joints: torch.Tensor, rig: CameraRig, random: np.random.Generator, model: BodyModel) -> Keypoints2D:
    """What a detector makes of the joints: noise, and some missing."""
    pixels = rig.project(joints)
    pixels = pixels + PIXEL_NOISE * torch.from_numpy(random.normal(size=pixels.shape))
    gone = torch.from_numpy(random.random(pixels.shape[:-1]) < SHARE_MISSING)
    pixels = pixels.masked_fill(gone[..., None], torch.nan)
    return Keypoints2D.of(pixels[:, :, None], skeleton=model.skeleton, camera_names=rig.names)


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Processor seconds of the best run, and what it gave."""
    seconds, given = [], None
    for _ in range(runs):
        start = time.process_time()
        given = work()
        seconds.append(time.process_time() - start)
    return min(seconds), given


def judged(fit: BodyFit, noisy: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
    return distances(fit.joints().positions[:, 0], noisy, truth)


def distances(joints: torch.Tensor, noisy: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
    residual, error = (1000 * float((joints - other).norm(dim=-1).mean()) for other in (noisy, truth))
    return {"residual_mm": round(residual, 2), "error_mm": round(error, 2)}


def against_lbfgs(model: BodyModel, noisy: torch.Tensor, truth: torch.Tensor, speed: float) -> dict[str, Any]:
    start = time.process_time()
    joints = by_lbfgs(model, noisy)
    own = len(noisy) / (time.process_time() - start)
    found = {f"lbfgs_{name}": value for name, value in distances(joints, noisy, truth).items()}
    return {"ratio_lbfgs": round(speed / own, 1), "lbfgs_fits_per_s": round(own, 1), **found}


def by_lbfgs(model: BodyModel, joints: torch.Tensor) -> torch.Tensor:
    """All frames and one shape at once by LBFGS, from the rest pose turned as hips and neck are; in float32.

    First the root and the shape, then everything, with the same weak hold at rest as EasyMocap's.
    """
    seen = joints.float()
    template, directions = model.joint_template.float(), model.joint_directions.float()
    turn = torch.zeros(len(seen), 24, 3, requires_grad=True)
    place = (seen[:, 0] - template[0]).clone().requires_grad_()
    betas = torch.zeros(model.shapes, requires_grad=True)

    def places() -> torch.Tensor:
        rest = template + directions @ betas
        bones = torch.cat([rest[:1], rest[1:] - rest[list(model.parents[1:])]])
        return forward_kinematics(rotvec_to_matrix(turn), bones, model.parents).places + place[:, None]

    def loss() -> torch.Tensor:
        fitted = (places() - seen).square().sum() / NOISE**2
        return fitted + 0.1 * turn[:, 1:].square().sum() + betas.square().sum()

    with torch.no_grad():
        turn[:, 0] = root_turn(seen, template)
    for unknowns, rounds in (([place, betas], 10), ([turn, place, betas], 150)):
        search = torch.optim.LBFGS(
            unknowns, max_iter=rounds, history_size=20, line_search_fn="strong_wolfe", tolerance_change=1e-7
        )

        def closure(search: torch.optim.LBFGS = search) -> torch.Tensor:
            search.zero_grad()
            value = loss()
            value.backward()
            return value

        search.step(closure)
    return places().detach().double()


def root_turn(seen: torch.Tensor, template: torch.Tensor) -> torch.Tensor:
    """Rotation vectors that bring pelvis, hips, first spine joint and neck closest."""
    trunk = [0, 1, 2, 3, 12]
    source = template[trunk].expand(len(seen), -1, -1)
    return matrix_to_rotvec(best_similarity(source, seen[:, trunk], with_scale=False).rotation)


def against_keypoints2body(
    python: str, model: BodyModel, noisy: torch.Tensor, truth: torch.Tensor, speed: float
) -> dict[str, Any]:
    """keypoints2body on the first frames, by a worker in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case.npz"
        few = noisy[:PEER_FRAMES]
        np.savez(
            case, joints=few.numpy(), template=model.joint_template.numpy(), directions=model.joint_directions.numpy(),
            parents=np.array(model.parents), truth=truth[:PEER_FRAMES].numpy(),
        )  # fmt: skip
        worker = Path(__file__).with_name("keypoints2body_worker.py")
        done = subprocess.run([python, str(worker), str(case), folder], capture_output=True, text=True, check=False)
        if done.returncode:
            return {"keypoints2body": done.stderr.strip().splitlines()[-1:]}
        peer = json.loads(done.stdout.strip().splitlines()[-1])
    return {"ratio_keypoints2body": round(speed / peer["fits_per_s"], 1), "keypoints2body": peer}


if __name__ == "__main__":
    main()
