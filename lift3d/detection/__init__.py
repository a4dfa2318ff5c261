"""From pictures to 2D joints: `detect`, and the parts it is made of."""

from lift3d.detection.box_files import read_boxes
from lift3d.detection.boxes_of_cameras import boxes_by_person, boxes_of_cameras
from lift3d.detection.detect import DetectSettings, detect, detect_frames, detect_video
from lift3d.detection.follow import FollowSettings
from lift3d.detection.follow_people import PeopleSettings

__all__ = [
    "DetectSettings",
    "FollowSettings",
    "PeopleSettings",
    "boxes_by_person",
    "boxes_of_cameras",
    "detect",
    "detect_frames",
    "detect_video",
    "read_boxes",
]
