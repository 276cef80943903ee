import pytest
import torch

from pixelwise.errors import ConfigError
from pixelwise.models.encoder import encoder
from pixelwise.models.unet import unet
from tests.models.make import segmenter


@pytest.mark.parametrize(
    "name, steps",
    [
        ("test_resnet", [(16, 3), (8, 2), (4, 1), (2, 0), (1, None)]),
        ("test_convnext", [(16, 2), (8, 1), (4, 0), (2, None), (1, None)]),
    ],
    ids=["strides 2 to 32", "strides 4 to 32"],
)
def test_the_decoder_goes_through_every_level_to_the_size_of_the_image(name: str, steps: list) -> None:
    assert unet(encoder(name), 2).decoder.steps == steps


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext"])
@pytest.mark.parametrize("skip", ["concat", "add"])
def test_the_decoder_reads_every_level(name: str, skip: str) -> None:
    model = segmenter("unet", name, skip=skip)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.decoder(pyramid, (64, 64))
        for level in range(len(pyramid)):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert not torch.allclose(model.decoder(changed, (64, 64)), before), f"level {level} is not read"


def test_without_skips_only_the_coarsest_level_is_read() -> None:
    model = segmenter("unet", skip="none")
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        changed = [feature + 1 for feature in pyramid[:-1]] + pyramid[-1:]
        torch.testing.assert_close(model.decoder(changed, (64, 64)), model.decoder(pyramid, (64, 64)))


def test_fewer_widths_stop_at_a_coarser_map_and_logits_still_have_the_size_of_the_image() -> None:
    model = segmenter("unet", widths=(32, 16, 8))
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        assert model.decoder(model.encoder(images), (50, 70)).shape == (1, 8, 13, 18)
        assert model(images).shape == (1, 5, 50, 70)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"skip": "sum"}, "skip must be 'concat', 'add', 'gated' or 'none', got 'sum'"),
        ({"widths": (1, 2, 3, 4, 5, 6)}, "widths must be 1 to 5 positive whole numbers for encoder 'test_resnet'"),
        ({"widths": ()}, "widths must be 1 to 5"),
        ({"widths": (8, 0)}, "widths must be 1 to 5"),
        ({"widths": 64}, "widths must be 1 to 5"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        unet(encoder("test_resnet"), 2, **options)


def test_an_encoder_with_a_single_stride_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'test_vit' has the single stride 16, but unet needs maps of several sizes"):
        unet(encoder("test_vit"), 2)


def test_classes_that_differ_by_shape_alone_are_learnt() -> None:
    """A head that starts near zero separates ink from paper first, and then takes four times as long over the shapes."""
    images = torch.zeros(1, 3, 64, 64)
    targets = torch.zeros(1, 64, 64, dtype=torch.long)
    rows, columns = torch.meshgrid(torch.arange(-16, 16), torch.arange(-16, 16), indexing="ij")
    shapes = [
        (rows.abs() < 10) & (columns.abs() < 10),
        ((rows.square() + columns.square()).sqrt() - 11).abs() < 2,
        ((rows - columns).abs() < 4) | ((rows + columns).abs() < 4),
        (rows.abs() < 13) & (columns.abs() < 4),
    ]
    for place, shape in enumerate(shapes):
        top, left = 32 * (place // 2), 32 * (place % 2)
        images[0, :, top : top + 32, left : left + 32] = shape.float()
        targets[0, top : top + 32, left : left + 32] = shape.long() * (place + 1)
    torch.manual_seed(0)
    model = segmenter("unet", num_classes=5).train()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    for _ in range(31):
        loss = torch.nn.functional.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.15
