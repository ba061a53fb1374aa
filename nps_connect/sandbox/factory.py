"""The sandbox of the installed plugins: simulated vendors from their entry points, on a configured `Sandbox`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from nps_connect.connection import Clock, system_clock
from nps_connect.plugins import Plugins
from nps_connect.sandbox.faults import FaultPlan
from nps_connect.sandbox.sandbox import DEFAULT_PRODUCT_URL, Sandbox
from nps_connect.simulation import SimulatedVendor

ENTRY_POINT_GROUP = "nps_connect.sandbox"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class LoadedVendors:
    """Simulated vendors by plugin name, and the reasons why others are missing.

    Attributes:
        vendors: loaded vendors.
        problems: one sentence for each entry point that could not be loaded.
    """

    vendors: dict[str, SimulatedVendor]
    problems: dict[str, str]


def installed_entry_points() -> list[EntryPoint]:
    """Return the entry points of the group by name; one that the installation lists twice counts once."""
    unique = {(point.name, point.value): point for point in entry_points(group=ENTRY_POINT_GROUP)}
    return [unique[key] for key in sorted(unique)]


def load_vendors(points: Iterable[EntryPoint] | None = None, clock: Clock = system_clock) -> LoadedVendors:
    """Load every simulated vendor; a broken one is reported and left out.

    Args:
        points: entry points to load; the installed ones by default.
        clock: current time of the vendors.
    """
    vendors: dict[str, SimulatedVendor] = {}
    problems: dict[str, str] = {}
    for point in installed_entry_points() if points is None else points:
        if not _NAME.fullmatch(point.name):
            problems[point.name] = "a plugin's name has lower case letters, digits and underscores only"
        elif point.name in vendors:
            problems[point.name] = f"duplicate name; {point.value} is left out"
        else:
            try:
                vendors[point.name] = _load(point, clock)
            except Exception as error:  # noqa: BLE001  # a foreign package may raise anything at all
                problems[point.name] = f"{type(error).__name__}: {error}"
    return LoadedVendors(vendors, problems)


def _load(point: EntryPoint, clock: Clock) -> SimulatedVendor:
    vendor = point.load()(clock=clock)
    if not isinstance(vendor, SimulatedVendor):
        raise TypeError(f"{point.value} does not return a SimulatedVendor")
    return vendor


def connection_names(plugins: Plugins) -> dict[str, str]:
    """Return the name of each plugin's connection in its example configuration, by plugin."""
    return {name: info.example.connection for name, info in plugins.infos.items()}


def webhook_event_kinds(plugins: Plugins) -> dict[str, tuple[str, ...]]:
    """Return the event kinds of each plugin that receives webhooks, by plugin."""
    return {name: tuple(kind.name for kind in info.events) for name, info in plugins.infos.items() if info.webhooks}


def build_sandbox(
    connections: Mapping[str, str],
    *,
    port: int = 0,
    smtp_port: int = 0,
    product_url: str = DEFAULT_PRODUCT_URL,
    event_kinds: Mapping[str, Sequence[str]] | None = None,
    faults: FaultPlan | None = None,
) -> tuple[Sandbox, LoadedVendors]:
    """Build a sandbox (not started) with the simulated vendor of every plugin that has a connection.

    Args:
        connections: names of connections by plugin, for the sandbox's environment variables.
        port: HTTP port; 0 selects a free one.
        smtp_port: SMTP port; 0 selects a free one.
        product_url: address of the product on this machine.
        event_kinds: the event kinds that the sandbox's page offers, by plugin.
        faults: injected faults.

    Returns:
        The sandbox, and the loaded vendors with the reasons why others are missing.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.
    """
    loaded = load_vendors()
    for name in [name for name in loaded.vendors if name not in connections]:
        del loaded.vendors[name]
        loaded.problems[name] = "its plugin is not loaded; see: nps-connect plugins list"
    sandbox = Sandbox(
        loaded.vendors,
        connections=connections,
        port=port,
        smtp_port=smtp_port,
        product_url=product_url,
        event_kinds=event_kinds,
        faults=faults,
    )
    return sandbox, loaded
