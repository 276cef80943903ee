"""The preset ``keras`` against Keras' ``ImageDataGenerator``: the affine map and the law that its parameters follow.

The golden matrices come from Keras 3.15.1 with SciPy 1.17.1, read off a picture of coordinates; with Keras installed, it is
asked again.
"""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from pixelwise.augment_config import AugmentConfig
from pixelwise.build import augmenter
from pixelwise.data.geometry import compose

SIDE = 33
ARTICLE = {
    "rotation_range": 10, "width_shift_range": 0.1, "height_shift_range": 0.1, "shear_range": 0.1, "zoom_range": 0.1,
    "horizontal_flip": True,
}  # fmt: skip

# Keras' parameters -> (2, 3) from pixels (x, y, 1) of the result to those of the source, for 33 x 33 pixels
GOLDEN = [
    ({"theta": 10}, [[0.984807753, -0.173648178, 3.021446794], [0.173648178, 0.984807753, -2.535294891]]),
    ({"shear": 12}, [[1.0, -0.207911691, 3.326587053], [0.0, 0.978147601, 0.349638388]]),
    ({"zx": 1.1, "zy": 0.8}, [[1.1, 0.0, -1.6], [0.0, 0.8, 3.2]]),
    ({"tx": 3, "ty": -2}, [[1.0, 0.0, 3.0], [0.0, 1.0, -2.0]]),
    (
        {"theta": -7, "tx": 1.5, "ty": 2, "shear": 5, "zx": 0.9, "zy": 1.05},
        [[0.893291536, 0.036644472, 2.853581786], [-0.109682409, 1.049360368, 2.767440939]],
    ),
]


def our_matrix(theta=0.0, tx=0.0, ty=0.0, shear=0.0, zx=1.0, zy=1.0) -> np.ndarray:
    return compose((SIDE, SIDE), (0, 0), angle=theta, shear=shear, zoom=(zy, zx), shift=(ty, tx)).matrix


@pytest.fixture
def keras_image(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras", reason="keras is not installed; the golden matrices are compared all the same")
    return pytest.importorskip("keras.src.legacy.preprocessing.image")


@pytest.mark.parametrize("parameters, matrix", GOLDEN)
def test_the_matrix_is_that_of_keras(parameters, matrix):
    np.testing.assert_allclose(our_matrix(**parameters), matrix, atol=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_the_matrix_is_that_of_keras_for_random_parameters(keras_image):
    plane = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), axis=-1).astype(np.float64)
    rng = np.random.default_rng(0)
    for _ in range(30):
        theta, shear, (tx, ty), (zx, zy) = (
            rng.uniform(-12, 12),
            rng.uniform(-9, 9),
            rng.uniform(-3, 3, 2),
            rng.uniform(0.9, 1.1, 2),
        )
        given = {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy}
        looked = keras_image.apply_affine_transform(
            plane, row_axis=0, col_axis=1, channel_axis=2, order=1, fill_mode="nearest", **given
        )
        rows, columns = np.mgrid[12:21, 12:21]
        ours = our_matrix(**given) @ [columns.ravel(), rows.ravel(), np.ones(81)]
        np.testing.assert_allclose(ours, looked[rows, columns].reshape(-1, 2).T[::-1], atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_the_parameters_follow_the_law_of_keras(keras_image):
    np.random.seed(0)
    generator = keras_image.ImageDataGenerator(**ARTICLE)
    theirs = [generator.get_random_transform((SIDE, SIDE, 3)) for _ in range(2000)]
    made = augmenter(AugmentConfig(preset="keras"), (SIDE, SIDE))
    rng = np.random.default_rng(0)
    shapes = [made.deformation.draw((SIDE, SIDE), (SIDE, SIDE), 1.0, rng) for _ in range(2000)]
    geometries = [made.draw((SIDE, SIDE), None, rng) for _ in range(2000)]
    assert {geometry.size for geometry in geometries} == {(SIDE, SIDE)}
    pairs = {
        "theta": [geometry.angle for geometry in geometries],
        "ty": [shape["shift"][0] for shape in shapes],
        "tx": [shape["shift"][1] for shape in shapes],
        "shear": [shape["shear"] for shape in shapes],
        "zx": [shape["zoom"][1] for shape in shapes],
        "zy": [shape["zoom"][0] for shape in shapes],
    }
    values = {name: ks_2samp(ours, [parameters[name] for parameters in theirs]).pvalue for name, ours in pairs.items()}
    assert min(values.values()) > 0.001, values
    flips = np.mean([geometry.flip for geometry in geometries])
    assert flips == pytest.approx(np.mean([parameters["flip_horizontal"] for parameters in theirs]), abs=0.05)
    assert not any(geometry.flip_vertical for geometry in geometries)
