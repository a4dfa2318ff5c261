"""Every definition is a tree whose flip is its own inverse, and has the published order of joints."""

from collections import Counter

import pytest
import torch

from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.skeletons import Skeleton, get_skeleton, mapping_between, read_skeleton, skeleton_names

# Written down from the formats' own documentation, apart from the definitions; "l." and "r." are left and right.
COCO = (
    "nose l.eye r.eye l.ear r.ear l.shoulder r.shoulder l.elbow r.elbow l.wrist r.wrist l.hip r.hip l.knee r.knee "
    "l.ankle r.ankle"
)
BODY_25 = (
    "nose neck r.shoulder r.elbow r.wrist l.shoulder l.elbow l.wrist pelvis r.hip r.knee r.ankle l.hip l.knee l.ankle "
    "r.eye l.eye r.ear l.ear l.big_toe l.small_toe l.heel r.big_toe r.small_toe r.heel"
)
ORDERS = {
    "coco17": COCO,
    "human36m17": (
        "pelvis r.hip r.knee r.ankle l.hip l.knee l.ankle spine thorax neck_nose head "
        "l.shoulder l.elbow l.wrist r.shoulder r.elbow r.wrist"
    ),
    "human36m18": (
        "pelvis r.hip r.knee r.ankle l.hip l.knee l.ankle spine thorax neck_nose head "
        "l.shoulder l.elbow l.wrist r.shoulder r.elbow r.wrist neck"
    ),
    "human36m14": (
        "r.hip r.knee r.ankle l.hip l.knee l.ankle thorax head l.shoulder l.elbow l.wrist r.shoulder r.elbow r.wrist"
    ),
    "mpii16": (
        "r.ankle r.knee r.hip l.hip l.knee l.ankle pelvis thorax upper_neck head_top "
        "r.wrist r.elbow r.shoulder l.shoulder l.elbow l.wrist"
    ),
    "body18": (
        "nose neck r.shoulder r.elbow r.wrist l.shoulder l.elbow l.wrist r.hip r.knee r.ankle l.hip l.knee l.ankle "
        "r.eye l.eye r.ear l.ear"
    ),
    "body25": BODY_25,
    "halpe26": COCO + " head_top neck pelvis l.big_toe r.big_toe l.small_toe r.small_toe l.heel r.heel",
    "blazepose33": (
        "nose l.eye_inner l.eye l.eye_outer r.eye_inner r.eye r.eye_outer l.ear r.ear l.mouth r.mouth l.shoulder "
        "r.shoulder l.elbow r.elbow l.wrist r.wrist l.pinky r.pinky l.index r.index l.thumb r.thumb l.hip r.hip "
        "l.knee r.knee l.ankle r.ankle l.heel r.heel l.foot_index r.foot_index"
    ),
    "humaneva15": (
        "pelvis thorax l.shoulder l.elbow l.wrist r.shoulder r.elbow r.wrist l.hip l.knee l.ankle r.hip r.knee r.ankle "
        "head"
    ),
    "smpl24": (
        "pelvis l.hip r.hip spine1 l.knee r.knee spine2 l.ankle r.ankle spine3 l.foot r.foot neck l.collar r.collar "
        "head l.shoulder r.shoulder l.elbow r.elbow l.wrist r.wrist l.hand r.hand"
    ),
    "panoptic19": (
        "neck nose pelvis l.shoulder l.elbow l.wrist l.hip l.knee l.ankle r.shoulder r.elbow r.wrist r.hip r.knee "
        "r.ankle l.eye l.ear r.eye r.ear"
    ),
}
PARENTS = {
    "human36m17": [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15],  # Pavllo et al. 2019
    "human36m18": [-1, 0, 1, 2, 0, 4, 5, 0, 17, 17, 8, 17, 11, 12, 17, 14, 15, 0],  # Sun et al. 2018
    "humaneva15": [-1, 0, 1, 2, 3, 1, 5, 6, 0, 8, 9, 0, 11, 12, 1],  # Pavllo et al. 2019
    "smpl24": [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21],  # Loper et al. 2015
}
# target: sources whose mean it is (MotionBERT's conversions)
COCO_TO_HUMAN36M = {
    0: [11, 12], 1: [12], 2: [14], 3: [16], 4: [11], 5: [13], 6: [15], 7: [5, 6, 11, 12], 8: [5, 6], 9: [0],
    10: [1, 2], 11: [5], 12: [7], 13: [9], 14: [6], 15: [8], 16: [10],
}  # fmt: skip
HALPE_TO_HUMAN36M = {
    0: [19], 1: [12], 2: [14], 3: [16], 4: [11], 5: [13], 6: [15], 7: [18, 19], 8: [18], 9: [0], 10: [17],
    11: [5], 12: [7], 13: [9], 14: [6], 15: [8], 16: [10],
}  # fmt: skip


