"""A follower keeps its person in view, finds a lost one again, and sees nobody where nobody is."""

import torch

from lift3d.detection.asking import answered
from lift3d.detection.box import Box
from lift3d.detection.follow import Follower, FollowSettings
from lift3d.detection.joints import Joints
from lift3d.detection.readings import Reading

WIDTH, HEIGHT = 640, 480
SHAPE = torch.tensor([[-1.0, -2], [1, -2], [-1, 0], [1, 0], [-1, 2], [1, 2], [0, -2.5]]) * 30


class Eye:
    """Sees the joints of a made-up person that lie within the crop, and notes where it looked."""

    def __init__(self):
        self.person, self.views = None, []

    def __call__(self, rgb, view):
        self.views.append(view)
        if self.person is None:
            return Joints(torch.zeros(7, 2), torch.zeros(7))
        away = (self.person - torch.tensor(view.middle)).abs()  # it sees the square that holds the view
        inside = (away <= max(view.width, view.height) / 2).all(-1)
        return Joints(self.person, torch.where(inside, 0.9, 0.0))


PICTURE = torch.zeros(HEIGHT, WIDTH, 3, dtype=torch.uint8)
SETTINGS = FollowSettings(steadiness=0.5, fewest_joints=5)


def next_of(follower, eye):
    """What the follower says of the next picture, by an eye that is asked one thing at a time."""
    look = Reading(lambda pictures, boxes, near: [eye(*each) for each in zip(pictures, boxes, strict=True)], None)
    (found,) = answered([follower.next(PICTURE)], look)
    return found


def test_first_the_whole_picture_then_close_by():
    eye = Eye()
    follower = Follower(SETTINGS)
    eye.person = SHAPE + torch.tensor([200.0, 240.0])
    assert next_of(follower, eye) is not None
    assert eye.views[0] == Box.whole(PICTURE)
    assert len(eye.views) == 2
    assert eye.views[1].height < 200
    next_of(follower, eye)
    assert len(eye.views) == 3


def test_the_crop_goes_along_but_not_at_once():
    eye = Eye()
    follower = Follower(SETTINGS)
    eye.person = SHAPE + torch.tensor([200.0, 240.0])
    next_of(follower, eye)
    before = follower.view.left
    eye.person = eye.person + torch.tensor([10.0, 0.0])
    next_of(follower, eye)
    assert abs(follower.view.left - before - 5) < 0.01
    for _ in range(10):
        next_of(follower, eye)
    assert abs(follower.view.left - before - 10) < 0.02


def test_who_jumps_away_is_searched_in_the_same_frame():
    eye = Eye()
    follower = Follower(SETTINGS)
    eye.person = SHAPE + torch.tensor([100.0, 240.0])
    next_of(follower, eye)
    eye.person = eye.person + torch.tensor([400.0, 0.0])
    found = next_of(follower, eye)
    assert found is not None
    assert eye.views[-2] == Box.whole(PICTURE)
    assert follower.view.left > 350


def test_nobody_is_none_and_who_comes_later_is_found():
    eye = Eye()
    follower = Follower(SETTINGS)
    assert next_of(follower, eye) is None
    assert follower.view is None
    eye.person = SHAPE + torch.tensor([300.0, 240.0])
    assert next_of(follower, eye) is not None
    eye.person = None
    assert next_of(follower, eye) is None


def test_unsure_joints_do_not_move_the_crop():
    person = SHAPE + torch.tensor([300.0, 240.0])

    def look(rgb, view):
        pixels, scores = person.clone(), torch.full((7,), 0.9)
        pixels[0], scores[0] = torch.tensor([0.0, 0.0]), 0.1
        return Joints(pixels, scores)

    follower = Follower(SETTINGS)
    next_of(follower, look)
    assert follower.view.left > 100
