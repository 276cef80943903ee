"""Networks of the catalog have the sizes that their papers or reference implementations publish."""

import pytest

from pixelwise.models.anatomy import anatomy, blueprint
from pixelwise.models.catalog import ARCHITECTURES

PUBLISHED = {name: row.published for name, row in ARCHITECTURES.items() if row.published is not None}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_parameters_and_multiply_adds_are_those_that_were_published(name: str) -> None:
    """Second heads count where the row's options build them, as its source counts them."""
    published = PUBLISHED[name]
    model = blueprint(name, published.encoder, 3, published.classes, published.options)
    assert sum(parameter.numel() for parameter in model.parameters()) == published.parameters, published.source
    if published.multiply_adds:
        found = anatomy(model, published.size, fields=False)
        assert found.multiply_adds == pytest.approx(published.multiply_adds, rel=1e-3), published.source


def test_sources_are_named() -> None:
    assert [name for name, published in PUBLISHED.items() if len(published.source.split()) < 2] == []


@pytest.mark.parametrize(
    "name, builder, options",
    [
        ("fcn", "fcn_resnet50", {}),
        (
            "deeplabv3",
            "deeplabv3_resnet50",
            {"bottleneck": True, "dropout": 0.5, "auxiliary": True, "align_corners": False, "encoder_output_stride": 8},
        ),
    ],
)
def test_the_multiply_adds_of_torchvision_are_found_again(name: str, builder: str, options: dict) -> None:
    if name not in ARCHITECTURES:
        pytest.skip("no such row")
    from torchvision.models import get_model_weights

    meta = next(iter(get_model_weights(builder))).meta
    found = anatomy(blueprint(name, "resnet50", 3, 21, options), (520, 520), fields=False)
    assert found.parameters == meta["num_params"]
    assert found.multiply_adds / 1e9 == pytest.approx(meta["_ops"], rel=1e-3)