def full(name):
    return name.replace("l.", "left_").replace("r.", "right_")


@pytest.mark.parametrize("name", skeleton_names())
class TestEverySkeleton:
    def test_is_a_tree(self, name):
        skeleton = get_skeleton(name)
        assert skeleton.name == name
        assert Counter(skeleton.parents)[-1] == 1
        for joint in range(len(skeleton)):
            seen = set()
            while joint >= 0:
                assert joint not in seen
                seen.add(joint)
                joint = skeleton.parents[joint]
            assert skeleton.root in seen
        assert sorted(skeleton.outward) == list(range(len(skeleton)))
        places = {joint: place for place, joint in enumerate(skeleton.outward)}
        assert all(places[parent] < places[child] for parent, child in skeleton.bones)
        assert len(skeleton.bones) == len(skeleton) - 1

    def test_flip_is_its_own_inverse_and_swaps_sides(self, name):
        skeleton = get_skeleton(name)
        flip = skeleton.flip_order
        assert [flip[flip[joint]] for joint in range(len(skeleton))] == list(range(len(skeleton)))
        for joint, twin in enumerate(flip):
            expected = {"left": "right", "right": "left", "middle": "middle"}[skeleton.side(joint)]
            assert skeleton.side(twin) == expected, skeleton.joints[joint]

    def test_flip_keeps_the_tree(self, name):
        skeleton = get_skeleton(name)
        flip = skeleton.flip_order
        edges = {frozenset(edge) for edge in skeleton.edges}
        assert {frozenset(flip[end] for end in edge) for edge in edges} == edges

    def test_has_the_published_order(self, name):
        assert get_skeleton(name).joints == tuple(full(joint) for joint in ORDERS[name].split())

    def test_every_joint_maps_to_itself(self, name):
        skeleton = get_skeleton(name)
        mapping = mapping_between(skeleton, skeleton)
        assert mapping.sources == tuple(((joint, 1.0),) for joint in range(len(skeleton)))


@pytest.mark.parametrize("name", skeleton_names())
@pytest.mark.parametrize("other", skeleton_names())
def test_mappings_keep_sides_and_add_up_to_one(name, other):
    source, target = get_skeleton(name), get_skeleton(other)
    mapping = mapping_between(source, target)
    for joint, own in enumerate(mapping.sources):
        if own:
            assert sum(weight for _, weight in own) == pytest.approx(1)
            sides = Counter(source.side(i) for i, _ in own)
            if target.side(joint) == "middle":
                assert sides["left"] == sides["right"], target.joints[joint]
            else:
                assert set(sides) == {target.side(joint)}, target.joints[joint]


@pytest.mark.parametrize("name", PARENTS)
def test_published_parents(name):
    assert list(get_skeleton(name).parents) == PARENTS[name]


@pytest.mark.parametrize(("source", "table"), [("coco17", COCO_TO_HUMAN36M), ("halpe26", HALPE_TO_HUMAN36M)])
def test_published_conversions_to_human36m(source, table):
    mapping = mapping_between(get_skeleton(source), get_skeleton("human36m17"))
    for joint, own in enumerate(mapping.sources):
        assert [i for i, _ in own] == table[joint], mapping.target.joints[joint]
        assert [weight for _, weight in own] == pytest.approx([1 / len(own)] * len(own))
    assert mapping.missing == ()


def test_mapped_coordinates_and_scores():
    coco, target = get_skeleton("coco17"), get_skeleton("human36m17")
    mapping = mapping_between(coco, target)
    values, scores = torch.randn(2, 5, 17, 3), torch.rand(2, 5, 17)
    values[0, 0, coco.index("left_hip")] = torch.nan
    mapped = mapping.coordinates(values)
    torch.testing.assert_close(mapped[1, :, 0], (values[1, :, 11] + values[1, :, 12]) / 2)
    assert torch.isnan(mapped[0, 0, target.index("pelvis")]).all()
    torch.testing.assert_close(mapping.scores(scores)[..., 0], scores[..., 11:13].amin(-1))
    torso = Skeleton("torso", ("left_hip", "right_hip"), (-1, 0))
    part = mapping_between(torso, target)
    assert "head" in part.missing
    assert "pelvis" not in part.missing
    assert torch.isnan(part.coordinates(torch.zeros(2, 3))[target.index("head")]).all()
    assert part.scores(torch.ones(2))[target.index("head")] == 0


