"""Who trains, who validates, who tests: with every class in every part as far as it goes, and what belongs together never parted.

The method is iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011) over whole groups: the rarest class that still has
groups goes first, and each of its groups goes where most of that class is still wanted. A group is a patient, a scene or a video;
without groups every image is its own. The same images, groups and seed give the same parts, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pixelwise.errors import ConfigError, DataError

__all__ = ["stratified_parts"]


def stratified_parts(
    keys: Sequence[str], presence: np.ndarray, shares: Mapping[str, float], groups: Sequence[str] | None = None, seed: int = 0
) -> list[str]:
    """The part of each image.

    Args:
        keys: unique names of the N images.
        presence: (N, K) bool, whether class k is in image n.
        shares: share of the images by name of part, above 0; they are divided by their sum.
        groups: what each image belongs to; images of one group stay together.
        seed: of the order among equals.

    Raises:
        ConfigError: fewer than two parts, or shares that are not positive numbers.
        DataError: fewer groups than parts, two images of one name, or arguments of other lengths.
    """
    names = list(shares)
    wanted = np.array([shares[name] for name in names], np.float64)
    if len(names) < 2 or not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise ConfigError(f"shares must be two or more numbers above 0, got {dict(shares)}")
    members = _members(keys, groups)
    if presence.shape[0] != len(keys):
        raise DataError(f"presence has {presence.shape[0]} rows for {len(keys)} images; there must be one each")
    if len(members) < len(names):
        what = "images" if groups is None else "groups"
        raise DataError(f"{len(members)} {what} cannot fill {len(names)} parts; make fewer parts, or add {what}")
    order = sorted(members)
    np.random.default_rng(seed).shuffle(order)
    counts = np.stack([np.r_[presence[members[group]].sum(0), len(members[group])] for group in order]).astype(np.float64)
    found = _assigned(counts, wanted / wanted.sum())
    _fill_empty(found, counts[:, -1], len(names))
    part_of = {order[at]: names[part] for at, part in enumerate(found.tolist())}
    own = keys if groups is None else groups
    return [part_of[group] for group in own]


def _members(keys: Sequence[str], groups: Sequence[str] | None) -> dict[str, list[int]]:
    """Positions of the images of each group."""
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if list(keys).count(key) > 1)
        raise DataError(f"two images are called {twice!r}; give each a name of its own")
    if groups is not None and len(groups) != len(keys):
        raise DataError(f"{len(groups)} groups for {len(keys)} images; there must be one each")
    members: dict[str, list[int]] = {}
    for at, group in enumerate(keys if groups is None else groups):
        members.setdefault(group, []).append(at)
    return members


def _assigned(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The part of each group. ``counts`` (G, K + 1): images with each class, and all images, per group in order of preference."""
    missing = shares[:, None] * counts.sum(0)  # (parts, K + 1): what each part still wants
    part = np.full(len(counts), -1)
    # Large groups first: what is left over can then still be evened out by small ones.
    rank = np.argsort(-counts[:, -1], kind="stable")
    while (part < 0).any():
        left = (counts[part < 0, :-1] > 0).sum(0)
        rarest = int(np.where(left > 0, left, np.iinfo(np.int64).max).argmin()) if left.any() else -1
        for group in rank:
            if part[group] >= 0 or (rarest >= 0 and not counts[group, rarest]):
                continue
            here = missing[:, rarest]
            best = np.flatnonzero(np.isclose(here, here.max()))
            part[group] = best[missing[best, -1].argmax()]
            missing[part[group]] -= counts[group]
    return part


def _fill_empty(part: np.ndarray, sizes: np.ndarray, how_many: int) -> None:
    """Gives each empty part the smallest group of the part that has most groups."""
    for empty in sorted(set(range(how_many)) - set(part.tolist())):
        richest = np.bincount(part, minlength=how_many).argmax()
        candidates = np.flatnonzero(part == richest)
        part[candidates[sizes[candidates].argmin()]] = empty
