"""Drawn scenes: geometry by formula, truths that agree with each other, raters whose distribution is known."""

import math

import numpy as np
import pytest
from scipy import stats

from pixelwise.data.generated.scene import PANOPTIC_STEP, Scene, SceneObject
from pixelwise.data.generated.shapes import SHAPE_CLASSES, Shapes, _disc, _seen_from, _square, _triangle
from pixelwise.errors import ConfigError
from pixelwise.metrics.calibration import Calibration

AREAS = {_disc: math.pi, _square: 2.0, _triangle: 3 * math.sqrt(3) / 4}  # at radius 1


@pytest.mark.parametrize("shape, area", AREAS.items())
@pytest.mark.parametrize("angle", [0.1, 0.4, 1.3])
def test_areas_are_those_of_the_formula(shape, area, angle):
    inside = shape(*_seen_from(np.array([50.0, 50.0]), angle, (100, 100)), 40.0) <= 0
    assert inside.sum() == pytest.approx(area * 40**2, rel=0.005)


@pytest.mark.parametrize("shape", AREAS)
def test_distances_grow_by_one_per_pixel_on_the_way_out(shape):
    """A signed distance has a gradient of length 1 but for a few ridges."""
    distance = shape(*_seen_from(np.array([50.3, 49.1]), 0.7, (100, 100)), 30.0)
    length = np.hypot(*np.gradient(distance))
    assert np.quantile(length, 0.1) > 0.97
    assert length.max() < 1.05
    assert distance.min() < 0 < distance.max()


def test_a_scene_is_the_same_every_time_and_another_for_another_number_or_seed():
    shapes = Shapes()
    assert (shapes[3].image == Shapes()[3].image).all()
    assert (shapes[3].image != shapes[4].image).any()
    assert (shapes[3].image != Shapes(seed=1)[3].image).any()


def test_truths_agree_with_each_other():
    for scene in Shapes(objects=(3, 8)).scenes(10):
        classes, instances, panoptic = scene.classes, scene.instances, scene.panoptic
        assert ((instances > 0) == (classes > 0)).all()
        assert (panoptic // PANOPTIC_STEP == classes).all()
        assert (panoptic % PANOPTIC_STEP == instances).all()
        for number in np.unique(instances[instances > 0]):
            assert np.unique(classes[instances == number]).tolist() == [scene.objects[number - 1].class_index]


def test_later_objects_lie_above_earlier_ones():
    near, far = np.full((4, 4), -1, np.float32), np.full((4, 4), -9, np.float32)
    scene = Scene(np.zeros((4, 4, 3), np.uint8), (SceneObject(1, far), SceneObject(2, near)))
    assert (scene.classes == 2).all()
    assert (scene.instances == 2).all()


def test_colours_are_those_of_the_class_up_to_the_stated_noise():
    shapes = Shapes(noise=12.0, size=(128, 128))
    colors = SHAPE_CLASSES.colors.astype(float)
    off = np.concatenate([(scene.image - colors[scene.classes]).reshape(-1) for scene in shapes.scenes(5)])
    assert off.mean() == pytest.approx(0, abs=0.1)
    assert off.std() == pytest.approx(12.0, rel=0.01)
    assert stats.kstest(off[::50] / 12.0, "norm").statistic < 0.04


def test_every_class_and_number_of_objects_occurs():
    scenes = list(Shapes(objects=(1, 4)).scenes(200))
    assert {len(scene.objects) for scene in scenes} == {1, 2, 3, 4}
    assert {shape.class_index for scene in scenes for shape in scene.objects} == {1, 2, 3}


def test_the_posterior_is_calibrated_and_a_sharpened_one_is_not():
    """By Bayes' rule with the true prior; so the calibration error of the metric must vanish, and not for p squared."""
    shapes = Shapes(noise=60.0, size=(64, 64))
    honest, boastful = (Calibration(4, SHAPE_CLASSES.names, strata=None) for _ in range(2))
    prior = shapes.prior(400)
    for scene in shapes.scenes(400):
        scores = shapes.posterior(scene.image, prior)
        honest.update(scores, scene.classes)
        sharp = scores**3
        boastful.update(sharp / sharp.sum(0), scene.classes)
    # Colours are cut off at 0 and 255, which Bayes' rule above does not know of.
    assert honest.compute().top_label.ece < 0.01
    assert boastful.compute().top_label.ece > 0.03


@pytest.fixture
def disputed():
    shapes = Shapes(size=(32, 32), objects=(3, 3), radius=(5, 10), edge=1, ambiguous=1.0)
    return next(scene for scene in shapes.scenes(50) if len(np.unique(scene.instances)) == 4)


def test_probabilities_of_all_opinions_add_up_to_1(disputed):
    shares, masks = zip(*disputed.modes(), strict=True)
    assert len(shares) == 3 * 2**3
    assert sum(shares) == pytest.approx(1)
    assert any((mask == disputed.classes).all() for mask in masks)
    assert disputed.label_distribution(4).sum(0) == pytest.approx(np.ones((32, 32)))


def test_raters_follow_the_stated_distribution(disputed):
    raters = disputed.raters(4000, np.random.default_rng(0))
    shares = np.stack([(raters == index).mean(0) for index in range(4)])
    expected = disputed.label_distribution(4)
    assert np.abs(shares - expected).max() < 5 * math.sqrt(0.25 / 4000)
    codes = {mask.tobytes() for _, mask in disputed.modes()}
    assert {rater.tobytes() for rater in raters} <= codes


def test_raters_agree_where_nothing_is_disputed():
    scene = Shapes()[0]
    assert (scene.raters(5, np.random.default_rng(0)) == scene.classes).all()
    ((share, mask),) = scene.modes()
    assert share == 1
    assert (mask == scene.classes).all()


@pytest.mark.parametrize(
    "name, value",
    [
        ("size", (4, 96)), ("objects", (3, 1)), ("objects", (-1, 1)), ("radius", (0.5, 3)), ("noise", -1), ("edge", -1),
        ("ambiguous", 2),
    ],
)  # fmt: skip
def test_values_that_are_not_allowed_are_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=rf"^{name} must be.*got"):
        Shapes(**{name: value})
