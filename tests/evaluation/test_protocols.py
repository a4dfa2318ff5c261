"""Protocols: both schools' numbering, and a line that says every choice."""

from dataclasses import replace

import pytest

from lift3d.errors import InputError, UnknownNameError
from lift3d.evaluation.labels import samples_of_protocol, sub_action, subject_name
from lift3d.evaluation.protocols import HUMAN36M_14, HUMAN36M_17, get_protocol, protocol_names
from lift3d.skeletons import get_skeleton


def test_the_schools_number_their_protocols_the_other_way_round():
    assert get_protocol("martinez:1").alignment == get_protocol("sun:2").alignment == "root"
    assert get_protocol("martinez:2").alignment == "similarity"
    assert get_protocol("sun:1").alignment == "rigid"  # their code has no scale
    assert get_protocol("moon:1").alignment == "similarity"
    assert get_protocol("sun:1").test == ("S11",)
    assert "S9" in get_protocol("sun:1").train
    assert get_protocol("martinez:1").test == get_protocol("sun:2").test == ("S9", "S11")
    assert get_protocol("martinez:1").frame_step == 1
    assert get_protocol("sun:1").frame_step == get_protocol("sun:2").frame_step == 64
    assert get_protocol("martinez:3").metric == "n_mpjpe_mm"


def test_absolute_leaves_out_the_damaged_sequences_and_averages_frames():
    absolute, relative = get_protocol("iskakov:absolute"), get_protocol("iskakov:relative")
    assert (absolute.alignment, relative.alignment) == ("none", "root")
    assert set(absolute.excluded) == {("S9", "Greeting", 2), ("S9", "SittingDown", 2), ("S9", "Waiting", 1)}
    assert relative.excluded == ()
    assert absolute.averaging == relative.averaging == "frames"
    assert get_protocol("martinez:1").averaging == "actions"


@pytest.mark.parametrize("name", protocol_names())
def test_every_protocol_describes_each_choice_in_one_line(name):
    protocol = get_protocol(name)
    text = protocol.describe()
    assert "\n" not in text
    assert protocol.metric in text
    for subject in (*protocol.train, *protocol.test):
        assert subject in text
    assert not set(protocol.train) & set(protocol.test)
    changes = {
        "alignment": "scale" if protocol.alignment != "scale" else "rigid",
        "frame_step": 3,
        "joints": HUMAN36M_17[:5],
        "averaging": "frames" if protocol.averaging == "actions" else "actions",
        "excluded": (("S11", "Walking", 1),),
        "train": ("S7",),
        "test": ("S8",),
    }
    for field, value in changes.items():
        assert replace(protocol, **{field: value}).describe() != text, field


def test_it_is_said_whether_the_pelvis_counts():
    assert "17 joints, the pelvis with its zero among them" in get_protocol("martinez:1").describe()
    for name in ("martinez:1/14", "martinez:2"):  # not among them; aligned, it has an error like others
        assert "zero" not in get_protocol(name).describe()


def test_joint_names_are_those_of_the_skeleton():
    assert get_skeleton("human36m17").joints == HUMAN36M_17
    assert len(HUMAN36M_14) == 14
    assert [HUMAN36M_17.index(joint) for joint in HUMAN36M_14] == [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16]
    assert get_protocol("martinez:2/14").joints == HUMAN36M_14


def test_unknown_names_are_refused_with_a_guess():
    with pytest.raises(UnknownNameError, match="Did you mean 'martinez:1'"):
        get_protocol("martinez1")
    with pytest.raises(UnknownNameError, match="alignment"):
        replace(get_protocol("sun:1"), alignment="procrustes")
    with pytest.raises(UnknownNameError, match="averaging"):
        replace(get_protocol("sun:1"), averaging="mean")
    with pytest.raises(InputError, match="at least 1"):
        replace(get_protocol("sun:1"), frame_step=0)


@pytest.mark.parametrize("label", ["S9", "s9", 9, "9", "S09", "s_09"])
def test_subjects_may_be_written_in_many_ways(label):
    assert subject_name(label) == "S9"


def test_sequences_may_be_written_in_many_ways():
    for label in ("Greeting-2", "Greeting 2", "Greeting_2", "Greeting-2.54138969", "s_09_act_05_subact_02_ca_01"):
        assert sub_action(label) == ("Greeting", 2), label
    assert sub_action("S9/Waiting-1") == ("Waiting", 1)
    assert sub_action("s_09_act_10_subact_02") == ("SittingDown", 2)
    assert sub_action("s_09_act_13_subact_01") == ("Waiting", 1)
    assert sub_action("Greeting") == ("Greeting", None)


def test_counts_of_frames():
    people = ["S9"] * 200 + ["S11"] * 130 + ["S1"] * 50
    sequences = ["Walking-1"] * len(people)
    frames = [*range(200), *range(130), *range(50)]

    def count(name, numbers=frames):
        return len(samples_of_protocol(get_protocol(name), people, sequences, numbers))

    assert count("martinez:1", None) == 330
    assert count("sun:1") == 3  # 0, 64, 128
    assert count("sun:2") == 4 + 3  # 0, 64, 128, 192
    assert count("iskakov:relative") == 40 + 26
    with pytest.raises(InputError, match="frames="):
        count("sun:1", None)


def test_damaged_sequences_are_left_out_of_s9_only():
    people = ["S9", "S9", "S11", "S9", "S9", "S9"]
    sequences = ["Greeting-1", "Greeting-2", "Greeting-2", "s_09_act_10_subact_02", "Waiting 1", "Waiting 2"]
    protocol = get_protocol("zhu:1")
    assert samples_of_protocol(protocol, people, sequences, None) == [0, 2, 5]
    with pytest.raises(InputError, match="which sub-action"):
        samples_of_protocol(protocol, ["S9"], ["Greeting"], None)
    with pytest.raises(InputError, match="samples are of S1"):
        samples_of_protocol(protocol, ["S1"], ["Greeting-1"], None)
