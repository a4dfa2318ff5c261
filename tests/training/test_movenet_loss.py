"""MoveNet is taught what its decoding reads: the loss is lowest there, and does not care where in the picture it is."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lift3d.detection.decoding import decode
from lift3d.errors import InputError
from lift3d.networks.movenet import MoveNetOutput
from lift3d.training.movenet_loss import MoveNetLossSettings, holding_loss, movenet_loss

CELLS, PIXELS = 16, 64
SETTINGS = MoveNetLossSettings()
ONES = torch.ones(1, 2)


def _places(shift: float = 0.0) -> Tensor:
    """Two joints, away from the edges; pixels of the input."""
    return torch.tensor([[[21.3, 30.9], [40.2, 26.0]]], dtype=torch.float64) + shift


def _output(places: Tensor, height: float = 12.0) -> MoveNetOutput:
    """What a perfect network says of joints there: counted by hand, with edges and not centres of cells."""
    corners = (places + 0.5) / 4  # in cells, from the picture's left and top edge
    rows, columns = torch.meshgrid(torch.arange(CELLS).double(), torch.arange(CELLS).double(), indexing="ij")
    heatmaps = torch.full((1, 2, CELLS, CELLS), -height, dtype=torch.float64)
    for joint, (x, y) in enumerate(corners[0].floor().long().tolist()):
        heatmaps[0, joint, y, x] = height
    offsets = corners[..., None, None] - torch.stack([columns, rows])
    middle = corners.mean(1).floor()
    regressed = (corners - middle[:, None])[..., None, None].expand(1, 2, 2, CELLS, CELLS)
    centre = torch.full((1, CELLS, CELLS), -height, dtype=torch.float64)
    centre[0, int(middle[0, 1]), int(middle[0, 0])] = height
    return MoveNetOutput(heatmaps, offsets, regressed.clone(), centre)


def _loss(output: MoveNetOutput, places: Tensor, weights: Tensor = ONES, **settings: Any) -> float:
    return movenet_loss(output, places, weights.double(), MoveNetLossSettings(**settings)).total.item()


def test_the_loss_is_lowest_for_what_is_decoded_as_the_joint() -> None:
    """Two routes: the perfect answer is read as the joints, and nothing is left to learn from it."""
    output, places = _output(_places()), _places()
    found, scores = decode(output)
    torch.testing.assert_close(found * PIXELS - 0.5, places)
    assert scores.min() > 0.999
    assert _loss(output, places) < 1e-6
    for axis in (0, 1):
        for step in (-4.0, -0.5, 0.5, 4.0):
            moved = places.clone()
            moved[..., axis] += step
            assert _loss(output, moved) > 0.1, (axis, step)


def test_what_learns_the_loss_is_decoded_as_the_joint() -> None:
    """From random answers, by gradient descent on the answers themselves."""
    generator = torch.Generator().manual_seed(0)
    perfect = _output(_places())
    heatmaps, offsets = (torch.randn(part.shape, generator=generator).double() for part in perfect[:2])
    own = perfect._replace(heatmaps=heatmaps.requires_grad_(), offsets=offsets.requires_grad_())
    optimiser = torch.optim.Adam([own.heatmaps, own.offsets])
    for step in range(150):
        optimiser.param_groups[0]["lr"] = 0.3 * (1 - step / 150)
        optimiser.zero_grad()
        movenet_loss(own, _places(), ONES.double(), SETTINGS).total.backward()
        optimiser.step()
    found, scores = decode(MoveNetOutput(*(part.detach() for part in own)))
    torch.testing.assert_close(found * PIXELS - 0.5, _places(), atol=0.1, rtol=0)
    assert scores.min() > 0.8


def test_moving_picture_and_joints_by_cells_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(1)
    parts = [torch.randn(part.shape, generator=generator).double() for part in _output(_places())]
    parts[0][...] -= 3
    edge = torch.ones(CELLS, CELLS, dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    parts[0].masked_fill_(edge, -40.0)  # what leaves the picture, or comes in, costs nothing
    output, moved = (MoveNetOutput(*(part.roll((up, up), (-2, -1)) for part in parts)) for up in (0, 1))
    for radius in (0, 1):
        first = _loss(output, _places(), radius=radius)
        assert _loss(moved, _places(4.0), radius=radius) == pytest.approx(first, rel=1e-9)
        assert _loss(moved, _places(), radius=radius) != pytest.approx(first, rel=1e-3)


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(2)
    shapes = [(1, 2, 3, 4), (1, 2, 2, 3, 4), (1, 2, 2, 3, 4), (1, 3, 4)]
    parts = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    first = MoveNetOutput(*(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes))
    places = torch.tensor([[[5.0, 6.2], [9.7, 3.1]]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    for part in parts:
        part.requires_grad_()

    def taught(heatmaps: Tensor, offsets: Tensor) -> Tensor:
        return movenet_loss(first._replace(heatmaps=heatmaps, offsets=offsets), places, weights, SETTINGS).total

    def held(regressed: Tensor, centre: Tensor) -> Tensor:
        return holding_loss(first._replace(regressed=regressed, centre=centre), first)

    assert torch.autograd.gradcheck(taught, parts[:2])
    assert torch.autograd.gradcheck(held, parts[2:])


def test_joints_that_are_not_known_do_not_count() -> None:
    output = _output(_places(), height=1.0)
    alone = _loss(output, _places(), torch.tensor([[1.0, 0.0]]))
    for other in (torch.nan, -30.0, 90.0):  # missing, left of the picture, right of it
        places = _places()
        places[0, 1] = other
        assert _loss(output, places) == pytest.approx(alone)
    nobody = torch.full_like(_places(), torch.nan)
    heatmaps = output.heatmaps.clone().requires_grad_()
    loss = movenet_loss(output._replace(heatmaps=heatmaps), nobody, ONES.double(), SETTINGS).total
    loss.backward()
    assert loss.item() == 0
    assert heatmaps.grad is not None
    assert not heatmaps.grad.any()


def test_weights_are_shares_of_a_mean() -> None:
    output, places = _output(_places(), height=1.0), _places(3.0)
    each = [_loss(output, places, torch.tensor([own])) for own in ([1.0, 0.0], [0.0, 1.0])]
    assert _loss(output, places, torch.tensor([[3.0, 1.0]])) == pytest.approx((3 * each[0] + each[1]) / 4)


def test_holding_is_zero_at_the_first_answer_and_above_elsewhere() -> None:
    first = _output(_places(), height=2.0)
    assert holding_loss(first, first).item() == pytest.approx(0, abs=1e-12)
    assert holding_loss(first._replace(centre=first.centre + 0.5), first).item() > 1e-3
    assert holding_loss(first._replace(regressed=first.regressed + 0.5), first).item() == pytest.approx(1.0)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="expected sigma above 0"):
        MoveNetLossSettings(sigma=0.0)
