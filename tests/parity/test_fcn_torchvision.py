"""Our dilated FCN against torchvision's fcn_resnet50, with the same weights."""

import pytest
import torch

from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.models.create import create
from tests.models.make import randomize_norms

segmentation = pytest.importorskip("torchvision.models.segmentation")

# torchvision's names -> ours
HEADS = {
    "classifier.0": "decoder.reduce.0",
    "classifier.1": "decoder.reduce.1",
    "classifier.4": "head",
    "aux_classifier.0": "auxiliary.reduce.0",
    "aux_classifier.1": "auxiliary.reduce.1",
    "aux_classifier.4": "auxiliary.classifier",
}


def _our_key(theirs: str) -> str:
    layer, _, parameter = theirs.rpartition(".")
    return f"encoder.model.{theirs.removeprefix('backbone.')}" if layer.startswith("backbone.") else f"{HEADS[layer]}.{parameter}"


@pytest.fixture(scope="module")
def pair() -> tuple[torch.nn.Module, torch.nn.Module]:
    theirs = segmentation.fcn_resnet50(weights=None, weights_backbone=None, aux_loss=True, num_classes=21)
    randomize_norms(theirs)
    with torch.device("meta"):  # it gets every tensor from the other
        ours = create("fcn", "resnet50", None, 3, 21)
    tensors = {_our_key(key): tensor for key, tensor in theirs.state_dict().items()}
    ours.load_state_dict(tensors, strict=True, assign=True)
    return ours.double().eval(), theirs.double().eval()


@pytest.mark.parametrize("size", [(41, 65), (40, 51)], ids=["41x65", "40x51"])
def test_logits_of_fcn_are_those_of_torchvision(pair: tuple, size: tuple[int, int]) -> None:
    ours, theirs = pair
    images = torch.randn(1, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        maps = theirs.backbone(images)
        low, second = theirs.classifier(maps["out"]), theirs.aux_classifier(maps["aux"])
        expected = theirs(images)
        pyramid = ours.encoder(images)
        torch.testing.assert_close(pyramid[-1], maps["out"], rtol=0, atol=1e-8)
        torch.testing.assert_close(ours.head(ours.decoder(pyramid, size)), low, rtol=0, atol=1e-8)
        torch.testing.assert_close(ours.auxiliary(pyramid), second, rtol=0, atol=1e-8)
        got = ours(images, auxiliary=True)
        torch.testing.assert_close(got.logits, expected["out"], rtol=0, atol=1e-8)
        torch.testing.assert_close(got.auxiliary[0], expected["aux"], rtol=0, atol=1e-8)
    assert min(float(logits.std()) for logits in (low, second, *expected.values())) > 1e-2


def test_the_size_of_fcn_is_the_one_torchvision_publishes(pair: tuple) -> None:
    published, meta = ARCHITECTURES["fcn"].published, segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1.meta
    assert published is not None
    assert sum(parameter.numel() for parameter in pair[0].parameters()) == published.parameters == meta["num_params"]
    assert published.multiply_adds == round(meta["_ops"] * 1e9)


def test_dropout_is_that_of_torchvision(pair: tuple) -> None:
    ours, theirs = pair
    for mine, other in ((ours.decoder.dropout, theirs.classifier[3]), (ours.auxiliary.dropout, theirs.aux_classifier[3])):
        assert (type(mine), mine.p) == (type(other), other.p)
