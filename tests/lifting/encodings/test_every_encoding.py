"""Every encoding keeps leading axes, has the numbers that it says, and puts the root at the origin."""

import pytest
import torch

from lift3d.cameras import Camera
from lift3d.lifting.encodings import all_encodings
from lift3d.lifting.observed import Observed
from lift3d.settings import from_mapping
from lift3d.skeletons import get_skeleton

HUMAN = get_skeleton("human36m17")
CAMERA = Camera.of([[900.0, 3, 640], [0, 880.0, 350], [0, 0, 1]], (-0.1, 0.02), image_size=(1280, 720))
NUMBERS = {"mean_2d": [500.0] * 34, "std_2d": [90.0] * 34, "mean_3d": [1.0] * 48, "std_3d": [300.0] * 48}
CASES = [
    ("turned_rays", {}),
    ("turned_rays", {"uncertainty": True, "temporal": True}),
    ("screen", {}),
    ("screen", {"with_scores": True, "answer": "screen"}),
    ("standardised", NUMBERS),
    ("standardised", {**NUMBERS, "focal_px": 1100.0, "centre_px": [500.0, 510.0]}),
]


def _people(*batch: int) -> Observed:
    pixels = torch.rand(*batch, 17, 2) * torch.tensor([1280.0, 720.0])
    return Observed.by(CAMERA, pixels, torch.rand(*batch, 17) + 0.01)


def test_every_encoding_is_tried() -> None:
    assert {name for name, _ in CASES} == set(all_encodings())


@pytest.mark.parametrize(("name", "tables"), CASES)
def test_leading_axes_are_only_carried_along(name: str, tables: dict) -> None:
    entry = all_encodings()[name]
    settings, people = from_mapping(entry.settings, tables), _people(2, 5)
    answer = torch.randn(2, 5, entry.outputs(17, settings))
    encoded = entry.encode(people, settings)
    assert encoded.features.shape == (2, 5, entry.features(17, settings))
    decoded = entry.decode(answer, encoded, HUMAN, settings)
    assert decoded.relative.shape == (2, 5, 17, 3)
    assert decoded.relative[..., HUMAN.root, :].abs().max() == 0
    single = entry.decode(answer[1, 3], entry.encode(people[1, 3], settings), HUMAN, settings)
    torch.testing.assert_close(decoded.relative[1, 3], single.relative, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("name", "tables"), CASES)
def test_only_what_is_said_to_be_used_is_used(name: str, tables: dict) -> None:
    entry = all_encodings()[name]
    settings, people = from_mapping(entry.settings, tables), _people(3)
    used = entry.uses(settings)
    hidden = {
        field: getattr(people, field) if field in used else torch.full_like(getattr(people, field), torch.nan)
        for field in people.__dataclass_fields__
    }
    features = entry.encode(Observed(**hidden), settings).features
    torch.testing.assert_close(features, entry.encode(people, settings).features)


@pytest.mark.parametrize(("name", "tables"), CASES)
def test_missing_joints_are_filled_or_handled(name: str, tables: dict) -> None:
    entry = all_encodings()[name]
    settings, people = from_mapping(entry.settings, tables), _people(6)
    people.pixels[2:4, 5], people.rays[2:4, 5], people.scores[2:4, 5] = torch.nan, torch.nan, 0
    filled = people if entry.fill is None else entry.fill(people)
    assert entry.encode(filled, settings).features.isfinite().all()


@pytest.mark.parametrize("entry", all_encodings().values(), ids=list(all_encodings()))
def test_every_encoding_says_what_it_is(entry) -> None:
    assert 20 < len(entry.about) <= 120
    assert set(entry.uses(from_mapping(entry.settings, NUMBERS if entry.name == "standardised" else {}))) <= set(
        Observed.__dataclass_fields__
    )
