"""A network comes back from its file as it was, and every other file is refused in plain words."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lift3d.checkpoints import Checkpoint, load_network, network_named, save_network, shipped_weights
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.networks.movenet import MoveNetSettings
from lift3d.networks.residual_mlp import ResidualMlp, ResidualMlpSettings
from lift3d.skeletons import Skeleton, get_skeleton

SMALL = ResidualMlpSettings(inputs=6, outputs=9, hidden=8, blocks=1)


@pytest.fixture
def saved(tmp_path):
    network = ResidualMlp(SMALL)
    path = tmp_path / "small.safetensors"
    save_network(path, network, SMALL, "residual_mlp", "human36m17", {"licence": "CC0", "note": "naïve"})
    return network, path


def test_comes_back_as_it_was(saved):
    network, path = saved
    checkpoint = load_network(path)
    assert isinstance(checkpoint, Checkpoint)
    assert (checkpoint.name, checkpoint.settings) == ("residual_mlp", SMALL)
    assert checkpoint.skeleton == get_skeleton("human36m17")
    assert checkpoint.extra == {"licence": "CC0", "note": "naïve"}
    assert not checkpoint.network.training
    features = torch.randn(5, 6)
    assert torch.equal(checkpoint.network(features), network.eval()(features))


def test_buffers_come_back_too(saved):
    network, path = saved
    network.train()(torch.randn(7, 6))
    save_network(path, network, SMALL, "residual_mlp", "human36m17")
    again = load_network(path).network
    assert dict(again.named_buffers()).keys() == dict(network.named_buffers()).keys()
    assert all(torch.equal(a, b) for a, b in zip(again.buffers(), network.buffers(), strict=True))


def test_half_is_stored_small_and_loaded_as_float32(saved, tmp_path):
    network, path = saved
    half = tmp_path / "half.safetensors"
    save_network(half, network, SMALL, "residual_mlp", "human36m17", half=True)
    assert half.stat().st_size < path.stat().st_size
    for ours, theirs in zip(load_network(half).network.parameters(), network.parameters(), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_carries_a_skeleton_of_ones_own(saved):
    network, path = saved
    legs = Skeleton("legs", ("pelvis", "left_hip", "right_hip"), (-1, 0, 0), ((1, 2),))
    save_network(path, network, SMALL, "residual_mlp", legs)
    assert load_network(path).skeleton == legs


def test_loading_leaves_the_random_numbers_alone(saved):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    load_network(saved[1])
    assert torch.equal(torch.rand(4), expected)


def test_what_comes_with_lift3d_loads_and_says_its_licence():
    assert "movenet_thunder" in shipped_weights()
    for name, path in shipped_weights().items():
        checkpoint = load_network(name)
        assert checkpoint.extra["licence"]
        assert isinstance(checkpoint.settings, network_named(checkpoint.name).settings)
        assert path.with_suffix(".md").is_file()
        assert path.stat().st_size < 14 * 2**20


def test_a_name_that_is_neither_file_nor_shipped(tmp_path):
    with pytest.raises(FileError, match=r"there is no such checkpoint.*movenet_thunder"):
        load_network("movenet_thunders")
    with pytest.raises(FileError, match="there is no such checkpoint"):
        load_network(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 200, -10])
def test_a_file_cut_short(saved, kept):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileError, match="damaged"):
        load_network(path)


def test_another_safetensors_file(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(FileError, match="not a lift3d checkpoint"):
        load_network(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("network", "residual_mpl", "Did you mean 'residual_mlp'"),
        ("settings", json.dumps({"hiden": 3}), "Did you mean 'hidden'"),
        ("settings", "{", "does not describe a network"),
        ("settings", json.dumps({"hidden": 16}), "size mismatch"),
        ("skeleton", json.dumps({"name": "a"}), "does not describe a network"),
    ],
)
def test_metadata_that_does_not_fit(saved, key, value, said):
    path = saved[1]
    with safe_open(path, framework="pt") as opened:
        metadata, tensors = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    save_file(tensors, path, {**metadata, key: value})
    with pytest.raises(FileError, match=said):
        load_network(path)


def test_writing_refuses_what_could_not_be_read_again(saved):
    network, path = saved
    before = path.read_bytes()
    with pytest.raises(InputError, match="has ResidualMlpSettings, not MoveNetSettings"):
        save_network(path, network, MoveNetSettings(), "residual_mlp", "human36m17")
    with pytest.raises(InputError, match="'settings'"):
        save_network(path, network, SMALL, "residual_mlp", "human36m17", {"settings": ""})
    with pytest.raises(UnknownNameError, match="residual_mlp"):
        save_network(path, network, SMALL, "residual", "human36m17")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
