import cv2
import numpy as np
import pytest
from scipy.stats import norm

from pixelwise.data.color import jitter_colors
from pixelwise.data.photometric import Photometric, add_noise, gamma_table

ALL = Photometric(
    gamma_probability=1, gamma_inverted_probability=1, noise_probability=1, blur_probability=1, low_resolution_probability=1
)


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    field = cv2.GaussianBlur(noise(height, width, channels), (0, 0), 5).reshape(height, width, channels).astype(float)
    return (40 + (field - field.min()) * 160 / np.ptp(field)).astype(np.uint8)


def test_without_any_probability_the_image_itself_comes_back():
    image = noise(20, 30)
    assert not Photometric().active
    assert Photometric()(image, np.random.default_rng(0)) is image


@pytest.mark.parametrize("effect", ["gamma", "gamma_inverted", "noise", "blur", "low_resolution"])
def test_each_effect_comes_with_its_probability_and_leaves_the_source_alone(effect):
    image = smooth(40, 50)
    before = image.copy()
    sometimes = Photometric(**{f"{effect}_probability": 0.3})
    assert sometimes.active
    changed = [(sometimes(image, np.random.default_rng(seed)) != image).any() for seed in range(300)]
    assert 0.2 < np.mean(changed) < 0.4
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("gamma", [0.5, 0.7, 1.0, 1.5, 2.5])
@pytest.mark.parametrize("inverted", [False, True])
def test_gamma_is_nnunets_formula_with_mean_and_contrast_kept(gamma, inverted):
    image = smooth(64, 64, 1)
    counts = np.bincount(image.ravel(), minlength=256)
    moved = gamma_table(counts, gamma, inverted)[image].astype(float)
    # the same in plain floating point on the pixels: min and range to 0..1, power, back, then mean and deviation restored
    plain = image.astype(float) * (-1 if inverted else 1)
    bent = ((plain - plain.min()) / np.ptp(plain)) ** gamma * np.ptp(plain) + plain.min()
    bent = (bent - bent.mean()) / bent.std() * plain.std() + plain.mean()
    expected = (bent * (-1 if inverted else 1)).clip(0, 255)
    assert np.abs(moved - expected).max() <= 0.51
    assert moved.mean() == pytest.approx(image.mean(), abs=0.5)
    assert moved.std() == pytest.approx(image.std(), rel=0.02)


def test_a_flat_image_has_no_gamma():
    np.testing.assert_array_equal(gamma_table(np.eye(256)[77], 2.0), np.arange(256))


def test_exponents_lie_below_one_as_often_as_above():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    bend = Photometric(gamma=(0.7, 1.5), gamma_probability=1)
    middle = [int(bend(image, np.random.default_rng(seed))[8, 0, 0]) for seed in range(400)]
    brighter = np.mean(np.array(middle) > 128)  # an exponent below 1 lifts the middle
    assert 0.4 < brighter < 0.6


@pytest.mark.parametrize("sigma", [2.0, 8.0, 20.0])
def test_noise_is_normal_with_the_deviation_asked_for(sigma):
    image = np.full((200, 200, 3), 128, np.uint8)
    added = add_noise(image, np.array([sigma]), np.random.default_rng(0)).astype(float) - 128
    assert added.mean() == pytest.approx(0, abs=0.15)
    assert added.std() == pytest.approx(sigma, rel=0.03)
    for within in (sigma, 2 * sigma):
        expected = 2 * norm.cdf((within + 0.5) / sigma) - 1  # whole numbers
        assert np.mean(np.abs(added) <= within) == pytest.approx(expected, abs=0.02)
    assert abs(np.corrcoef(added[..., 0].ravel(), added[..., 1].ravel())[0, 1]) < 0.02


def test_noise_per_channel_has_a_deviation_for_each():
    image = np.full((100, 100, 5), 128, np.uint8)
    found = add_noise(image, np.array([0.0, 2, 5, 9, 0]), np.random.default_rng(0)).reshape(-1, 5).std(axis=0)
    np.testing.assert_allclose(found, [0, 2, 5, 9, 0], rtol=0.06)


def test_noise_does_not_wrap_around():
    dark, bright = np.zeros((50, 50, 1), np.uint8), np.full((50, 50, 1), 255, np.uint8)
    assert add_noise(dark, np.array([20.0]), np.random.default_rng(0)).max() < 70
    assert add_noise(bright, np.array([20.0]), np.random.default_rng(0)).min() > 185


def test_blur_and_low_resolution_take_away_detail_and_keep_the_mean():
    image = noise(96, 96)
    for effect in ("blur", "low_resolution"):
        found = Photometric(**{f"{effect}_probability": 1, effect: (0.6, 0.6)})(image, np.random.default_rng(0))
        assert np.abs(np.diff(found.astype(int), axis=1)).mean() < 0.9 * np.abs(np.diff(image.astype(int), axis=1)).mean()
        assert found.mean() == pytest.approx(image.mean(), abs=2)


@pytest.mark.parametrize("per_channel", [0.0, 1.0])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9])
def test_any_number_of_channels_keeps_its_shape(channels, per_channel):
    image = noise(33, 47, channels)
    made = Photometric(**{**ALL.__dict__, "per_channel": per_channel})
    for seed in range(4):
        found = made(image, np.random.default_rng(seed))
        assert found.shape == image.shape
        assert found.dtype == np.uint8
        assert (found != image).any()
        if channels == 4:
            np.testing.assert_array_equal(found[..., 3], image[..., 3])


def test_channels_change_alike_unless_drawn_on_their_own():
    image = np.repeat(smooth(40, 40, 1), 9, axis=2)
    effects = {"gamma_probability": 1.0, "blur_probability": 1.0, "low_resolution_probability": 1.0}
    alike = Photometric(**effects)(image, np.random.default_rng(1))
    np.testing.assert_array_equal(alike, np.repeat(alike[..., :1], 9, axis=2))
    apart = Photometric(**effects, per_channel=1.0)(image, np.random.default_rng(1))
    assert (apart != apart[..., :1]).any()


def test_the_same_generator_gives_the_same_image():
    image = noise(40, 40)
    first, again, other = (ALL(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_colours_change_with_the_probability_asked_for():
    image = smooth(20, 20)
    changed = [(jitter_colors(image, np.random.default_rng(s), 0.5, 0, 0, 0, 0.25) != image).any() for s in range(400)]
    assert 0.18 < np.mean(changed) < 0.32
