"""Which strategy has which terms, where gradients flow, what 2D labels do to volumes, and that each can be learnt."""

from dataclasses import replace

import pytest
import torch

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.heatmaps.cells import pixels_to_cells, pixels_to_fractions
from lift3d.heatmaps.losses import cell_cross_entropy, heatmap_mse
from lift3d.heatmaps.strategies import (
    STRATEGIES,
    SplitMaps,
    StrategySettings,
    strategy,
    strategy_loss,
    strategy_places,
)
from lift3d.heatmaps.targets import gaussian_targets, nearest_cell

SIZE = (32, 32)
SHAPES = {"map": (8, 8), "volume": (8, 8, 8)}
TERMS = {
    "R1": ("none", "l1", "direct"), "H1": ("gaussian", "none", "argmax"), "H2": ("one_hot", "none", "argmax"),
    "I*": ("none", "l1", "integral"), "I1": ("gaussian", "l1", "integral"), "I2": ("one_hot", "l1", "integral"),
}  # fmt: skip


def joints(axes, batch=2, count=3):
    share = torch.rand(batch, count, axes, dtype=torch.float64)
    return share * 16 + torch.tensor([8.0, 8.0, -8.0][:axes], dtype=torch.float64)


def answer(kind, axes, batch=2, count=3):
    if kind == "places":
        return torch.rand(batch, count, axes, dtype=torch.float64, requires_grad=True)
    shape = (8,) * axes
    return torch.randn(batch, count, *shape, dtype=torch.float64, requires_grad=True)


def split_answer():
    plane, line = torch.randn(2, 3, 8, 8, dtype=torch.float64), torch.randn(2, 3, 8, dtype=torch.float64)
    return SplitMaps(plane.requires_grad_(), line.requires_grad_())


def kind_of(name):
    return "places" if STRATEGIES[name].decoding == "direct" else "maps"


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_presets_are_those_of_the_paper(name):
    settings = strategy(name)
    assert (settings.heatmap_loss, settings.coordinate_loss, settings.decoding) == TERMS[name]


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("name", STRATEGIES)
def test_only_the_terms_it_has_are_there_and_add_up(name, axes):
    own, places = answer(kind_of(name), axes), joints(axes)
    loss = strategy_loss((own, own), places, strategy(name), SIZE)
    assert (loss.heatmap > 0) == (TERMS[name][0] != "none")
    assert (loss.coordinate > 0) == (TERMS[name][1] != "none")
    torch.testing.assert_close(loss.total, loss.heatmap + loss.coordinate)
    torch.testing.assert_close(loss.total, 2 * strategy_loss((own,), places, strategy(name), SIZE).total)
    known = strategy(name)
    heavy = replace(known, heatmap_weight=3 * known.heatmap_weight, coordinate_weight=5 * known.coordinate_weight)
    weighted = strategy_loss((own, own), places, heavy, SIZE)
    torch.testing.assert_close(weighted.total, 3 * loss.heatmap + 5 * loss.coordinate)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("name", STRATEGIES)
def test_gradients_flow_to_known_joints_and_to_no_other(name, axes):
    own, places = answer(kind_of(name), axes), joints(axes)
    places[0, 1] = torch.nan
    weights = torch.ones(2, 3, dtype=torch.float64)
    weights[1, 2] = 0
    strategy_loss((own,), places, strategy(name), SIZE, weights=weights).total.backward()
    assert own.grad is not None
    reached = own.grad.flatten(2).abs().amax(-1) > 0
    assert torch.equal(reached, torch.tensor([[True, False, True], [True, True, False]]))
    assert own.grad.isfinite().all()


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("name", ["H1", "H2", "I*", "I1", "I2"])
def test_a_sample_with_2d_labels_teaches_x_and_y_and_not_z(name, split):
    """What turns a volume about in depth, the same for every x and y, changes nothing."""
    settings = replace(strategy(name), split=split)
    places = joints(2)
    own = answer("maps", 3).detach()
    loss = strategy_loss((own,), places, settings, SIZE).total
    assert loss > 0
    torch.testing.assert_close(strategy_loss((own.roll(3, 2),), places, settings, SIZE).total, loss)
    missing = torch.cat([places, torch.full_like(places[..., :1], torch.nan)], dim=-1)
    torch.testing.assert_close(strategy_loss((own,), missing, settings, SIZE).total, loss)
    with_depth = torch.cat([places, joints(3)[..., 2:]], dim=-1)
    rolled = strategy_loss((own.roll(3, 2),), with_depth, settings, SIZE).total
    assert not torch.isclose(strategy_loss((own,), with_depth, settings, SIZE).total, rolled)


