"""Footage of a made-up rig: pictures in which each joint is a disc of its own colour, and a small detector of them."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from lift3d.cameras import CameraRig
from lift3d.checkpoints import save_network
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures
from lift3d.detection.readings.top_down import TopDownSettings, network_input
from lift3d.formats import write_cameras
from lift3d.heatmaps.strategies import strategy, strategy_loss
from lift3d.keypoints import Keypoints2D
from lift3d.networks._resnet import ResNetSettings
from lift3d.networks.integral_resnet import IntegralResNet, IntegralResNetSettings
from lift3d.settings import to_mapping
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.training.augmentation import AugmentationSettings
from lift3d.training.picture_samples import PictureSamples, PictureSet

__all__ = ["FRAMES", "KNOWN", "MISTAKEN", "Film", "film", "joints_drawn", "mistaken_detector"]

FRAMES, SIZE, DISC = 20, (160, 120), 2.5
KNOWN = 14  # frames from the start that the detector has been trained on
MISTAKEN = (
    "left_hip",
    "left_knee",
    "left_ankle",
    "left_shoulder",
    "left_elbow",
)  # which the detector sees too far right in the first camera
READING = TopDownSettings(image_size=(64, 64), decoding="direct")
NETWORK = IntegralResNetSettings(joints=17, head="direct", depth=0, backbone=ResNetSettings(layers=18, width=8))


@dataclass(frozen=True, eq=False)
class Film:
    """Files of the footage, and what is true of it."""

    videos: list[str]
    calibration: str
    boxes: str
    rig: CameraRig
    truth: Keypoints2D


def film(folder: Path) -> Film:
    """Somebody who walks, as folders of pictures, one a camera; the lenses bend."""
    rig = ring_rig(4, image_size=SIZE)
    truth = observe(walk(FRAMES, fps=40.0), rig)
    low, high = truth.pixels.amin(-2), truth.pixels.amax(-2)
    for camera, name in enumerate(rig.names):
        (folder / name).mkdir(parents=True)
        for frame in range(FRAMES):
            rgb = joints_drawn(truth.pixels[camera, frame, 0], grey=20 + 40 * camera)
            Image.fromarray(rgb.numpy()).save(folder / name / f"{frame:04}.png")
    np.savez(folder / "boxes.npz", boxes=torch.cat([low, high - low], dim=-1), camera_names=np.array(rig.names))
    write_cameras(rig, folder / "rig.toml")
    videos = [str(folder / name) for name in rig.names]
    return Film(videos, str(folder / "rig.toml"), str(folder / "boxes.npz"), rig, truth)


def joints_drawn(pixels: Tensor, grey: int) -> Tensor:
    """Discs at joints (17, 2) before grey, from which one can tell the camera."""
    rows, columns = torch.meshgrid(torch.arange(SIZE[1]), torch.arange(SIZE[0]), indexing="ij")
    rgb = torch.full((SIZE[1], SIZE[0], 3), grey, dtype=torch.uint8)
    for joint, (x, y) in enumerate(pixels.tolist()):
        colour = [round(255 * part) for part in colorsys.hsv_to_rgb(joint / 17, 1.0 - 0.4 * (joint % 2), 1.0)]
        rgb[(columns - x) ** 2 + (rows - y) ** 2 <= DISC**2] = torch.tensor(colour, dtype=torch.uint8)
    return rgb


def mistaken_detector(shot: Film, path: Path) -> Path:
    """A detector that is about right, but for some joints in one camera."""
    skeleton, cameras = shot.truth.skeleton, len(shot.videos)
    truth = shot.truth.pixels[:, :KNOWN, 0]  # (cameras, frames, joints, 2)
    told = truth.clone()
    told[0, :, skeleton.indices(*MISTAKEN), 0] += 10
    low, high = truth.amin(-2), truth.amax(-2)
    rows = torch.arange(cameras * KNOWN)
    people = LabelledPeople.of(rows, torch.cat([low, high - low], dim=-1).flatten(0, 1), told.flatten(0, 1))
    drawn = [joints_drawn(truth[row // KNOWN, row % KNOWN], grey=20 + 40 * (row // KNOWN)) for row in rows.tolist()]
    pictures = LabelledPictures(skeleton, people, [str(row) for row in rows.tolist()], drawn.__getitem__)
    save_network(
        path, _trained(pictures), NETWORK, "integral_resnet", skeleton, {"licence": "nobody's"},
        encoding={"name": "top_down", **to_mapping(READING)},
    )  # fmt: skip
    return path


def _trained(pictures: LabelledPictures, steps: int = 100, rate: float = 1e-2) -> IntegralResNet:
    torch.manual_seed(0)
    network, size = IntegralResNet(NETWORK), (READING.image_size[0], READING.image_size[1])
    looks = AugmentationSettings(scale=0.1, turned=0.0, shift=0.03, mirror=0.0, half_body=0.0)
    samples = PictureSamples([PictureSet(pictures)], None, pictures.skeleton, size, READING.box_scale, looks)
    optimiser, generator = torch.optim.AdamW(network.parameters()), Generator().manual_seed(0)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        own = samples.draw(12, generator)
        answer = network(network_input(own.crops, READING))
        optimiser.zero_grad()
        strategy_loss(answer, own.places, strategy("R1"), size, weights=own.weights).total.backward()
        optimiser.step()
    return network.eval()
