"""A follower keeps its person in view, finds a lost one again, and sees nobody where nobody is."""

import torch

from lift3d.detection.crop import Crop, whole_picture
from lift3d.detection.follow import Follower, FollowSettings, Joints

WIDTH, HEIGHT = 640, 480
SHAPE = torch.tensor([[-1.0, -2], [1, -2], [-1, 0], [1, 0], [-1, 2], [1, 2], [0, -2.5]]) * 30


class Eye:
    """Sees the joints of a made-up person that lie within the crop, and notes where it looked."""

    def __init__(self):
        self.person, self.crops = None, []

    def __call__(self, rgb, crop):
        self.crops.append(crop)
        if self.person is None:
            return Joints(torch.zeros(7, 2), torch.zeros(7))
        low = torch.tensor([crop.left, crop.top])
        inside = ((self.person >= low) & (self.person < low + crop.side)).all(-1)
        return Joints(self.person, torch.where(inside, 0.9, 0.0))


PICTURE = torch.zeros(HEIGHT, WIDTH, 3, dtype=torch.uint8)
SETTINGS = FollowSettings(steadiness=0.5, fewest_joints=5)


def test_first_the_whole_picture_then_close_by():
    eye = Eye()
    follower = Follower(eye, SETTINGS)
    eye.person = SHAPE + torch.tensor([200.0, 240.0])
    assert follower.next(PICTURE) is not None
    assert eye.crops[0] == whole_picture(WIDTH, HEIGHT)
    assert len(eye.crops) == 2
    assert eye.crops[1].side < 200
    follower.next(PICTURE)
    assert len(eye.crops) == 3


def test_the_crop_goes_along_but_not_at_once():
    eye = Eye()
    follower = Follower(eye, SETTINGS)
    eye.person = SHAPE + torch.tensor([200.0, 240.0])
    follower.next(PICTURE)
    before = follower.crop.left
    eye.person = eye.person + torch.tensor([10.0, 0.0])
    follower.next(PICTURE)
    assert abs(follower.crop.left - before - 5) <= 1
    for _ in range(10):
        follower.next(PICTURE)
    assert abs(follower.crop.left - before - 10) <= 1


def test_who_jumps_away_is_searched_in_the_same_frame():
    eye = Eye()
    follower = Follower(eye, SETTINGS)
    eye.person = SHAPE + torch.tensor([100.0, 240.0])
    follower.next(PICTURE)
    eye.person = eye.person + torch.tensor([400.0, 0.0])
    found = follower.next(PICTURE)
    assert found is not None
    assert eye.crops[-2] == whole_picture(WIDTH, HEIGHT)
    assert follower.crop.left > 350


def test_nobody_is_none_and_who_comes_later_is_found():
    eye = Eye()
    follower = Follower(eye, SETTINGS)
    assert follower.next(PICTURE) is None
    assert follower.crop is None
    eye.person = SHAPE + torch.tensor([300.0, 240.0])
    assert follower.next(PICTURE) is not None
    eye.person = None
    assert follower.next(PICTURE) is None


def test_unsure_joints_do_not_move_the_crop():
    person = SHAPE + torch.tensor([300.0, 240.0])

    def look(rgb, crop: Crop):
        pixels, scores = person.clone(), torch.full((7,), 0.9)
        pixels[0], scores[0] = torch.tensor([0.0, 0.0]), 0.1
        return Joints(pixels, scores)

    follower = Follower(look, SETTINGS)
    follower.next(PICTURE)
    assert follower.crop.left > 100
