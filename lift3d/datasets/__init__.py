"""Data sets: one file per kind of sample: clips of motion, pairs of detections and true joints, labelled pictures."""

from lift3d.datasets.labelled_pictures import (
    LabelledPeople,
    LabelledPerson,
    LabelledPictures,
    read_labelled_pictures,
)
from lift3d.datasets.motion import Clip, Motion, open_motion
from lift3d.datasets.motion_clips import MotionClips, read_motion_clips, write_motion_clips
from lift3d.datasets.pair_sources.lift3d_h5 import write_pose_pairs
from lift3d.datasets.pose_pairs import PairClip, PairFrames, PosePairs, read_pose_pairs

__all__ = [
    "Clip",
    "LabelledPeople",
    "LabelledPerson",
    "LabelledPictures",
    "Motion",
    "MotionClips",
    "PairClip",
    "PairFrames",
    "PosePairs",
    "open_motion",
    "read_labelled_pictures",
    "read_motion_clips",
    "read_pose_pairs",
    "write_motion_clips",
    "write_pose_pairs",
]
