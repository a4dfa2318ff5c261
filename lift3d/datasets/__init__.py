"""Data sets: one file per kind of sample, clips of 3D motion and pairs of detections and true joints."""

from lift3d.datasets.motion import Clip, Motion, open_motion
from lift3d.datasets.motion_clips import MotionClips, read_motion_clips, write_motion_clips
from lift3d.datasets.pair_sources.lift3d_h5 import write_pose_pairs
from lift3d.datasets.pose_pairs import PairClip, PairFrames, PosePairs, read_pose_pairs

__all__ = [
    "Clip",
    "Motion",
    "MotionClips",
    "PairClip",
    "PairFrames",
    "PosePairs",
    "open_motion",
    "read_motion_clips",
    "read_pose_pairs",
    "write_motion_clips",
    "write_pose_pairs",
]
