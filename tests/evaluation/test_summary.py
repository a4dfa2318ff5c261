"""Several protocols at once: each number is that of the protocol alone, and every choice stands beside it."""

import json
from dataclasses import replace

import pytest
import torch

from lift3d.errors import InputError, UnknownNameError
from lift3d.evaluation import PoseSamples, evaluate_protocols, evaluate_samples, get_protocol, published_protocols
from lift3d.evaluation.protocols import aliases_of
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk


def made(subjects=("S9", "S9", "S11"), sequences=("Walking 1", "Eating 1", "Walking 1"), skeleton="human36m17"):
    """70 frames of each sequence, each with noise of its own size."""
    bones = get_skeleton(skeleton)
    targets = walk(frames=70).mapped_to(bones).positions[:, 0].repeat(len(subjects), 1, 1)
    clip = torch.arange(len(subjects)).repeat_interleave(70)
    noise = torch.randn(targets.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return PoseSamples(
        targets + 0.01 * (1 + clip)[:, None, None] * noise, targets, clip, torch.arange(70).repeat(len(subjects)),
        tuple(subjects), tuple(name.split()[0] for name in sequences), tuple(sequences),
        ("cam",) * len(subjects), bones, ("lifted by hand",),
    )  # fmt: skip


def test_each_number_is_that_of_the_protocol_alone():
    samples = made()
    names = ["martinez:1", "martinez:2/14", "sun:1", "sun:2"]
    found = evaluate_protocols(samples, names)
    for name in names:
        protocol = get_protocol(name)
        alone = evaluate_samples(
            samples.predictions, samples.targets, samples.labels("subjects"), samples.labels("actions"),
            samples.labels("sequences"), name, frames=samples.frames,
        )  # fmt: skip
        assert found.reports[protocol.name].values == pytest.approx(alone.values, nan_ok=True)
    numbers = [report.values[report.headline] for report in found.reports.values()]
    assert len(set(numbers)) == 4


def test_all_means_both_schools_on_17_and_14_joints():
    found = evaluate_protocols(made(), ["all"])
    assert set(found.reports) == {protocol.name for protocol in published_protocols()}
    papers = {alias for aliases in found.aliases.values() for alias in aliases}
    assert {"martinez:1", "martinez:2", "martinez:2/14", "sun:1", "sun:2", "sun:2/14", "zhu:1", "moon:1/14"} <= papers
    assert len(found.reports["human36m-s9s11-root-on14"].per_joint) == 14


def test_data_of_14_joints_have_the_protocols_of_14_joints():
    samples = made(skeleton="human36m14")
    found = evaluate_protocols(samples, ["all"])
    assert set(found.reports) == {p.name for p in published_protocols() if p.name.endswith("-on14")}
    assert "No joint of human36m14 named 'pelvis'" in found.refused["human36m-s9s11-root"]
    complete = evaluate_protocols(made(), ["martinez:1/14"]).reports["human36m-s9s11-root-on14"]
    fewer = found.reports["human36m-s9s11-root-on14"]
    assert any("the pelvis is the middle of the hips" in choice for choice in fewer.choices)
    assert fewer.values["mpjpe_mm"] != pytest.approx(complete.values["mpjpe_mm"])  # another pelvis


def test_without_a_protocol_everyone_is_tested():
    samples = made(("02", "05", "05"), ("run 1", "jump 1", "jump 2"))
    found = evaluate_protocols(samples)
    assert list(found.reports) == ["everyone-root", "everyone-similarity"]
    assert found.reports["everyone-root"].poses == 210
    assert "tested on everyone" in found.to_text()
    with pytest.raises(InputError, match="none of the published protocols"):
        evaluate_protocols(samples, ["all"])
    with pytest.raises(InputError, match="samples are of S2, S5"):
        evaluate_protocols(samples, ["martinez:1"])
    with pytest.raises(UnknownNameError, match="Did you mean 'martinez:1'"):
        evaluate_protocols(samples, ["martinez1"])


def test_what_cannot_be_measured_is_said_beside_the_rest():
    found = evaluate_protocols(made(sequences=("Walking 1", "Greeting", "Walking 1")), ["all"])
    assert "human36m-s9s11-root" in found.reports
    assert "does not say which sub-action" in found.refused["human36m-s9s11-root-intact"]
    for text in (found.to_text(), found.to_markdown(), found.to_json()):
        assert "which sub-action" in text


def test_both_ways_to_average_and_each_subject_stand_in_the_summary():
    found = evaluate_protocols(made(), ["martinez:1", "sun:1"])
    header, first, second = found.summary()
    report = found.reports["human36m-s9s11-root"]
    row = dict(zip(header, first, strict=True))
    assert row["papers"] == "martinez:1"
    assert row["number"] == row["mean of actions"] == f"{report.over_actions['mpjpe_mm']:.1f}"
    assert row["mean over frames"] == f"{report.over_frames['mpjpe_mm']:.1f}" != row["number"]
    assert row["S11"] == f"{report.per_subject[1].values['mpjpe_mm']:.1f}"
    assert row["poses"] == "210"
    other = dict(zip(header, second, strict=True))
    assert other["S9"] == "-"
    assert other["number"] == other["mean over frames"]
    assert [cells[0] for cells in found.actions()] == ["action", "Walking", "Eating"]


def test_every_choice_is_printed_in_each_form():
    found = evaluate_protocols(made(), ["martinez:1", "sun:1"])
    for text in (found.to_text(), found.to_markdown(), str(found)):
        for name in ("martinez:1", "sun:1"):
            assert get_protocol(name).describe() in text
        assert "lifted by hand" in text
        assert "bone_spread_mm: standard deviation" in text
    loaded = json.loads(found.to_json())
    assert loaded["protocols"]["human36m-s9s11-root"]["aliases"] == ["martinez:1"]
    assert loaded["protocols"]["human36m-s9s11-root"]["choices"][0] == get_protocol("martinez:1").describe()
    assert "illegal_angle_percent" in loaded["protocols"]["human36m-s9s11-root"]["over_frames"]
    widths = {line.count("|") for line in found.to_markdown().splitlines() if line.startswith("| human36m")}
    assert len(widths) == 1


def test_one_protocol_alone_is_shown_in_full():
    found = evaluate_protocols(made(), ["martinez:1"])
    assert str(found) == str(found.reports["human36m-s9s11-root"])
    assert found.to_markdown() == found.reports["human36m-s9s11-root"].to_markdown()


def test_aliases_of_protocols():
    assert aliases_of(get_protocol("sun:2/14")) == ["sun:2/14", "moon:2/14"]
    assert aliases_of(get_protocol("human36m-s9s11-root")) == ["martinez:1"]
    assert aliases_of(replace(get_protocol("sun:2"), name="mine")) == []
