"""Temporal convolutions: the published numbers, what an answer is made from, and the cheap route to one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from published_networks import published

from lift3d.errors import InputError, ShapeError
from lift3d.importers.videopose3d import own_key
from lift3d.networks.temporal_conv import TemporalConv, TemporalConvSettings

LONG = (3, 3, 3, 3, 3)
SMALL = TemporalConvSettings(inputs=4, outputs=6, filter_widths=(3, 5, 1, 3), channels=8)
SMALL_CAUSAL = replace(SMALL, causal=True)
PUBLISHED = {
    "videopose3d_1": TemporalConvSettings(filter_widths=(1, 1, 1)),
    "videopose3d_27": TemporalConvSettings(filter_widths=(3, 3, 3)),
    "videopose3d_243": TemporalConvSettings(filter_widths=LONG),
    "videopose3d_243_window": TemporalConvSettings(filter_widths=LONG),
    "videopose3d_243_causal": TemporalConvSettings(filter_widths=LONG, causal=True),
    "videopose3d_243_optimized1f": TemporalConvSettings(filter_widths=LONG),
    "videopose3d_trajectory": TemporalConvSettings(outputs=3, filter_widths=LONG),
}


def grown(settings: TemporalConvSettings) -> TemporalConv:
    """A network in double precision whose batch norms have seen something."""
    network = TemporalConv(settings).double()
    network.train()(torch.randn(16, network.window + 5, settings.inputs).double())
    return network.eval()


@pytest.mark.parametrize("name", PUBLISHED)
def test_equals_the_published_network(name: str) -> None:
    golden = published(name)
    network = TemporalConv(PUBLISHED[name]).eval()
    network.load_state_dict({own_key(key): value for key, value in golden.state.items()})
    features = golden.features.flatten(2)
    with torch.no_grad():
        golden.assert_answers(network(features), tolerance=1e-5)
        if features.shape[1] == network.window:
            golden.assert_answers(network.one_frame(features), tolerance=1e-5)


@pytest.mark.parametrize(
    ("widths", "window", "parameters"),
    [(LONG, 243, 16_952_371), ((3, 3, 3, 3), 81, 12_753_971), ((3, 3, 3), 27, 8_555_571), ((1,), 1, 89_139)],
)
def test_has_the_published_windows_and_numbers_of_parameters(widths: tuple, window: int, parameters: int) -> None:
    """Those of 243 and 27 frames are counted from the published network; a block more or less is 4,198,400."""
    network = TemporalConv(TemporalConvSettings(filter_widths=widths))
    assert network.window == window == 1 + sum(network.context)
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("settings", [SMALL, SMALL_CAUSAL])
def test_an_answer_is_made_from_its_context_and_nothing_else(settings: TemporalConvSettings) -> None:
    network = grown(settings)
    before, after = network.context
    assert (before, after) == ((44, 0) if settings.causal else (22, 22))
    features = torch.randn(1, 70, 4).double().requires_grad_()
    answers = network(features)
    assert answers.shape == (1, 70 - before - after, 6)
    for frame in (before, before + 7):
        (gradient,) = torch.autograd.grad(answers[0, frame - before].sum(), features, retain_graph=True)
        reached = gradient[0].abs().sum(-1).nonzero().flatten()
        assert (int(reached.min()), int(reached.max())) == (frame - before, frame + after)


@pytest.mark.parametrize("settings", [SMALL, SMALL_CAUSAL])
def test_the_skipped_frame_is_the_answers_own(settings: TemporalConvSettings) -> None:
    """With the convolutions of the blocks silent, only the first one mixes frames: those next to the answer's own."""
    network = grown(settings)
    for block in network.blocks:
        torch.nn.init.zeros_(block.narrow.norm.weight)
        torch.nn.init.zeros_(block.narrow.norm.bias)
    features = torch.randn(1, network.window, 4).double().requires_grad_()
    for answer in (network(features), network.one_frame(features)):
        (gradient,) = torch.autograd.grad(answer.sum(), features)
        own = network.context[0]
        expected = [own - 2, own - 1, own] if settings.causal else [own - 1, own, own + 1]
        assert gradient[0].abs().sum(-1).nonzero().flatten().tolist() == expected


@pytest.mark.parametrize("settings", [SMALL, SMALL_CAUSAL])
def test_one_frame_is_forward_of_each_window(settings: TemporalConvSettings) -> None:
    network = grown(settings)
    features = torch.randn(2, 60, 4).double()
    together = network(features)
    windows = features.unfold(1, network.window, 1).transpose(2, 3)  # (batch, answers, window, inputs)
    alone = network.one_frame(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])[:, :, 0]
    torch.testing.assert_close(alone, together, rtol=1e-9, atol=1e-12)


def test_both_routes_have_the_same_gradients() -> None:
    network = grown(SMALL)
    features = torch.randn(3, network.window, 4).double()
    gradients = []
    for route in (network, network.one_frame):
        network.zero_grad()
        route(features).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(list(network.parameters()))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)


def test_training_on_windows_takes_the_cheap_route() -> None:
    """Batch norm sees only what the answer uses, as in the authors' training, and longer clips are not touched."""
    network = TemporalConv(replace(SMALL, dropout=0.0)).train()
    features = torch.randn(2, network.window, 4)
    seen = []
    for route in (network.one_frame, network):
        network.blocks[0].wide.norm.reset_running_stats()
        route(features)
        seen.append(network.blocks[0].wide.norm.running_mean.clone())
    assert torch.equal(*seen)
    assert network(torch.randn(2, network.window + 3, 4)).shape == (2, 4, 6)


@pytest.mark.parametrize("widths", [(), (2, 3), (3, 0)])
def test_widths_must_be_odd(widths: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected odd numbers"):
        TemporalConvSettings(filter_widths=widths)


def test_too_few_frames_are_refused() -> None:
    network = TemporalConv(SMALL).eval()
    with pytest.raises(ShapeError, match="at least 45 frames"):
        network(torch.zeros(1, 44, 4))
    with pytest.raises(ShapeError, match="expected 45 frames"):
        network.one_frame(torch.zeros(1, 46, 4))
