"""IUV pictures: the part of the body that each pixel of a camera sees, and the place on it.

They are drawn from bodies in motion, such as those of a fit, so that dense correspondence exists wherever poses do. The
parts and their coordinates are those of ``charts``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from lift3d._files import writing_folder
from lift3d._progress import progress
from lift3d.bodies import BodyMotion
from lift3d.cameras import Camera, CameraRig
from lift3d.compiled.rasterising import nearest_triangles
from lift3d.errors import InputError
from lift3d.surfaces.charts import Charts, body_charts

__all__ = ["IuvPicture", "render_iuv", "save_iuv"]


@dataclass(frozen=True, eq=False)
class IuvPicture:
    """What a camera sees of people's surfaces.

    Args:
        parts: 1 to 24, 0 where there is nobody.
        uv: 0 to 1 on the part; 0 where there is nobody.
        people: 1 for the first person, ..., 0 for nobody.
        depth: metres along the optical axis; infinite where there is nobody.
    """

    parts: UInt8[Tensor, "height width"]
    uv: Float[Tensor, "height width 2"]
    people: UInt8[Tensor, "height width"]
    depth: Float[Tensor, "height width"]

    def packed(self) -> UInt8[Tensor, "height width 3"]:
        """Part, U and V in 0..255, in DensePose's order of channels."""
        return torch.cat([self.parts[..., None], (255 * self.uv).round().to(torch.uint8)], dim=-1)


def render_iuv(
    meshes: Float[Tensor, "people vertices 3"], faces: Int[Tensor, "faces 3"], charts: Charts, camera: Camera
) -> IuvPicture:
    """People as a camera sees them; its lens bends the places of the vertices, edges between them stay straight.

    Args:
        meshes: in the camera's world, metres; NaN for a missing person.
        faces: triangles, the same for all.
        charts: of the triangles.
        camera: with the size of its pictures.

    Raises:
        InputError: the camera's picture size is not known.
    """
    if not bool(torch.isfinite(camera.image_size).all()):
        raise InputError("IUV pictures need the camera's picture size; the calibration does not say it.")
    width, height = (round(side) for side in camera.image_size.tolist())
    camera = camera.to(torch.float64)
    buffers = np.zeros((height, width)), np.zeros((height, width), np.int64), np.zeros((height, width, 3))
    nearness, seen, shares = buffers
    people = np.zeros((height, width), np.uint8)
    triangles = np.ascontiguousarray(faces.detach().cpu().numpy(), np.int64)
    for person, mesh in enumerate(meshes.detach().cpu().double()):
        own = camera.world_to_camera(mesh)
        before = nearness.copy()
        depths = own[:, 2].contiguous().numpy()
        nearest_triangles(camera.project_camera(own).contiguous().numpy(), depths, triangles, *buffers)
        people[nearness > before] = person + 1
    there = nearness > 0
    uv = np.einsum("nk,nkc->nc", shares[there], charts.uv.double().numpy()[seen[there]])
    full = np.zeros((height, width, 2), np.float32)
    full[there] = uv
    parts = np.where(there, charts.parts.numpy()[seen], 0).astype(np.uint8)
    depth = np.where(there, 1 / np.maximum(nearness, 1e-12), np.inf)
    return IuvPicture(*(torch.from_numpy(part) for part in (parts, full, people, depth)))


def save_iuv(motion: BodyMotion, rig: CameraRig, folder: str | Path) -> Path:
    """IUV pictures of all frames in all cameras, as PNG: ``CAMERA/000000_IUV.png`` and ``CAMERA/000000_INDS.png``.

    As in DensePose's own files, part, U and V (0..255) are the channels of a picture whose colours are stored blue,
    green, red: OpenCV reads them in the order I, U, V, others in the order V, U, I. INDS holds the person, from 1.

    Args:
        motion: in the rig's world.
        rig: cameras, with the sizes of their pictures.
        folder: new or empty.

    Raises:
        InputError: the motion is not in the rig's world, or a picture's size is not known.
        FileError: the folder cannot be written.
    """
    if motion.frame != "world" or motion.up != rig.up:
        raise InputError(
            f"IUV pictures need bodies in the cameras' world; these are in frame {motion.frame!r}, {motion.up} up, the "
            f"cameras in a world with {rig.up} up."
        )
    charts = body_charts(motion.model)
    folders = {name: re.sub(r"[^\w.-]", "_", name).lstrip(".") or "camera" for name in rig.names}
    with writing_folder(folder) as temporary:
        for name in set(folders.values()):
            (temporary / name).mkdir()
        for frame in progress(range(len(motion.times)), "drawing IUV", "frame"):
            meshes = motion.mesh(frame)
            for camera, own in folders.items():
                picture = render_iuv(meshes, motion.model.faces, charts, rig[camera])
                _save(picture, temporary / own / f"{frame:06d}")
    return Path(folder)


def _save(picture: IuvPicture, stem: Path) -> None:
    from PIL import Image

    swapped = picture.packed().numpy()[..., ::-1]
    Image.fromarray(np.ascontiguousarray(swapped)).save(f"{stem}_IUV.png", compress_level=4)
    Image.fromarray(picture.people.numpy()).save(f"{stem}_INDS.png", compress_level=4)
