"""One body for every network: it builds from its settings, saves, loads and answers the same."""

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_up_views import ring_projections
from torch import Tensor, nn

from lift3d._discovery import entries_of
from lift3d.checkpoints import load_network, save_network
from lift3d.errors import ShapeError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.networks._deconvolutions import DeconvolutionSettings
from lift3d.networks._entry import NetworkEntry
from lift3d.networks._resnet import ResNetSettings
from lift3d.networks.algebraic_triangulation import AlgebraicTriangulationSettings
from lift3d.networks.v2v import V2VSettings
from lift3d.networks.view_attention import ViewAttentionSettings
from lift3d.networks.view_volumes import ViewVolumesSettings
from lift3d.networks.volumetric_triangulation import VolumetricTriangulationSettings

ENTRIES = entries_of("lift3d.networks", "NETWORK", NetworkEntry)
OF_HEATMAPS = [name for name, entry in ENTRIES.items() if entry.published and name != "movenet"]
WIDTHS = {"hidden": 32, "channels": 32, "representation": 32, "width": 16, "stem_channels": 16, "initial_channels": 32}
SIDE = 64  # of the pictures
VOLUMES = V2VSettings(4, 3, front_channels=4, front_units=2, channels=(4, 8, 8))
BACKBONE, UPSAMPLING = ResNetSettings(18, width=8), DeconvolutionSettings(2, channels=8)
OF_VIEWS = {
    "v2v": VOLUMES,
    "algebraic_triangulation": AlgebraicTriangulationSettings(3, BACKBONE, UPSAMPLING, confidence_width=8),
    "volumetric_triangulation": VolumetricTriangulationSettings(
        BACKBONE, UPSAMPLING, side=2.0, cells=8, volume_network=VOLUMES, confidence_width=8, aggregation="confidence"
    ),
    "view_attention": ViewAttentionSettings(5, width=8, layers=2, heads=2),
    "view_volumes": ViewVolumesSettings(
        ViewAttentionSettings(5, width=8, layers=1, heads=2), V2VSettings(5, 5, 3, 4, 1, (4, 8)), cells=8,
        facing=(0, 1), judge_learns=True,
    ),
}  # fmt: skip


def small(name: str) -> Any:
    """Default settings, but narrow, so that the files are small."""
    return OF_VIEWS[name] if name in OF_VIEWS else narrow(ENTRIES[name].settings())


def narrow(settings: Any) -> Any:
    """The same with a few channels, also in the tables within."""
    changes = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            changes[field.name] = narrow(value)
        elif field.name in WIDTHS and isinstance(value, int):
            changes[field.name] = WIDTHS[field.name]
    return replace(settings, **changes)


def sample(network: nn.Module, settings: Any, pictures: bool) -> Tensor:
    """Something that the network takes: pictures, frames, or clips."""
    if pictures:
        return torch.randn(2, 3, SIDE, SIDE)
    context = getattr(network, "context", None)
    return torch.randn(4, settings.inputs) if context is None else torch.randn(2, sum(context) + 3, settings.inputs)


def views(name: str) -> tuple[Tensor, ...]:
    """The same of a network of volumes or of views: a batch of three, three cameras on a ring of 4 m."""
    if name == "v2v":
        return (torch.randn(3, VOLUMES.inputs, 8, 8, 8),)
    if name in ("view_attention", "view_volumes"):
        rotation = rotvec_to_matrix(torch.randn(3, 2, 3))
        translation = torch.tensor([0.0, 0.0, 4.0]) + torch.randn(3, 2, 3) / 10
        rays, scores = torch.randn(3, 2, 5, 2) / 10, torch.rand(3, 2, 5) + 0.1
        return rays, scores, rotation, translation, torch.arange(5).expand(3, -1)
    projections = ring_projections(3, 4.0, (2 * SIDE, 2 * SIDE)).expand(3, -1, -1, -1)
    images = torch.randn(3, 3, 3, 2 * SIDE, 2 * SIDE)
    return (images, projections, torch.randn(3, 3) / 10)[: 3 if name == "volumetric_triangulation" else 2]


def parts(answer: Any) -> list[Tensor]:
    """Every tensor of numbers of an answer, however they are grouped."""
    if isinstance(answer, Tensor):
        return [answer] if answer.is_floating_point() else []
    return [part for one in answer for part in parts(one)] if isinstance(answer, tuple) else []


