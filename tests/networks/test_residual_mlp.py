"""The residual MLP equals the published network; every network of the folder builds, runs and saves."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.networks.residual_mlp import ResidualMlp, ResidualMlpSettings

# what the published PyTorch network answers when weights and inputs are filled by the rule below; numbers only
GOLDEN = Path(__file__).parents[1] / "golden" / "martinez.npz"

OWN_NAMES = {"w1": "enter.linear", "batch_norm1": "enter.norm", "w2": "leave"}
OWN_BLOCK_NAMES = {
    "w1": "first.linear",
    "batch_norm1": "first.norm",
    "w2": "second.linear",
    "batch_norm2": "second.norm",
}


def own_key(published: str) -> str:
    """Our name of a tensor of the published state dict."""
    parts = published.split(".")
    if parts[0] == "linear_stages":
        return f"blocks.{parts[1]}.{OWN_BLOCK_NAMES[parts[2]]}.{parts[3]}"
    return f"{OWN_NAMES[parts[0]]}.{parts[1]}"


def by_rule(key: str, shape: list[int]) -> np.ndarray:
    """The weights of a published key."""
    random = np.random.default_rng(zlib.crc32(key.encode()))
    last = key.rpartition(".")[2]
    if last == "num_batches_tracked":
        return np.zeros(shape, "i8")
    if last == "running_var":
        return random.uniform(0.5, 1.5, shape).astype("f4")
    if last == "running_mean":
        return (0.1 * random.standard_normal(shape)).astype("f4")
    if len(shape) < 2:
        values = random.uniform(0.3, 0.7, shape) if last == "weight" else 0.05 * random.standard_normal(shape)
        return values.astype("f4")
    return (random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype("f4")


def test_equals_the_published_network() -> None:
    with np.load(GOLDEN) as golden:
        keys = json.loads(bytes(golden["keys"]))
        shape, at, expected = golden["input0_shape"], golden["output0_at"], golden["output0_values"]
    network = ResidualMlp(ResidualMlpSettings()).eval()
    network.load_state_dict({own_key(key): torch.as_tensor(by_rule(key, size)) for key, size, _ in keys}, strict=True)
    features = torch.from_numpy(np.random.default_rng(1).standard_normal(shape).astype("f4"))
    answer = network(features).detach().flatten().numpy()[at]
    np.testing.assert_allclose(answer, expected, atol=1e-5 * np.abs(expected).max())


def test_has_the_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in ResidualMlp(ResidualMlpSettings()).parameters()) == 4_291_632


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_settings_change_the_network(residual: bool, batch_norm: bool) -> None:
    settings = ResidualMlpSettings(7, 5, hidden=16, blocks=3, residual=residual, batch_norm=batch_norm)
    network = ResidualMlp(settings)
    assert network(torch.randn(4, 7)).shape == (4, 5)
    assert any("running_mean" in key for key in network.state_dict()) is batch_norm
    with torch.no_grad():
        for block in network.blocks:
            block.second.linear.weight.zero_()
            block.second.linear.bias.fill_(-1)  # ReLU then gives 0, with or without the norm's shift of 0
    network.eval()
    hidden = torch.rand(4, 16)
    through = network.blocks[0](hidden)
    torch.testing.assert_close(through, hidden if residual else torch.zeros_like(hidden))


def test_dropout_is_for_training_only() -> None:
    network = ResidualMlp(ResidualMlpSettings(7, 5, hidden=64, batch_norm=False))
    features = torch.randn(4, 7)
    assert not torch.equal(network(features), network(features))
    network.eval()
    torch.testing.assert_close(network(features), network(features), rtol=0, atol=0)
