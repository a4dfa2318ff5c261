"""Meshes as Wavefront OBJ, a folder with a file for each frame: ``000000.obj``, ``000001.obj``, ...

Metres, y up (the world turned as for TRC); each person is an object, ``o person1``. Frames in which nobody is seen have
no file; a person missing in a frame is not in its file. Vertices are in the body's order in every file.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.bodies import BodyMotion
from lift3d.formats._entry import FileFormat
from lift3d.formats._mesh_frames import mesh_frames


def _write(motion: BodyMotion, path: Path) -> None:
    for name, people in mesh_frames(motion, "OBJ"):
        with (path / f"{name}.obj").open("w", encoding="ascii", newline="\n") as file:
            for place, (person, vertices) in enumerate(people.items()):
                faces = motion.model.faces + 1 + place * len(vertices)  # counted from 1, through all objects
                file.write(f"o person{person + 1}\n")
                file.writelines(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in vertices.tolist())
                file.writelines(f"f {a} {b} {c}\n" for a, b, c in faces.tolist())


FORMAT = FileFormat(
    name="obj_frames",
    holds=BodyMotion,
    suffixes=("",),
    about="Meshes as Wavefront OBJ, a folder with a file for each frame; metres, Y up.",
    write=_write,
    by_suffix=False,
)
