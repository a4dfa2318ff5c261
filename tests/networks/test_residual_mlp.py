"""The residual MLP equals the published network, and its settings change it as they say."""

import pytest
import torch
from published_networks import published

from lift3d.importers.martinez import own_key
from lift3d.networks.residual_mlp import ResidualMlp, ResidualMlpSettings


def test_equals_the_published_network() -> None:
    golden = published("martinez")
    network = ResidualMlp(ResidualMlpSettings()).eval()
    network.load_state_dict({own_key(key): value for key, value in golden.state.items()}, strict=True)
    golden.assert_answers(network(golden.features), tolerance=1e-5)


def test_has_the_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in ResidualMlp(ResidualMlpSettings()).parameters()) == 4_291_632


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("normalisation", ["batch", "layer", "none"])
def test_settings_change_the_network(residual: bool, normalisation: str) -> None:
    settings = ResidualMlpSettings(7, 5, hidden=16, blocks=3, residual=residual, normalisation=normalisation)
    network = ResidualMlp(settings)
    assert network(torch.randn(4, 7)).shape == (4, 5)
    assert any("running_mean" in key for key in network.state_dict()) is (normalisation == "batch")
    with torch.no_grad():
        for block in network.blocks:
            block.second.linear.weight.zero_()
            block.second.linear.bias.fill_(-1)  # ReLU then gives 0, with or without the norm's shift of 0
    network.eval()
    hidden = torch.rand(4, 16)
    through = network.blocks[0](hidden)
    torch.testing.assert_close(through, hidden if residual else torch.zeros_like(hidden))


def test_dropout_is_for_training_only() -> None:
    network = ResidualMlp(ResidualMlpSettings(7, 5, hidden=64, normalisation="none"))
    features = torch.randn(4, 7)
    assert not torch.equal(network(features), network(features))
    network.eval()
    torch.testing.assert_close(network(features), network(features), rtol=0, atol=0)
