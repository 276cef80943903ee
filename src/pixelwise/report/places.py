"""Parts of the pixels, in words: at a border between classes or inside, in small or in large objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["place_names"]


def place_names(errors: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Name and measure of ``boundary``, ``inside``, ``small``, ``medium`` and ``large``, as far as ``errors`` says ``radius`` and
    ``areas`` (pixels)."""
    radius, areas = errors.get("radius"), errors.get("areas")
    near, far = ("", "") if radius is None else (f"within {radius:g} px", f"beyond {radius:g} px")
    first, second = ("", "") if not areas else (_area(int(area)) for area in areas)
    return {
        "boundary": ("at a border", near),
        "inside": ("away from borders", far),
        "small": ("small objects", first and f"below {first} px"),
        "medium": ("medium objects", second and f"below {second} px"),
        "large": ("large objects", second and f"from {second} px"),
    }


def _area(pixels: int) -> str:
    side = math.isqrt(pixels)
    return f"{side} × {side}" if side * side == pixels else f"{pixels:,}"