@pytest.mark.parametrize("name", ENTRIES)
def test_builds_saves_and_loads(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    settings = small(name)
    network = entry.build(settings).eval()
    encoding = {"name": "screen", "with_scores": True, "mean": [0.5, 0.1]}
    save_network(
        tmp_path / "network.safetensors", network, settings, name, "human36m17", {"licence": "ours"},
        input_skeleton="coco17", encoding=encoding,
    )  # fmt: skip
    loaded = load_network(tmp_path / "network.safetensors")
    assert (loaded.name, loaded.settings, loaded.extra) == (name, settings, {"licence": "ours"})
    assert (loaded.skeleton.name, loaded.input_skeleton.name, loaded.encoding) == ("human36m17", "coco17", encoding)
    ours, theirs = network.state_dict(), loaded.network.state_dict()
    assert all(torch.equal(theirs[key], value) for key, value in ours.items())
    assert not loaded.network.training


@pytest.mark.parametrize("name", ENTRIES)
def test_lifters_answer_the_frames_that_their_context_leaves(name: str) -> None:
    settings = small(name)
    network = ENTRIES[name].build(settings).eval()
    context = getattr(network, "context", None)
    if context is None:
        return
    clip = sample(network, settings, pictures=False)
    answer = network(clip)
    assert answer.shape == (2, clip.shape[1] - sum(context), settings.outputs)
    assert network.longest is None or network.longest >= clip.shape[1]
    torch.testing.assert_close(network(clip[:1]), answer[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_parameter_learns(name: str) -> None:
    entry = ENTRIES[name]
    settings = small(name)
    network = entry.build(settings).train()
    given = views(name) if name in OF_VIEWS else (sample(network, settings, bool(entry.published)),)
    outputs = parts(network(*given))
    sum(part.square().mean() for part in outputs).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.published])
def test_pictures_of_a_batch_do_not_mix(name: str) -> None:
    network = ENTRIES[name].build(small(name)).eval()
    pictures = torch.randn(3, 3, SIDE, SIDE)
    with torch.no_grad():
        together, alone = parts(network(pictures)), parts(network(pictures[1:2]))
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(one[0], many[1], rtol=1e-4, atol=1e-5 * float(one.abs().max()))


def test_there_is_a_small_one_for_every_network_of_views() -> None:
    assert set(OF_VIEWS) == {name for name, entry in ENTRIES.items() if entry.example is not None}


@pytest.mark.parametrize("name", OF_VIEWS)
def test_samples_of_a_batch_do_not_mix(name: str) -> None:
    network, given = ENTRIES[name].build(small(name)).eval(), views(name)
    with torch.no_grad():
        together, alone = parts(network(*given)), parts(network(*(one[1:2] for one in given)))
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(one[0], many[1], rtol=1e-4, atol=1e-6 + 1e-5 * float(one.abs().max()))


@pytest.mark.parametrize("name", OF_HEATMAPS)
def test_heatmaps_have_a_cell_for_every_stride(name: str) -> None:
    """A tuple with one entry a stage; the sides of the maps, last, are the picture's over the stride."""
    network = ENTRIES[name].build(small(name)).eval()
    with torch.no_grad():
        stages = network(torch.randn(2, 3, 64, 128))
    assert isinstance(stages, tuple)
    for part in parts(stages):
        assert (len(part), *part.shape[-2:]) == (2, 64 // network.stride, 128 // network.stride)


@pytest.mark.parametrize("name", OF_HEATMAPS)
def test_heatmaps_of_an_untrained_network_are_flat(name: str) -> None:
    """So that training begins at no joint rather than at wrong ones; the peak of a target is 1."""
    network = ENTRIES[name].build(small(name))
    assert all(part.abs().max() < 0.3 for part in parts(network(torch.randn(2, 3, SIDE, SIDE))))


@pytest.mark.parametrize("name", OF_HEATMAPS)
def test_sides_that_do_not_halve_evenly_are_refused(name: str) -> None:
    network = ENTRIES[name].build(small(name))
    for height, width in ((SIDE, SIDE + 4), (SIDE + 4, SIDE)):
        with pytest.raises(ShapeError, match=r"images has shape .* both multiples of \d+\."):
            network(torch.zeros(2, 3, height, width))
