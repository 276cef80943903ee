"""Places in words, with the measures where they are known."""

from pixelwise.report.places import place_names


def test_radius_and_areas_are_said_where_they_are_known():
    assert place_names({"radius": 3, "areas": [1024, 9000]}) == {
        "boundary": ("at a border", "within 3 px"),
        "inside": ("away from borders", "beyond 3 px"),
        "small": ("small objects", "below 32 × 32 px"),
        "medium": ("medium objects", "below 9,000 px"),
        "large": ("large objects", "from 9,000 px"),
    }


def test_without_measures_the_names_stand_alone():
    assert {measure for _, measure in place_names({}).values()} == {""}
