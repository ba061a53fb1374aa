"""The twin: this configuration on simulated vendors, with a temporary ledger and a virtual clock."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy.event import listen

from nps_connect.app.application import Application, build_application, create_database, open_ledger
from nps_connect.connection import ConnectionSettings
from nps_connect.ledger.ledger import Ledger
from nps_connect.plugins import Plugins
from nps_connect.proof.stand_in import DELIVERY_HOOKS, Outbox, StandIn
from nps_connect.proof.virtual_clock import VirtualClock
from nps_connect.records.snapshots import AccountSnapshot
from nps_connect.sandbox.factory import installed_entry_points, load_vendors
from nps_connect.sandbox.faults import FaultPlan, parse_faults
from nps_connect.sandbox.vendor_transport import FaultyTransport, VendorTransport
from nps_connect.services.operations.connection_setup import apply_setup, plan_setup
from nps_connect.settings.model import Settings, Trigger
from nps_connect.simulation import SimulatedVendor

FAULTS = "500=0.04,429=0.04,timeout-after=0.03,reset-before=0.03"
"""Injected into the calls to vendors: every kind that a retry must survive without doing anything twice."""

UNLIMITED = 1_000_000
"""Daily cap and brake for unusual numbers of the twin: the people of a proof come all at once."""


@dataclass(frozen=True)
class ProvedConfiguration:
    """A validated configuration, and what is known of its accounts.

    Attributes:
        settings: the file.
        plugins: the installed plugins.
        connections: the settings of each connection, by name.
        snapshots: the snapshot of each account that was read, by connection.
    """

    settings: Settings
    plugins: Plugins
    connections: Mapping[str, ConnectionSettings]
    snapshots: Mapping[str, AccountSnapshot]


@dataclass(frozen=True)
class Twin:
    """A twin of a configuration.

    Attributes:
        application: the joined application.
        clock: its time.
        vendors: the simulated vendor of each connection that has one.
        outbox: what was delivered by the other connections.
        faults: the injected faults; none until `inject_faults`.
        missing_vendors: why a connection has no simulated vendor, by name; those that need none are absent.
    """

    application: Application
    clock: VirtualClock
    vendors: Mapping[str, SimulatedVendor]
    outbox: Outbox
    faults: FaultPlan
    missing_vendors: Mapping[str, str]

    def inject_faults(self) -> None:
        """Let calls to vendors fail at random from now on."""
        self.faults.rates = parse_faults(FAULTS)


@contextmanager
def open_twin(configuration: ProvedConfiguration, folder: Path, *, now: datetime, seed: int) -> Iterator[Twin]:
    """Build the twin of a configuration, and close it at the end of the block.

    Accounts with a snapshot are restored from it; the others are set up as by ``connections apply``.

    Args:
        configuration: the configuration.
        folder: an empty directory for the temporary ledger.
        now: start of the virtual time.
        seed: of all random choices.
    """
    clock, faults = VirtualClock(now), FaultPlan(seed=seed)
    outbox = Outbox(clock, lambda connection: faults.draw(connection) is not None)
    points = {point.name: point for point in installed_entry_points()}
    settings = _twin_settings(configuration.settings, folder, now)
    vendors: dict[str, SimulatedVendor] = {}
    missing: dict[str, str] = {}
    connections: dict[str, ConnectionSettings] = {}
    stand_ins: dict[str, object] = {}
    for name, configured in configuration.connections.items():
        info = configuration.plugins.infos[configured.plugin]
        vendor, problem = _load_vendor(points.get(info.name), clock) if info.base_url is not None else (None, None)
        if vendor is not None:
            table = vendor.connection_settings(configured.model_dump(exclude_unset=True), _address(name))
            connections[name], vendors[name] = info.settings.model_validate(table), vendor
            if name in configuration.snapshots:
                vendor.restore(configuration.snapshots[name])
            continue
        connections[name] = configured
        if DELIVERY_HOOKS.intersection(configuration.plugins.hooks_of(info.name)) or info.events:
            stand_ins[info.name] = StandIn(info, outbox)
            connections[name] = configured.model_copy(update={"events": "none"})
        if info.base_url is not None or info.events:
            missing[name] = problem or f"plugin {info.name!r} has no simulated vendor"
    application = build_application(
        settings,
        configuration.plugins.with_stand_ins(stand_ins),
        connections,
        _create_ledger(settings),
        clock=clock,
        sleep=clock.sleep,
        rng=random.Random(f"twin:{seed}"),  # noqa: S311  # repeatable
        transports={name: _transport(vendors.get(name), faults, name) for name in connections},
    )
    try:
        for name in vendors:
            if name not in configuration.snapshots:
                apply_setup(application.ctx, name, plan_setup(application.ctx, name))
        yield Twin(application, clock, vendors, outbox, faults, missing)
    finally:
        application.close()


def _create_ledger(settings: Settings) -> Ledger:
    """Return a new ledger that does not wait for the disk: it lives as long as the proof."""
    create_database(settings)
    ledger = open_ledger(settings)
    listen(ledger.engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF").close())
    return ledger


def _twin_settings(settings: Settings, folder: Path, now: datetime) -> Settings:
    """Return the settings in live mode, with a temporary ledger, without the limits that a few people cannot reach."""
    core = settings.core.model_copy(
        update={
            "mode": "live",
            "database_url": SecretStr(f"sqlite:///{(folder / 'twin.db').as_posix()}"),
            "state_dir": None,
            "recipient_allow_list": (),
        }
    )
    changed: dict[str, Any] = {
        "core": core,
        "limits": settings.limits.model_copy(update={"surveys_per_day": UNLIMITED, "unusual": UNLIMITED}),
        "triggers": tuple(_twin_trigger(trigger, now) for trigger in settings.triggers),
    }
    return Settings.model_construct(**{name: getattr(settings, name) for name in Settings.model_fields} | changed)


def _twin_trigger(trigger: Trigger, now: datetime) -> Trigger:
    """Return the trigger for everybody instead of a sample, and active already if its first day is still to come."""
    starts_later = trigger.active_from is not None and trigger.active_from > now.date()
    return trigger.model_copy(update={"sample": 100.0, "active_from": None if starts_later else trigger.active_from})


def _load_vendor(point: EntryPoint | None, clock: VirtualClock) -> tuple[SimulatedVendor | None, str | None]:
    """Return a new simulated vendor, or None with the reason, if there is one."""
    if point is None:
        return None, None
    loaded = load_vendors([point], clock)
    return loaded.vendors.get(point.name), loaded.problems.get(point.name)


def _address(connection: str) -> str:
    return f"https://{connection}.example.com"


def _transport(vendor: SimulatedVendor | None, faults: FaultPlan, name: str) -> httpx.BaseTransport:
    if vendor is None:
        return httpx.MockTransport(_refuse)
    return FaultyTransport(VendorTransport(vendor), faults, name)


def _refuse(request: httpx.Request) -> httpx.Response:
    """A proof reaches no network.

    Raises:
        httpx.ConnectError: always.
    """
    raise httpx.ConnectError("no network in a proof", request=request)