def test_only_hangs_joints_on_the_nearest_ancestor():
    part = get_skeleton("human36m17").only(["pelvis", "left_ankle", "left_wrist", "thorax"])
    assert part.parents == (-1, 0, 3, 0)
    with pytest.raises(UnknownNameError, match="Did you mean 'left_ankle'"):
        part.only(["left_ankles"])


def test_definitions_of_ones_own(tmp_path):
    path = tmp_path / "legs5.toml"
    path.write_text('name = "legs5"\nlinks = [["a", "left_b"]]\n[joints]\na = ""\nleft_b = "a"\nright_b = "a"\n')
    skeleton = read_skeleton(path)
    assert skeleton == get_skeleton(str(path)) == get_skeleton(skeleton)
    assert skeleton.flip_order == (0, 2, 1)
    assert skeleton.links == ((0, 1),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = 1", r"no table \[joints\]"),
        ('[joints]\na = "b"', "legs.toml"),
        ('[joints]\na = ""\nb = ""', "exactly one joint without a parent"),
        ('[joints]\nr = ""\na = "b"\nb = "a"', "cycle"),
        ('[joints]\na = ""\n[joints]', "TOML"),
    ],
)
def test_broken_definitions_are_refused(tmp_path, text, complaint):
    path = tmp_path / "legs.toml"
    path.write_text(text)
    with pytest.raises(FileError, match=complaint):
        read_skeleton(path)


def test_wrong_skeletons_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'coco17'"):
        get_skeleton("coco_17")
    with pytest.raises(InputError, match="repeat"):
        Skeleton("x", ("a", "a"), (-1, 0))
    with pytest.raises(InputError, match="expected one each"):
        Skeleton("x", ("a", "b"), (-1,))
    with pytest.raises(UnknownNameError, match="Did you mean 'left_hip'"):
        get_skeleton("coco17").index("lefthip")


@pytest.mark.parametrize(
    ("source", "target", "guessed"),
    [
        ("coco17", "human36m17", "pelvis spine thorax neck_nose head"),
        ("halpe26", "human36m17", "spine neck_nose"),
        ("human36m17", "coco17", ""),
        ("human36m17", "mpii16", ""),
        ("coco17", "mpii16", "pelvis thorax upper_neck head_top"),
    ],
)
def test_midpoints_and_the_nose_are_guesses_and_other_names_are_not(source, target, guessed):
    assert mapping_between(get_skeleton(source), get_skeleton(target)).guessed == tuple(guessed.split())


@pytest.mark.parametrize(("source", "target"), [("coco17", "human36m17"), ("smpl24", "coco17"), ("halpe26", "body25")])
def test_values_are_the_weighted_means_of_their_sources(source, target):
    mapping_between.cache_clear()
    mapping = mapping_between(get_skeleton(source), get_skeleton(target))
    joints = len(mapping.source)
    with torch.inference_mode():  # whoever was first, gradients flow for the next
        mapping.coordinates(torch.zeros(joints, 3))
    points = torch.randn(2, joints, 3, dtype=torch.float64).requires_grad_()
    root = torch.randn(2, joints, 3, 3, dtype=torch.float64)
    scores, variances = torch.rand(2, joints), root @ root.mT
    mapped = mapping.coordinates(points)
    for joint, own in enumerate(mapping.sources):
        if not own:
            assert mapped[:, joint].isnan().all()
            assert (mapping.scores(scores)[:, joint] == 0).all()
            continue
        torch.testing.assert_close(mapped[:, joint], sum(weight * points[:, i] for i, weight in own))
        torch.testing.assert_close(mapping.scores(scores)[:, joint], scores[:, [i for i, _ in own]].amin(-1))
        expected = sum(weight**2 * variances[:, i] for i, weight in own)
        torch.testing.assert_close(mapping.covariance(variances)[:, joint], expected)
    mapped.nan_to_num(0.0).sum().backward()
    given = {i for own in mapping.sources for i, _ in own}
    assert points.grad.isfinite().all()
    assert points.grad.abs().sum((0, 2)).nonzero().flatten().tolist() == sorted(given)


def test_only_the_joints_of_a_missing_source_are_missing():
    mapping = mapping_between(get_skeleton("coco17"), get_skeleton("human36m17"))
    points = torch.randn(17, 2)
    points[mapping.source.index("left_hip")] = torch.nan
    missing = mapping.coordinates(points).isnan().all(-1)
    assert [name for name, gone in zip(mapping.target.joints, missing, strict=True) if gone] == [
        "pelvis", "left_hip", "spine",
    ]  # fmt: skip
