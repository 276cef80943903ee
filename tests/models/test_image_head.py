import pytest
import torch
from torch.nn import functional as F

from pixelwise.models.image_head import ImageHead, SpatialPyramidVector
from tests.models.make import created, segmenter


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_vector_has_one_length_for_maps_of_all_sizes(dims: int) -> None:
    vector = SpatialPyramidVector()
    lengths = {tuple(vector(torch.randn(2, 3, *size[:dims])).shape) for size in [(1, 1, 1), (4, 4, 4), (7, 13, 2), (2, 40, 9)]}
    assert lengths == {(2, vector.length(3, dims))}
    assert vector.length(3, 2) == 3 * (1 + 4 + 16)


def test_the_vector_holds_the_maxima_of_the_regions() -> None:
    features = torch.randn(1, 2, 8, 12)
    got = SpatialPyramidVector((1, 2))(features)[0]
    quarters = [features[0, channel, 4 * y : 4 * y + 4, 6 * x : 6 * x + 6] for channel in (0, 1) for y in (0, 1) for x in (0, 1)]
    assert torch.equal(got, torch.stack([*features[0].amax((1, 2)), *(quarter.max() for quarter in quarters)]))


def test_its_logits_do_not_change_where_a_pixel_is_repeated() -> None:
    head, features = ImageHead(4, 3), torch.randn(1, 4, 4, 4)
    twice = features.repeat_interleave(2, 2).repeat_interleave(3, 3)
    torch.testing.assert_close(head([twice]), head([features]))


@pytest.mark.parametrize("name", ["pspnet", "upernet"])
def test_it_is_an_output_in_training_and_none_in_use(name: str) -> None:
    model = segmenter(name, image_head=True)
    prediction = model(torch.randn(2, 3, 40, 56), auxiliary=True)
    assert prediction.image.shape == (2, 5)
    assert model(torch.randn(1, 3, 40, 56)).shape == (1, 5, 40, 56)
    assert segmenter(name)(torch.randn(1, 3, 40, 56), auxiliary=True).image is None


def test_one_image_of_one_pixel_trains() -> None:
    model = created("pspnet", image_head=True).train()
    model(torch.randn(1, 3, 1, 1), auxiliary=True).image.sum().backward()
    assert model.image_head.classifier.weight.grad.abs().sum() > 0


def test_it_is_exported() -> None:
    head, pyramid = ImageHead(8, 3).eval(), [torch.randn(2, 8, 5, 7)]
    exported = torch.export.export(head, (pyramid,)).module()
    torch.testing.assert_close(exported(pyramid), head(pyramid))


def test_it_learns_which_class_is_there() -> None:
    torch.manual_seed(0)
    model = created("pspnet", num_classes=2, image_head=True, width=16, encoder_output_stride=32).train()
    images = 0.1 * torch.randn(4, 3, 40, 40)
    images[0, 0, 5:20, 5:20], images[1, 0, 20:35, 20:35] = 2, 2
    images[1, 1, 5:20, 20:35], images[2, 1, 20:35, 5:20] = 2, 2
    there = torch.tensor([[1.0, 0], [1, 1], [0, 1], [0, 0]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(25):
        loss = F.binary_cross_entropy_with_logits(model(images, auxiliary=True).image, there)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
