"""Which groups of a figure about staff are not shown, so that few responses point at nobody. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

MIN_GROUP_SIZE = 5
"""Responses that a group in a figure about staff needs to be shown."""

SMALL_TEAM_MEMBERS = 3
"""A team with fewer members is judged like a member of staff."""


def find_suppressed_groups(groups: Mapping[str, int], staff: Collection[str] | None = None) -> frozenset[str]:
    """Return the groups that must not be shown: those under 5, and the complement that would reveal them.

    What is hidden can be computed as the total minus what is shown. So the hidden groups are at least two and have
    together 5 responses or more: the smallest of the others are hidden until they do. Groups without responses say
    nothing about anybody and stay.

    Args:
        groups: number of responses by group.
        staff: the groups that are about staff; None means all.
    """
    sizes = {name: size for name, size in groups.items() if size}
    hidden = {name for name, size in sizes.items() if size < MIN_GROUP_SIZE and (staff is None or name in staff)}
    if not hidden:
        return frozenset()
    for name in sorted(sizes.keys() - hidden, key=lambda name: (sizes[name], name)):
        if len(hidden) > 1 and sum(map(sizes.__getitem__, hidden)) >= MIN_GROUP_SIZE:
            break
        hidden.add(name)
    return frozenset(hidden)
