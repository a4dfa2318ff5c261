"""The edges: one file per format; the only code, checkpoints aside, that opens files."""

from lift3d.formats._bodies import body_genders, body_names, read_body, write_body
from lift3d.formats._dispatch import (
    all_formats,
    check_target,
    kinds_of,
    read_cameras,
    read_keypoints,
    read_poses,
    write_cameras,
    write_keypoints,
    write_poses,
)
from lift3d.formats._entry import FileFormat
from lift3d.formats._motions import read_motion, write_motion

__all__ = [
    "FileFormat",
    "all_formats",
    "body_genders",
    "body_names",
    "check_target",
    "kinds_of",
    "read_body",
    "read_cameras",
    "read_keypoints",
    "read_motion",
    "read_poses",
    "write_body",
    "write_cameras",
    "write_keypoints",
    "write_motion",
    "write_poses",
]
