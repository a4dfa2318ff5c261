"""Fit bodies to real footage of several cameras, and to each camera alone; prints one JSON object.

    python tests/benchmarks/fit_footage.py CALIBRATION KEYPOINTS.npz [--gender male] [--refine]
    python tests/benchmarks/fit_footage.py CALIBRATION VIDEO... [--draw PICTURE.png] [--moments 6]

``views``: the fit to all cameras: median and 95th percentile distance in the pictures, px, of all and by camera; the
spread of the lengths of thighs and shanks (0: bones do not change), knees and elbows bent backwards by over 5 degrees,
poses that failed, and processor seconds; with ``skating_mm``, how far ankles move a frame while they stand, without
and with ``contact``. ``alone``: the fit to each camera, and what it was lifted from, against the joints that all
cameras triangulate: MPJPE about the middle of the hips and PA-MPJPE, mm, over hips, knees, ankles, shoulders, elbows
and wrists. ``--draw`` writes a sheet of the bodies over the pictures, a row a camera.
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lift3d import Camera, CameraRig, Keypoints2D, Poses3D, detect, lift, read_body, read_cameras, read_keypoints
from lift3d.bodies import BodyModel
from lift3d.evaluation import mpjpe, pa_mpjpe
from lift3d.fitting import BodyFit, FitSettings, fit_view, fit_views
from lift3d.surfaces import PARTS, Charts, body_charts, render_iuv
from lift3d.triangulation import refine_rig, triangulate
from lift3d.video import read_frames

LIMBS = [f"{side}_{name}" for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
         for side in ("left", "right")]  # fmt: skip
BACKWARDS = math.radians(5)
WIDTH, HEIGHT = 230, 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration")
    parser.add_argument("footage", nargs="+", help="videos, or one file of what was detected in them")
    parser.add_argument("--gender", default="neutral")
    parser.add_argument("--refine", action="store_true", help="mend the calibration first")
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--videos", nargs="*", default=[], help="to draw over, where a file was given")
    parser.add_argument("--moments", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rig, body = read_cameras(arguments.calibration), read_body(gender=arguments.gender)
    from_file = Path(arguments.footage[0]).suffix == ".npz"
    seen = read_keypoints(arguments.footage[0]) if from_file else detect(arguments.footage, progress=False)
    rig = refine_rig(seen, rig).rig if arguments.refine else rig
    fit_views(seen, rig, body)  # compiles
    start = time.process_time()
    found = fit_views(seen, rig, body)
    seconds = time.process_time() - start
    truth = triangulate(seen, rig)
    figures = {
        "views": {**of_views(found, seen, rig, body), "seconds": round(seconds, 2)},
        "alone": {name: alone(seen.only([name]), rig, body, truth) for name in seen.camera_names},
    }
    print(json.dumps(figures))
    if arguments.draw:
        videos = arguments.videos if from_file else arguments.footage
        save_sheet(found, rig, dict(zip(seen.camera_names, videos, strict=True)), arguments.moments, arguments.draw)


def of_views(found: BodyFit, seen: Keypoints2D, rig: CameraRig, body: BodyModel) -> dict[str, Any]:
    assert found.pixels is not None
    held = fit_views(seen, rig, body, FitSettings(contact=0.005))
    lengths = found.joints().bone_lengths()
    legs = [
        i for i, (_, end) in enumerate(body.skeleton.bones) if body.skeleton.joints[end].endswith(("knee", "ankle"))
    ]
    return {
        "all": quantiles(found.pixels),
        "cameras": {name: quantiles(own) for name, own in zip(found.camera_names, found.pixels, strict=True)},
        "limb_spread_mm": round(1000 * float(lengths[..., legs].std(0).nan_to_num().max()), 4),
        "backwards": int((found.bends < -BACKWARDS).sum()),
        "failed": len(found.failures),
        "skating_mm": [skating(found, held), skating(held, held)],
    }


def quantiles(pixels: Tensor) -> dict[str, float]:
    known = pixels[torch.isfinite(pixels)]
    return {"median_px": round(float(known.median()), 2), "p95_px": round(float(known.quantile(0.95)), 2)}


def skating(fit: BodyFit, held: BodyFit) -> float | None:
    """Mean way of an ankle from frame to frame, mm, where it hardly moves when held; None if it never does."""
    ankles = fit.model.skeleton.indices("left_ankle", "right_ankle")
    ways, still = (one.joints().positions[:, :, ankles].diff(dim=0).norm(dim=-1) for one in (fit, held))
    own = ways[still < 0.002]
    return round(1000 * float(own.mean()), 2) if len(own) else None


def alone(seen: Keypoints2D, rig: CameraRig, body: BodyModel, truth: Poses3D) -> dict[str, Any]:
    """The fit to one camera, and what it started from, against the triangulated joints."""
    camera = rig[seen.camera_names[0]]
    lifted = lift(seen, camera).mapped_to(seen.skeleton)
    fit = fit_view(seen, body, camera, start=lifted)
    assert fit.pixels is not None
    ends = [truth.skeleton.index(name) for name in LIMBS]
    expected = camera.world_to_camera(truth.positions.reshape(-1, 3).to(camera.rotation)).reshape(truth.positions.shape)
    figures: dict[str, Any] = quantiles(fit.pixels)
    for name, poses in (("lifted", lifted), ("fitted", fit.joints_as_seen())):
        own, other = (about_hips(one.double()[:, :, ends]) for one in (poses.positions, expected))
        figures[f"{name}_mpjpe_mm"] = round(1000 * float(mpjpe(own, other).nanmean()), 1)
        figures[f"{name}_pa_mpjpe_mm"] = round(1000 * float(pa_mpjpe(own, other).nanmean()), 1)
    return figures


def about_hips(joints: Tensor) -> Tensor:
    return joints - joints[:, :, :2].mean(2, keepdim=True)


def save_sheet(found: BodyFit, rig: CameraRig, videos: dict[str, str], moments: int, path: Path) -> None:
    """The bodies over the pictures, a row a camera."""
    charts, faces = body_charts(found.model), found.model.faces
    frames = torch.linspace(0, len(found.poses.times) - 1, moments).round().long().tolist()
    sheet = Image.new("RGB", (WIDTH * moments, HEIGHT * len(videos)))
    for row, (name, video) in enumerate(videos.items()):
        for frame in read_frames(video):
            if frame.index in frames:
                picture = drawn(frame.rgb, found.mesh(frame.index), faces, charts, rig[name])
                sheet.paste(picture, (WIDTH * frames.index(frame.index), HEIGHT * row))
    sheet.save(path)


def drawn(rgb: Tensor, meshes: Tensor, faces: Tensor, charts: Charts, camera: Camera) -> Image.Image:
    """The bodies, half transparent, part by part in colours of their own; cut out."""
    size = camera.image_size.new_tensor([rgb.shape[1], rgb.shape[0]])
    seen = render_iuv(meshes, faces, charts, replace(camera, image_size=size))
    colours = torch.from_numpy(np.random.default_rng(1).integers(60, 255, (len(PARTS) + 1, 3)))
    parts = seen.parts.long()
    mixed = torch.where((parts > 0)[..., None], (rgb.long() + colours[parts]) // 2, rgb.long()).to(torch.uint8)
    rows, columns = (parts > 0).nonzero(as_tuple=True)
    picture = Image.fromarray(mixed.numpy())
    if not len(rows):
        return picture.resize((WIDTH, HEIGHT))
    middle = [int(values.min() + values.max()) // 2 for values in (columns, rows)]
    half = max(int(rows.max() - rows.min()), int(columns.max() - columns.min()) * HEIGHT // WIDTH) // 2 + 40
    wide = half * WIDTH // HEIGHT
    box = (middle[0] - wide, middle[1] - half, middle[0] + wide, middle[1] + half)
    return picture.crop(box).resize((WIDTH, HEIGHT))


if __name__ == "__main__":
    main()
