import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from pixelwise.errors import ConfigError
from pixelwise.models.dilation import with_multi_grid
from pixelwise.models.encoder import encoder
from tests.models.make import randomize_norms, segmenter


@pytest.mark.parametrize("stride, dilations", [(32, [1, 2, 4]), (16, [2, 4, 8]), (8, [4, 8, 16])])
def test_multi_grid_multiplies_the_dilation_of_the_last_stage(stride: int, dilations: list) -> None:
    with torch.device("meta"):
        made = with_multi_grid(encoder("resnet50", output_stride=stride), [1, 2, 4])
    convolutions = [block.conv2 for block in made.model.layer4]
    assert [layer.dilation for layer in convolutions] == [(rate, rate) for rate in dilations]
    assert [layer.padding for layer in convolutions] == [(rate, rate) for rate in dilations]
    assert [block.conv2.dilation for block in made.model.layer2] == [(1, 1)] * 4


def test_maps_are_those_of_a_torchvision_resnet_dilated_by_hand() -> None:
    ours = randomize_norms(with_multi_grid(encoder("resnet50", output_stride=16), (1, 2, 4))).double().eval()
    with torch.device("meta"):
        theirs = resnet50(weights=None, replace_stride_with_dilation=[False, False, True]).eval()
    for block, dilation in zip(theirs.layer4, (2, 4, 8), strict=True):
        block.conv2.dilation = block.conv2.padding = (dilation, dilation)
    theirs.fc = nn.Identity()
    theirs.load_state_dict(ours.model.state_dict(), strict=True, assign=True)
    images = torch.randn(1, 3, 33, 161, dtype=torch.float64)  # every tap meets the map of 3x11
    with torch.inference_mode():
        features = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
        expected = theirs.layer4(theirs.layer3(theirs.layer2(theirs.layer1(features))))
        got = ours(images)[-1]
    assert expected.std() > 1e-3
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["deeplabv3", "deeplabv3plus"])
def test_multi_grid_is_an_option_of_deeplab(name: str) -> None:
    model = segmenter(name, "resnet26", multi_grid=[1, 2])
    assert [block.conv2.dilation for block in model.encoder.model.layer4] == [(2, 2), (4, 4)]


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "test_convnext", "res2net50_26w_4s", "resnest26d"])
def test_encoders_without_bottleneck_blocks_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"such as 'resnet50', 'resnet101' or 'resnext50_32x4d', and encoder '{name}' is none"):
        with_multi_grid(encoder(name), (1, 2, 4))


@pytest.mark.parametrize(
    "multi_grid, says",
    [
        ((1, 2, 4), "multi_grid must have one rate for each of the 2 blocks in the last stage of encoder 'resnet26'"),
        ((1, 0), r"multi_grid must be positive whole numbers such as \(1, 2, 4\), got \(1, 0\)"),
        (2, "multi_grid must be positive whole numbers"),
        ((), "multi_grid must have one rate for each of the 2 blocks"),
    ],
)
def test_rates_that_do_not_fit_are_refused(multi_grid, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        with_multi_grid(encoder("resnet26"), multi_grid)
