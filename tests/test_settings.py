"""Settings: strict in what they take, complete in what they give back."""

from dataclasses import dataclass, field

import pytest
import tomli_w

from lift3d.errors import FileError, SettingsError
from lift3d.settings import from_mapping, read_toml, to_mapping, with_overrides


@dataclass(frozen=True)
class Network:
    name: str
    hidden: int = 1024
    dropout: float = 0.5


@dataclass(frozen=True)
class Training:
    network: Network
    seed: int = 0
    shuffle: bool = True
    widths: tuple[int, ...] = (3, 3)
    note: str | None = None
    extra: Network = field(default_factory=lambda: Network("tiny", 8))


def test_round_trip_through_toml(tmp_path):
    settings = Training(Network("mlp", 512, 0.25), seed=3, shuffle=False, widths=(1, 2, 3))
    path = tmp_path / "train.toml"
    path.write_text(tomli_w.dumps(to_mapping(settings)))
    assert from_mapping(Training, read_toml(path)) == settings
    assert "note" not in to_mapping(settings)
    assert to_mapping(Training(Network("a"), note="b"))["note"] == "b"


def test_defaults_and_whole_numbers_for_floats():
    settings = from_mapping(Training, {"network": {"name": "mlp", "dropout": 1}})
    assert settings == Training(Network("mlp", dropout=1.0))
    assert isinstance(settings.network.dropout, float)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "the setting 'network' is missing"),
        ({"network": {"name": "a", "hiden": 3}}, r"settings\.network: .*Did you mean 'hidden'"),
        ({"network": "mlp"}, "expected a table"),
        ({"network": {"name": 3}}, "expected str"),
        ({"network": {"name": "a", "hidden": 3.0}}, "expected int"),
        ({"network": {"name": "a", "hidden": True}}, "expected int"),
        ({"network": {"name": "a", "dropout": True}}, "expected float"),
        ({"network": {"name": "a"}, "shuffle": 1}, "expected bool"),
        ({"network": {"name": "a"}, "widths": 3}, "expected a list"),
        ({"network": {"name": "a"}, "widths": [3, "4"]}, r"settings\.widths\[1\] is '4'; expected int"),
        ({"network": {"name": "a"}, "note": 3}, "expected str"),
    ],
)
def test_wrong_tables_are_refused(values, text):
    with pytest.raises(SettingsError, match=text):
        from_mapping(Training, values)


def test_overrides_lie_over_the_tables():
    values = {"network": {"name": "mlp", "hidden": 3}, "seed": 1}
    words = ["--network.hidden", "512", "--seed=7", "--network.name", "other", "--note=a=b", "--shuffle", "false"]
    changed = with_overrides(values, words)
    assert changed == {
        "network": {"name": "other", "hidden": 512}, "seed": 7, "note": "a=b", "shuffle": False,
    }  # fmt: skip
    assert values == {"network": {"name": "mlp", "hidden": 3}, "seed": 1}
    assert with_overrides({}, ["--network.hidden", "3", "--learning-rate", "-0.5"]) == {
        "network": {"hidden": 3},
        "learning_rate": -0.5,
    }
    assert with_overrides({}, ["--widths", "[1, 2]"]) == {"widths": [1, 2]}


def test_overrides_never_change_tables_below_the_first():
    values = {"a": {"b": {"c": 1}}}
    assert with_overrides(values, ["--a.b.c", "2"]) == {"a": {"b": {"c": 2}}}
    assert values == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--seed"], "has no value"),
        (["seed", "3"], "not an override"),
        (["--seed.x", "3"], "'seed' is a value, not a table"),
    ],
)
def test_wrong_overrides_are_refused(words, text):
    with pytest.raises(SettingsError, match=text):
        with_overrides({"seed": 1}, words)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(FileError, match=r"absent\.toml: cannot be read"):
        read_toml(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("a = [1")
    with pytest.raises(FileError, match="not valid TOML"):
        read_toml(tmp_path / "broken.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="cannot be read"):
        read_toml(tmp_path / "binary.toml")
