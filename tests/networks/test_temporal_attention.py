"""Attention between frames: a plain reference, what an answer is made from, and answers to a sequence that goes on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lift3d.networks.temporal_attention import TemporalAttention, TemporalAttentionSettings

SMALL = TemporalAttentionSettings(
    inputs=7, outputs=6, own_inputs=5, hidden=12, blocks=1, width=8, layers=3, heads=2, reach=2
)


def grown(settings: TemporalAttentionSettings = SMALL) -> TemporalAttention:
    """A network in double precision of which every number matters."""
    torch.manual_seed(3)
    network = TemporalAttention(settings).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def mixed(tokens: Tensor, attention: torch.nn.Module, reach: int) -> Tensor:
    """Attention frame by frame and head by head, as it is written in the paper."""
    frames, width = tokens.shape
    size = width // attention.heads
    three = attention.enter(tokens).reshape(frames, 3, attention.heads, size)
    answers = torch.zeros(frames, attention.heads, size, dtype=tokens.dtype)
    for frame in range(frames):
        near = [other for other in range(frames) if abs(other - frame) <= reach]
        for head in range(attention.heads):
            fits = torch.stack([three[frame, 0, head] @ three[other, 1, head] / size**0.5 for other in near])
            fits = fits + torch.stack([attention.preference[head, other - frame + reach] for other in near])
            answers[frame, head] = fits.softmax(0) @ three[near, 2, head]
    return attention.leave(answers.flatten(1))


def test_equals_a_plain_reference() -> None:
    network = grown()
    features = torch.randn(1, 9, 7).double()
    with torch.no_grad():
        answer, tokens = network.alone(features)
        tokens = tokens[0]
        for layer in network.layers:
            tokens = tokens + mixed(layer.attention_norm(tokens), layer.attention, SMALL.reach)
            tokens = tokens + layer.mlp(layer.mlp_norm(tokens))
        expected = answer[0] + network.leave(network.norm(tokens))
        torch.testing.assert_close(network(features)[0], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("delay", [0, 1, 2, 5, 9])
def test_a_stream_answers_what_the_whole_sequence_so_far_does(delay: int) -> None:
    """At the beginning, where not all frames are there that the layers reach, and later; about any frame in reach."""
    network, features = grown(), torch.randn(2, 30, 7).double()
    stream = network.stream(delay)
    for newest in range(30):
        stream.add(features[:, newest : newest + 1])
        so_far = network(features[:, : newest + 1])
        for ago in {delay, delay // 2, 0}:
            if ago <= newest:
                about = newest - ago
                torch.testing.assert_close(stream.answer(ago), so_far[:, about : about + 1], rtol=1e-9, atol=1e-12)


def test_an_answer_is_made_from_the_frames_that_its_layers_reach() -> None:
    network = grown()
    features = torch.randn(1, 20, 7).double().requires_grad_()
    network(features)[0, 9].sum().backward()
    reached = features.grad[0].abs().sum(-1).nonzero().flatten().tolist()
    assert reached == list(range(9 - 6, 9 + 6 + 1))


def test_an_untrained_network_says_what_each_frame_says_alone() -> None:
    network = TemporalAttention(SMALL).eval()
    features = torch.randn(2, 6, 7)
    assert torch.equal(network(features), network.own(features[..., :5]))


def test_checkpoints_keep_their_names() -> None:
    """Of what the code addresses by parts, so that files of trained networks stay readable."""
    shapes = {name: tuple(own.shape) for name, own in TemporalAttention(SMALL).layers[0].state_dict().items()}
    assert {name: shape for name, shape in shapes.items() if name.startswith("attention.")} == {
        "attention.preference": (2, 5),
        "attention.enter.weight": (24, 8),
        "attention.enter.bias": (24,),
        "attention.leave.weight": (8, 8),
        "attention.leave.bias": (8,),
    }
