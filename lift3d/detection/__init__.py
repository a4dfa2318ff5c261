"""From pictures to 2D joints: `detect`, and the parts it is made of."""

from lift3d.detection.detect import DetectSettings, detect, detect_frames, detect_video
from lift3d.detection.follow import FollowSettings

__all__ = ["DetectSettings", "FollowSettings", "detect", "detect_frames", "detect_video"]