@pytest.mark.parametrize("name", ["H1", "H2"])
def test_a_volume_with_labels_of_depth_is_compared_as_a_whole_unless_split(name):
    own, places = answer("maps", 3).detach(), joints(3)
    cells = pixels_to_cells(places, (8, 8, 8), SIZE)
    targets, weights = gaussian_targets(cells, torch.ones(2, 3).double(), (8, 8, 8), 2.0)
    place, _ = nearest_cell(cells, (8, 8, 8))
    whole = heatmap_mse(own, targets, weights) if name == "H1" else cell_cross_entropy(own, place, weights)
    torch.testing.assert_close(strategy_loss((own,), places, strategy(name), SIZE).total, whole)
    assert strategy_loss((own,), places, replace(strategy(name), split=True), SIZE).total != whole


@pytest.mark.parametrize("name", ["H1", "H2", "I*", "I1", "I2"])
def test_split_maps_are_taught_their_own_coordinates(name):
    own, places = split_answer(), joints(3)
    places[0, :, 2] = torch.nan
    strategy_loss((own,), places, strategy(name), SIZE).total.backward()
    assert own.plane.grad is not None
    assert own.line.grad is not None
    assert (own.plane.grad.flatten(2).abs().amax(-1) > 0).all()
    assert torch.equal(own.line.grad.abs().amax(-1) > 0, torch.tensor([[False] * 3, [True] * 3]))


@pytest.mark.parametrize("name", ["H2", "I*", "I2"])
def test_a_volume_that_is_plane_plus_line_is_taught_like_both_apart(name):
    """Logits that add up make independent probabilities."""
    apart = split_answer()
    volume = apart.line[..., None, None] + apart.plane[:, :, None]
    settings, places = replace(strategy(name), split=True), joints(3)
    torch.testing.assert_close(
        strategy_loss((volume,), places, settings, SIZE), strategy_loss((apart,), places, settings, SIZE)
    )
    if settings.decoding == "integral":
        found = strategy_places(volume, settings, SIZE).places
        torch.testing.assert_close(found, strategy_places(apart, settings, SIZE).places)


@pytest.mark.parametrize("half_pixel", [True, False])
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("name", STRATEGIES)
def test_what_minimises_the_loss_is_read_as_the_joint(name, axes, half_pixel):
    places = joints(axes)
    size = (8,) * axes
    settings = replace(strategy(name), half_pixel=half_pixel, sigma=1.0, rounded=False)
    cells = pixels_to_cells(places, size, SIZE, half_pixel=half_pixel)
    height, _ = gaussian_targets(cells, torch.ones_like(places[..., 0]), size, 0.6, rounded=False)
    if kind_of(name) == "places":
        perfect, worst = pixels_to_fractions(places, SIZE), 1e-9
    elif settings.normalisation == "sum":
        perfect, worst = gaussian_targets(cells, torch.ones_like(places[..., 0]), size, 1.0, rounded=False)[0], 0.7
    else:
        perfect, worst = height.clamp_min(1e-30).log(), 0.5
    if settings.decoding == "argmax":
        worst = 2.0
    found, _ = strategy_places(perfect, settings, SIZE)
    assert (found - places).abs().max() <= worst + 1e-9
    coordinate = strategy_loss((perfect,), places, settings, SIZE).coordinate
    assert coordinate * 32 <= worst
    moved = strategy_loss((perfect,), places + 4.0, settings, SIZE)
    assert moved.total > strategy_loss((perfect,), places, settings, SIZE).total


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_can_be_learnt(name):
    """Gradient descent on the answer itself ends at the joints."""
    own, places = answer(kind_of(name), 3, batch=1, count=2), joints(3, batch=1, count=2)
    settings = replace(strategy(name), sigma=1.0)
    optimiser = torch.optim.Adam([own], lr=0.1 if kind_of(name) == "maps" else 0.01)
    for _ in range(200):
        optimiser.zero_grad()
        strategy_loss((own,), places, settings, SIZE).total.backward()
        optimiser.step()
    found = strategy_places(own.detach(), settings, SIZE).places
    assert (found - places).abs().max() < (2.1 if settings.decoding == "argmax" else 2.0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnknownNameError, match="Known: H1, H2"):
        strategy("I3")
    with pytest.raises(InputError, match="at least one"):
        StrategySettings("none", "none")
    with pytest.raises(InputError, match="no maps"):
        StrategySettings("gaussian", "l1", "direct")
    with pytest.raises(UnknownNameError, match="one_hot"):
        StrategySettings("onehot")
    with pytest.raises(InputError, match="sigma"):
        StrategySettings(sigma=0.0)
    with pytest.raises(ShapeError, match="direct"):
        strategy_loss((answer("maps", 2),), joints(2), strategy("R1"), SIZE)
    with pytest.raises(ShapeError, match="maps"):
        strategy_loss((answer("places", 2),), joints(2), strategy("I2"), SIZE)
