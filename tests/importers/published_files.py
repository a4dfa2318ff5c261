"""Checkpoints laid out as their authors publish them, small, with weights filled by rule."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from published_networks import GOLDEN, weights_by_rule
from torch import Tensor

# sizes of the published network: of the small one
EIGHTH = {64: 8, 128: 16, 256: 32, 512: 64, 1024: 128, 2048: 256}
SMALLER = {
    "motionbert": {512: 16, 1024: 32, 1536: 48, 243: 27},
    "simplebaseline_r50": EIGHTH,
    "integral_r50": EIGHTH,
    "hrnet_w32_256x192": {32: 4, **EIGHTH},
    "stacked_hourglass_2": EIGHTH,
    "lightweight_openpose": {32: 4, **EIGHTH, 185: 16 + 19 + 38},
    "lt_algebraic": EIGHTH,
    "lt_volumetric_conf_norm_small": {16: 2, 32: 4, **EIGHTH},
}


def state_of(golden: str) -> OrderedDict[str, Tensor]:
    """The published state dict of a golden file by rule, but of a small network."""
    smaller = SMALLER.get(golden, {1024: 16})
    with np.load(GOLDEN / f"{golden}.npz") as file:
        keys = json.loads(bytes(file["keys"]))
    state = OrderedDict()
    for key, shape, _ in keys:
        state[key] = torch.as_tensor(weights_by_rule(key, [smaller.get(size, size) for size in shape]))
    return state


def parallel(state: dict[str, Tensor]) -> OrderedDict[str, Tensor]:
    """As DataParallel names the tensors."""
    return OrderedDict((f"module.{key}", value) for key, value in state.items())


def optimiser(state: dict[str, Tensor]) -> dict[str, Any]:
    """As Adam's state is saved."""
    group = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": True, "params": [0]}
    return {"state": {0: {"step": 7, "exp_avg": next(iter(state.values())).clone()}}, "param_groups": [group]}


def martinez() -> dict[str, Any]:
    """W. Qi's ``gt_ckpt_best.pth.tar``; the error is a NumPy number."""
    state = state_of("martinez")
    best = {"epoch": 200, "lr": 1e-3, "step": 9, "err": np.float64(45.5), "state_dict": state}
    return {**best, "optimizer": optimiser(state)}


def martinez_statistics(axes: int) -> dict[str, Any]:
    """Of 32 joints: the mean of joint j, axis a is 10 j + a, and the deviation one more."""
    joints = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
    joints.remove(14 if axes == 2 else 0)
    used = np.array([axes * joint + axis for joint in joints for axis in range(axes)])
    mean = np.add.outer(10.0 * np.arange(32), np.arange(axes)).ravel()
    return {"mean": mean, "std": mean + 1.0, "dim_use": used}


def videopose3d(trajectory: bool = False, golden: str = "videopose3d_27") -> dict[str, Any]:
    """VideoPose3D's ``.bin``, with the random generator."""
    content = {"epoch": 80, "lr": 1e-3, "random_state": np.random.RandomState(1234)}
    state = state_of(golden)
    content |= {"optimizer": optimiser(state), "model_pos": state}
    content["model_traj"] = state_of("videopose3d_trajectory") if trajectory else None
    content["random_state_semi"] = np.random.RandomState(4321) if trajectory else None
    return content


def motionbert() -> dict[str, Any]:
    """MotionBERT's ``best_epoch.bin``."""
    state = state_of("motionbert")
    best = {"epoch": 59, "lr": 3e-5, "optimizer": optimiser(state), "min_loss": np.float64(39.2)}
    return {**best, "model_pos": parallel(state)}


def mmpose_tcn() -> dict[str, Any]:
    """MMPose 1.x: VideoPose3D's tensors under MMPose's names."""
    state = OrderedDict()
    for key, value in state_of("videopose3d_27").items():
        layer, _, last = key.rpartition(".")
        name, _, number = layer.partition(".")
        kind = {"conv": "conv", "bn": "bn"}.get(name.rpartition("_")[2])
        if name == "shrink":
            state[f"head.conv.{last}"] = value
        elif name.startswith("expand"):
            state[f"backbone.expand_conv.{kind}.{last}"] = value
        else:
            state[f"backbone.tcn_blocks.{int(number) // 2}.conv{int(number) % 2 + 1}.0.{kind}.{last}"] = value
    return {"meta": {"mmpose_version": "1.1.0", "config": "model = dict()"}, "state_dict": state}


def hrnet() -> dict[str, Any]:
    """HRNet's ``pose_hrnet_w32_256x192.pth``: a bare state dict."""
    return state_of("hrnet_w32_256x192")


def simple_baseline() -> dict[str, Any]:
    """SimpleBaseline's ``pose_resnet_50_256x192.pth.tar``: a bare state dict."""
    return state_of("simplebaseline_r50")


def integral() -> dict[str, Any]:
    """Integral regression's ``.pth.tar``, with the state of a schedule."""
    state = state_of("integral_r50")
    schedule = {"milestones": Counter([170, 200]), "gamma": 0.1, "last_epoch": 3}
    return {"epoch": 3, "network": parallel(state), "optimizer": optimiser(state), "scheduler": schedule}


def stacked_hourglass() -> dict[str, Any]:
    """``checkpoint.pt`` of the hourglasses in PyTorch."""
    state = state_of("stacked_hourglass_2")
    names = OrderedDict((f"model.module.{key}", value) for key, value in state.items())
    return {"state_dict": names, "optimizer": optimiser(state), "epoch": 9}


def lightweight_openpose() -> dict[str, Any]:
    """Lightweight OpenPose's ``checkpoint_iter_370000.pth``."""
    state = state_of("lightweight_openpose")
    schedule = {"milestones": Counter([100, 200]), "last_epoch": 3}
    content = {"state_dict": state, "optimizer": optimiser(state), "scheduler": schedule}
    return {**content, "iter": 370000, "current_epoch": 280}


def learnable_triangulation(kind: str = "volumetric") -> dict[str, Any]:
    """Learnable triangulation's ``weights.pth``, algebraic or volumetric: a bare state dict."""
    return state_of({"algebraic": "lt_algebraic", "volumetric": "lt_volumetric_conf_norm_small"}[kind])


def as_mmpose(state: dict[str, Tensor], head: str = "head") -> dict[str, Any]:
    """MMPose's file of a network of heatmaps; ``head`` is ``"keypoint_head"`` before version 1.0."""
    ours = ("final_layer", "deconv_layers")
    names = {key: f"{head if key.startswith(ours) else 'backbone'}.{key}" for key in state}
    named = OrderedDict((names[key], value) for key, value in state.items())
    return {"meta": {"mmpose_version": "1.1.0", "dataset_meta": {"num_keypoints": 17}}, "state_dict": named}


def weights_in(content: dict[str, Any]) -> dict[str, Tensor]:
    """The state dict of a file's content."""
    return next((content[name] for name in ("model_pos", "state_dict", "network") if name in content), content)


def save(path: Path, content: Any, old: bool = False) -> Path:
    """As torch.save writes it today, or as it did before PyTorch 1.6."""
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path
