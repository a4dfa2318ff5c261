"""People keep their places while they move, cross and hide; nobody is two; newcomers are seen."""

import pytest
import torch

from lift3d.detection.asking import answered
from lift3d.detection.box import Box
from lift3d.detection.follow_people import PeopleFollower, PeopleSettings
from lift3d.detection.identity import same_people
from lift3d.detection.joints import Joints
from lift3d.detection.readings import Reading
from lift3d.skeletons import get_skeleton
from lift3d.skeletons.joint_sigmas import joint_sigmas

SIGMAS = torch.tensor(joint_sigmas(get_skeleton("coco17")), dtype=torch.float64)
SHAPE = torch.rand(17, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * torch.tensor([60.0, 160.0])
PICTURE = torch.zeros(480, 640, 3, dtype=torch.uint8)


class Eye:
    """Sees made-up people: by a look whoever is nearest to who is expected, or to the middle; by a search all."""

    def __init__(self):
        self.people, self.boxes, self.near, self.searches = [], [], [], 0

    def look(self, pictures, boxes, near):
        self.boxes += boxes
        self.near += near
        return [self.nearest(*each) for each in zip(boxes, near, strict=True)]

    def nearest(self, box, near):
        place = torch.tensor(box.middle) if near is None else near[~near.isnan().any(-1)].mean(0)
        away = [(person.mean(0) - place).norm() for person in self.people]
        if not away or min(away) > max(box.width, box.height):
            return Joints.nobody(17)
        return Joints(self.people[away.index(min(away))], torch.full((17,), 0.9).double())

    def search(self, pictures):
        self.searches += 1
        return [[Joints(person, torch.full((17,), 0.9).double()) for person in self.people] for _ in pictures]


def at(*places):
    return [SHAPE + torch.tensor([x, 100.0]) for x in places]


def follower_of(eye, most=None, **settings):
    reading = Reading(eye.look, eye.search, box_scale=1.5)
    return PeopleFollower(reading, SIGMAS, most, settings=PeopleSettings(**settings))


def next_of(follower, boxes=None):
    """Left edge of each person's joints, None where not seen."""
    (found,) = answered([follower.next(PICTURE, boxes)], follower.reading)
    left = SHAPE[:, 0].min()
    return [None if seen is None else round(float(seen.pixels[:, 0].min() - left)) for seen in found]


def test_places_are_kept_while_two_cross():
    eye = Eye()
    follower = follower_of(eye, search_every=5)
    for step in range(60):
        eye.people = at(100 + 5 * step, 395 - 5 * step)
        eye.people[1] += torch.tensor([0.0, 30.0])  # a little below
        if step % 2:
            eye.people.reverse()  # found in another order
        assert next_of(follower) == [100 + 5 * step, 395 - 5 * step]


def test_each_is_looked_for_near_their_own_joints_of_the_frame_before():
    eye = Eye()
    follower = follower_of(eye)
    before = eye.people = at(100, 160)
    next_of(follower)
    eye.near.clear()
    eye.people = at(103, 163)
    assert next_of(follower) == [103, 163]
    torch.testing.assert_close(torch.stack(eye.near), torch.stack(before))


def test_newcomers_are_seen_at_the_next_search_and_get_the_next_place():
    eye = Eye()
    follower = follower_of(eye, search_every=4)
    eye.people = at(100)
    assert [next_of(follower) for _ in range(2)] == [[100], [100]]
    eye.people = at(400, 100)
    assert [next_of(follower) for _ in range(3)] == [[100], [100], [100, 400]]
    assert eye.searches == 2


def test_no_more_than_asked_for_and_the_place_of_who_has_left_is_given_away():
    eye = Eye()
    follower = follower_of(eye, most=2, search_every=1, patience=2)
    eye.people = at(100, 250, 400)
    assert next_of(follower) == [100, 250]
    eye.people = at(250, 400)
    seen = [next_of(follower) for _ in range(5)]
    assert seen[:2] == [[None, 250]] * 2
    assert seen[-1] == [400, 250]


def test_who_hides_for_a_moment_is_the_same_person():
    eye = Eye()
    follower = follower_of(eye, search_every=3, patience=5)
    eye.people = at(100, 400)
    assert next_of(follower) == [100, 400]
    eye.people = at(400)
    assert [next_of(follower) for _ in range(4)] == [[None, 400]] * 4
    eye.people = at(104, 400)
    assert [next_of(follower) for _ in range(3)][-1] == [104, 400]


def test_who_is_found_twice_is_one():
    eye = Eye()
    eye.people = [*at(100, 102), *at(400)]
    assert next_of(follower_of(eye)) == [100, 400]
    assert next_of(follower_of(eye, same_oks=0.9999)) == [100, 102, 400]


def test_who_is_made_of_others_joints_is_nobody():
    eye = Eye()
    follower = follower_of(eye, search_every=1)
    eye.people = at(100, 160)
    assert next_of(follower) == [100, 160]
    mixed = eye.people[0].clone()
    mixed[::2] = eye.people[1][::2]
    eye.people = [*eye.people, mixed]
    assert next_of(follower) == [100, 160]
    eye.people[2] = at(300)[0]
    assert next_of(follower) == [100, 160, 300]


def test_boxes_say_where_to_look_and_are_grown_as_the_detector_wants():
    eye = Eye()
    follower = follower_of(eye)
    eye.people = at(100, 400)
    boxes = [Box.around(person) for person in eye.people]
    assert next_of(follower, boxes[1:]) == [400]
    assert eye.boxes == [boxes[1].grown(1.5)]
    assert next_of(follower, boxes) == [400, 100]
    assert eye.searches == 0


def test_a_detector_of_whole_pictures_sees_everybody_every_time():
    eye = Eye()
    follower = PeopleFollower(Reading(None, eye.search), SIGMAS)
    for step in range(3):
        eye.people = at(100 + step, 400)
        assert next_of(follower) == [100 + step, 400]
    assert eye.searches == 3


def test_nobody():
    follower = follower_of(Eye())
    assert [next_of(follower) for _ in range(2)] == [[], []]
    assert next_of(follower, []) == []


def test_the_same_people_in_another_order_elsewhere_and_larger():
    before = torch.stack(at(0, 300, 600))
    now = before[[2, 0, 1]] + torch.randn(3, 17, 2)
    assert same_people(before, now, SIGMAS) == {0: 2, 1: 0, 2: 1}
    assert same_people(5 * before, 5 * now, SIGMAS) == {0: 2, 1: 0, 2: 1}
    assert same_people(before, now[:1], SIGMAS) == {0: 2}
    assert same_people(before, now + 150, SIGMAS) == {}


@pytest.mark.parametrize(("alike", "expected"), [(2, {}), (3, {0: 0})])
def test_three_joints_make_a_person(alike, expected):
    before = torch.stack(at(0))
    now = before + 1000
    now[0, :alike] = before[0, :alike]
    now[0, alike:12] = torch.nan
    assert same_people(before, now, SIGMAS) == expected
