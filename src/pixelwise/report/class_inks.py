"""The classes' own colours as ink: made darker on a light page and lighter on a dark one where they could not be seen.

A figure is drawn once, in the exact colours. Those that the page's paper would swallow are replaced by a CSS variable, which
the page's style sheet gives another value in light and in dark. Pictures and swatches keep the exact colours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["class_color", "contrast", "ink_style", "inks"]

_PAPERS = {"light": (255, 255, 255), "dark": (20, 22, 27)}  # --paper of report.css
_LEAST = 2.5
"""Contrast that a line needs. WCAG asks 3 of graphics; up to there many class tables would lose their colours."""


def class_color(color: Sequence[int]) -> str:
    """``#rrggbb`` of an RGB colour, as Matplotlib writes it."""
    return "#{:02x}{:02x}{:02x}".format(*(int(part) for part in color))


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """WCAG's contrast of two sRGB colours (0 to 255 each), from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def inks(colors: np.ndarray) -> dict[str, str]:
    """What the page writes in place of each of the (K, 3) RGB colours that needs another value somewhere, by ``#rrggbb``."""
    return {color: f"var(--c{color[1:]}, {color})" for color in _adapted(colors)}


def ink_style(colors: np.ndarray) -> str:
    """The style sheet that defines the variables of :func:`inks`; empty where all colours can be seen on both papers."""
    adapted = _adapted(colors)
    if not adapted:
        return ""
    light, dark = (" ".join(f"--c{color[1:]}: {values[place]};" for color, values in adapted.items()) for place in (0, 1))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def _adapted(colors: np.ndarray) -> dict[str, tuple[str, str]]:
    """The colour on light and on dark paper, by the exact one, where one of them differs from it."""
    found = {}
    for color in np.unique(np.asarray(colors).reshape(-1, 3), axis=0).tolist():
        values = _seen(color, _PAPERS["light"], 0), _seen(color, _PAPERS["dark"], 255)
        if values != (class_color(color), class_color(color)):
            found[class_color(color)] = values
    return found


def _seen(color: Sequence[int], paper: Sequence[int], toward: int) -> str:
    """The colour, mixed with black or white as far as it needs to be seen on the paper."""
    for step in range(21):
        mixed = [round(part + (toward - part) * step / 20) for part in color]
        if contrast(mixed, paper) >= _LEAST:
            break
    return class_color(mixed)


def _luminance(color: Sequence[float]) -> float:
    parts = np.asarray(color, np.float64) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
