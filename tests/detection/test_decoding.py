"""Decoding gives back the joints that a map was made from, by mirrored maps too, and passes over a neighbour."""

import torch

from lift3d.detection.decoding import averaged, decode, decode_near, mirrored, people_seen
from lift3d.networks.movenet import MoveNetOutput
from lift3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")


def maps(joints, rows=64, columns=64, height=4.0):
    """The output of a perfect network for people (people, joints, 2), in cells from the map's top-left edge."""
    y, x = torch.meshgrid(torch.arange(rows).double(), torch.arange(columns).double(), indexing="ij")
    cells = torch.stack([x, y])  # (2, rows, columns)
    middles = joints.mean(1)
    away = joints[..., None, None] - cells - 0.5
    blobs = height - (away**2).sum(2) / 4 * 2  # (people, joints, rows, columns)
    nearest = (away**2).sum(2).argmin(0)  # whose cell it is
    offsets = (joints[..., None, None] - cells).gather(0, nearest[None, :, None].expand(1, -1, 2, -1, -1))[0]
    from_middle = ((middles[:, :, None, None] - cells - 0.5) ** 2).sum(1)
    owner = from_middle.argmin(0)  # (rows, columns)
    regressed = (joints[..., None, None] - cells).gather(
        0, owner[None, None, None].expand(1, *joints.shape[1:], rows, columns)
    )[0]
    centre = (height - from_middle / 2).amax(0)
    return MoveNetOutput(blobs.amax(0)[None], offsets[None], regressed[None], centre[None])


def person(x, y):
    torch.manual_seed(1)
    return torch.tensor([x, y]).double() + 16 * (torch.rand(17, 2).double() - 0.5)


def test_gives_the_joints_back_to_a_fraction_of_a_cell():
    joints = person(30, 33)
    places, scores = decode(maps(joints[None]))
    torch.testing.assert_close(places[0] * 64, joints, rtol=0, atol=1e-9)
    assert (scores > 0.95).all()


def test_offsets_in_disagreement_are_averaged():
    output = maps(person(30, 33)[None])
    output = output._replace(offsets=output.offsets + 0.2 * torch.randn_like(output.offsets))
    errors = [(decode(output, radius)[0] * 64 - person(30, 33)).norm(dim=-1).mean() for radius in (0, 1, 2)]
    assert errors[2] < errors[1] < errors[0]


def test_a_map_that_is_not_square():
    joints = person(40, 16)
    places, _ = decode(maps(joints[None], rows=32, columns=96))
    expected = joints / torch.tensor([96.0, 32.0]).double()
    torch.testing.assert_close(places[0], expected, rtol=0, atol=1e-9)


def test_mirrored_twice_is_as_before():
    output = MoveNetOutput(*(torch.rand_like(part) for part in maps(person(30, 33)[None])))
    again = mirrored(mirrored(output, COCO.flip_order), COCO.flip_order)
    for ours, theirs in zip(again, output, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_mirrored_picture_gives_the_same_joints():
    joints = person(30, 33)
    turned = joints[list(COCO.flip_order)] * torch.tensor([-1.0, 1.0]).double() + torch.tensor([64.0, 0.0]).double()
    output = mirrored(maps(turned[None]), COCO.flip_order)
    torch.testing.assert_close(decode(output)[0][0] * 64, joints, rtol=0, atol=1e-9)
    both = averaged(output, maps(joints[None]))
    torch.testing.assert_close(decode(both)[0][0] * 64, joints, rtol=0, atol=1e-6)


def test_the_person_in_the_middle_is_chosen_before_a_brighter_neighbour():
    ours, other = person(30, 32), person(50, 32)
    output = maps(torch.stack([ours, other]))
    places, _ = decode(output)
    torch.testing.assert_close(places[0] * 64, ours, rtol=0, atol=0.6)


def test_of_two_the_one_near_the_expected_joints_is_read():
    ours, other = person(24, 32), person(44, 32)
    output = maps(torch.stack([ours, other]))
    for own in (ours, other):
        expected = own + torch.randn(17, 2).double()
        expected[::3] = torch.nan  # these the regression from the middle says
        places, scores = decode_near(output, (expected / 64)[None])
        torch.testing.assert_close(places[0] * 64, own, rtol=0, atol=0.6)
        assert (scores > 0.9).all()


def test_expected_joints_outside_the_map_are_no_trouble():
    joints = person(30, 33)
    places, _ = decode_near(maps(joints[None]), torch.full((1, 17, 2), 1.7).double())
    assert places.isfinite().all()


def test_everybody_is_seen_the_surest_first():
    ours, other = person(20, 32), person(46, 32)
    alone = maps(ours[None])
    both = maps(torch.stack([ours, other]))
    both = both._replace(centre=both.centre - torch.arange(64.0) / 64)  # whose middle is at the left is surer
    batch = MoveNetOutput(*(torch.cat(parts) for parts in zip(alone, both, strict=True)))
    places, _, whose = people_seen(batch)
    assert whose.tolist() == [0, 1, 1]
    expected = torch.stack([ours, ours, other])
    torch.testing.assert_close(places * 64, expected, rtol=0, atol=0.6)
    assert len(people_seen(batch, most=1)[0]) == 2
    assert len(people_seen(batch, lowest=0.999)[0]) == 0


def test_nothing_in_sight_gives_low_scores():
    output = MoveNetOutput(*(torch.full_like(part, -6.0) for part in maps(person(30, 33)[None])))
    places, scores = decode(output)
    assert (scores < 0.01).all()
    assert places.isfinite().all()
