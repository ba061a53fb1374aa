"""Which simulated vendors there are: every installed plugin ships its own by entry point."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from nps_connect.connection import Clock, system_clock
from nps_connect.simulation import SimulatedVendor

ENTRY_POINT_GROUP = "nps_connect.sandbox"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class LoadedVendors:
    """Simulated vendors by plugin name, and why others are missing.

    Attributes:
        vendors: ready to be served.
        problems: one sentence for each entry point that gave no vendor.
    """

    vendors: dict[str, SimulatedVendor]
    problems: dict[str, str]


def installed_entry_points() -> list[EntryPoint]:
    """The entry points of the group, by name; one that the installation lists twice counts once."""
    found = {(point.name, point.value): point for point in entry_points(group=ENTRY_POINT_GROUP)}
    return [found[key] for key in sorted(found)]


def load_vendors(points: Iterable[EntryPoint] | None = None, clock: Clock = system_clock) -> LoadedVendors:
    """Load every simulated vendor; a broken one is told and left out, the others are served.

    Args:
        points: entry points to load; the installed ones if not given.
        clock: the present moment, for the vendors.
    """
    vendors: dict[str, SimulatedVendor] = {}
    problems: dict[str, str] = {}
    for point in installed_entry_points() if points is None else points:
        if not _NAME.fullmatch(point.name):
            problems[point.name] = "a plugin's name has lower case letters, digits and underscores only"
        elif point.name in vendors:
            problems[point.name] = f"the name is taken twice; {point.value} is left out"
        else:
            try:
                vendors[point.name] = _load(point, clock)
            except Exception as error:  # noqa: BLE001  # a foreign package may raise anything at all
                problems[point.name] = f"{type(error).__name__}: {error}"
    return LoadedVendors(vendors, problems)


def _load(point: EntryPoint, clock: Clock) -> SimulatedVendor:
    vendor = point.load()(clock=clock)
    if not isinstance(vendor, SimulatedVendor):
        raise TypeError(f"{point.value} does not give a SimulatedVendor")
    return vendor
