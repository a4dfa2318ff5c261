"""Meshes as binary PLY (Turk 1994), a folder with a file for each frame: ``000000.ply``, ``000001.ply``, ...

Metres, y up (the world turned as for TRC). Of several people the vertices follow each other; frames in which nobody is
seen have no file, a person missing in a frame is not in its file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.bodies import BodyMotion
from lift3d.formats._entry import FileFormat
from lift3d.formats._mesh_frames import mesh_frames

_FACE = np.dtype([("corners", "u1"), ("indices", "<i4", 3)])


def _write(motion: BodyMotion, path: Path) -> None:
    faces = motion.model.faces.cpu().numpy()
    for name, people in mesh_frames(motion, "PLY"):
        vertices = np.concatenate(list(people.values()))
        records = np.zeros(len(faces) * len(people), _FACE)
        records["corners"] = 3
        steps = np.arange(len(people)) * len(motion.model.template)
        records["indices"] = (faces + steps[:, None, None]).reshape(-1, 3)
        header = (
            f"ply\nformat binary_little_endian 1.0\ncomment lift3d, metres, y up\nelement vertex {len(vertices)}\n"
            "property float x\nproperty float y\nproperty float z\n"
            f"element face {len(records)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        (path / f"{name}.ply").write_bytes(header.encode() + vertices.astype("<f4").tobytes() + records.tobytes())


FORMAT = FileFormat(
    name="ply_frames",
    holds=BodyMotion,
    suffixes=("",),
    about="Meshes as binary PLY, a folder with a file for each frame; metres, Y up.",
    write=_write,
    by_suffix=False,
)
