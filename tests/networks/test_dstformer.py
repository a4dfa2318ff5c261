"""The spatio-temporal transformer: the published numbers, and over what its streams attend."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published_networks import published

from lift3d.errors import InputError, ShapeError
from lift3d.importers import all_importers
from lift3d.networks.dstformer import Dstformer, DstformerSettings

SMALL = DstformerSettings(inputs=15, outputs=10, joints=5, longest=9, hidden=16, stages=2, heads=4, representation=8)


def grown(settings: DstformerSettings = SMALL) -> Dstformer:
    """A network in double precision whose every parameter counts."""
    network = Dstformer(settings).double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parametrize(("name", "parameters"), [("motionbert", 42_466_317), ("motionbert_lite", 16_001_549)])
def test_equals_the_published_network(name: str, parameters: int) -> None:
    golden = published(name)
    network = all_importers()["motionbert"].convert(Path(name), golden.state)["pose"].network
    assert sum(p.numel() for p in network.parameters()) == parameters
    with torch.no_grad():
        golden.assert_answers(network(golden.features.flatten(2)), tolerance=1e-5)


def test_frames_are_told_apart_by_their_embedding_alone() -> None:
    network, features, order = grown(), torch.randn(2, 9, 15).double(), torch.randperm(9)
    answer = network(features)
    assert (network(features[:, order]) - answer[:, order]).abs().max() > 1e-3
    torch.nn.init.zeros_(network.frame_embedding)
    torch.testing.assert_close(network(features[:, order]), network(features)[:, order], rtol=1e-9, atol=1e-12)


def test_joints_are_told_apart_by_their_embedding_alone() -> None:
    """Features and answers are joint by joint: x0 y0 s0 x1 y1 s1 ..."""
    network, joints, order = grown(), torch.randn(2, 7, 5, 3).double(), torch.randperm(5)
    answer = network(joints.flatten(2)).unflatten(-1, (5, 2))
    permuted = network(joints[:, :, order].flatten(2)).unflatten(-1, (5, 2))
    assert (permuted - answer[:, :, order]).abs().max() > 1e-3
    torch.nn.init.zeros_(network.joint_embedding)
    answer = network(joints.flatten(2)).unflatten(-1, (5, 2))
    permuted = network(joints[:, :, order].flatten(2)).unflatten(-1, (5, 2))
    torch.testing.assert_close(permuted, answer[:, :, order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", ["space_first", "time_first"])
def test_a_silent_half_leaves_the_other_axis(order: str) -> None:
    """With the layer over frames silent a stream mixes the joints of a frame; with that over joints, frames."""
    for silent, alike in (("time", 0), ("space", 1)):
        stream = getattr(grown().stages[0], order)
        layer = getattr(stream, silent)
        for parameter in (*layer.attention.leave.parameters(), *layer.narrow.parameters()):
            torch.nn.init.zeros_(parameter)
        tokens = torch.randn(1, 4, 5, 16).double().requires_grad_()
        (gradient,) = torch.autograd.grad(stream(tokens)[0, 2, 3].sum(), tokens)
        reached = gradient[0].abs().sum(-1).nonzero()
        assert set(reached[:, alike].tolist()) == {(2, 3)[alike]}
        assert len(reached) == (5, 4)[alike]


def test_people_do_not_mix() -> None:
    network, features = grown(), torch.randn(3, 6, 15).double()
    for person in range(3):
        torch.testing.assert_close(network(features)[person], network(features[person : person + 1])[0])


def test_representation_is_bounded_and_read_joint_by_joint() -> None:
    network, features = grown(), torch.randn(2, 6, 15).double()
    representation = network.representation(features)
    assert representation.shape == (2, 6, 5, 8)
    assert representation.abs().max() <= 1
    torch.testing.assert_close(network.leave(representation).flatten(2), network(features))


def test_streams_count_the_same_at_first() -> None:
    stage, tokens = Dstformer(SMALL).stages[0], torch.randn(1, 3, 5, 16)
    torch.testing.assert_close(stage(tokens), 0.5 * (stage.space_first(tokens) + stage.time_first(tokens)))


@pytest.mark.parametrize("name", ["dropout", "attention_dropout"])
def test_dropout_is_for_training_only(name: str) -> None:
    settings = DstformerSettings(**{"joints": 5, "inputs": 15, "outputs": 10, "hidden": 16, "stages": 1, name: 0.5})
    network, features = Dstformer(settings), torch.randn(1, 4, 15)
    network.leave.weight.data.mul_(100)
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


def test_too_many_frames_are_refused() -> None:
    network = Dstformer(SMALL)
    assert (network.context, network.longest) == ((0, 0), 9)
    with pytest.raises(ShapeError, match="at most 9 frames"):
        network(torch.zeros(1, 10, 15))


@pytest.mark.parametrize("wrong", [{"inputs": 50}, {"outputs": 52}, {"hidden": 100}])
def test_sizes_that_do_not_divide_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected a multiple of"):
        DstformerSettings(**wrong)
