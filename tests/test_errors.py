"""The tree of errors, and the end of a message about an unknown name."""

import inspect

import pytest

from pixelwise import errors
from pixelwise.errors import PixelwiseError, nearest


@pytest.mark.parametrize("name", [name for name in errors.__all__ if inspect.isclass(getattr(errors, name))])
def test_every_error_is_one_that_a_person_can_cure(name):
    assert issubclass(getattr(errors, name), PixelwiseError)
    assert str(getattr(errors, name)("a sentence")) == "a sentence"


@pytest.mark.parametrize(
    "name, allowed, expected",
    [
        ("resnet43", ["resnet34", "resnet50", "vgg16"], "did you mean 'resnet34' or 'resnet50'?"),
        ("unte", ["unet", "pspnet"], "did you mean 'unet'?"),
        ("zebra", ["unet", "pspnet"], "allowed: 'unet', 'pspnet'"),
        (
            "zebra",
            (str(number) for number in range(21)),
            "allowed: " + ", ".join(f"'{number}'" for number in range(20)) + ", ...",
        ),
    ],
)
def test_the_nearest_names_are_offered_or_all_of_them(name, allowed, expected):
    assert nearest(name, allowed) == expected
