import pytest
import torch

from pixelwise.models.lateral import LateralNeck
from pixelwise.models.spatial import resize


@pytest.mark.parametrize("size", [(15,), (15, 21), (9, 7, 11)], ids=["signals", "images", "volumes"])
def test_convolving_before_enlarging_is_convolving_after(size: tuple[int, ...]) -> None:
    dims = len(size)
    neck = LateralNeck((5, 7, 9), 4, dims).double()
    for lateral in neck.laterals:
        torch.nn.init.normal_(lateral.bias)
    maps = [torch.randn(2, c, *[-(-n // s) for n in size], dtype=torch.float64) for c, s in ((5, 1), (7, 2), (9, 4))]
    after = sum(lateral(resize(level, size)) for lateral, level in zip(neck.laterals, maps, strict=True))
    got = neck(maps, size)
    torch.testing.assert_close(got, after, rtol=1e-12, atol=1e-12)
    assert got.shape == (2, 4, *size)
    assert got.std() > 0.1


def test_the_convolutions_work_on_the_small_maps() -> None:
    neck, seen = LateralNeck((3, 3), 2), []
    for lateral in neck.laterals:
        lateral.register_forward_hook(lambda layer, given, made: seen.append(tuple(made.shape[2:])))
    neck([torch.randn(1, 3, 8, 8), torch.randn(1, 3, 4, 4)], (16, 16))
    assert seen == [(8, 8), (4, 4)]
