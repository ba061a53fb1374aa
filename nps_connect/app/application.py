"""`Application`: the joined parts, open for work."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from nps_connect.app.validation import validate
from nps_connect.connection import Clock, Connection, ConnectionSettings, Sleep, system_clock
from nps_connect.http import VendorClient
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.quotas import LedgerRateLimiter
from nps_connect.ledger.schema import require_current_schema
from nps_connect.ledger.tokens import LedgerTokenStore
from nps_connect.plugins import Plugins
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.filters import FilterUse
from nps_connect.redaction import Redactor, iter_secrets
from nps_connect.rules.filters import Filter, compile_filter
from nps_connect.services.context import Context
from nps_connect.services.links import Links
from nps_connect.settings.load_settings import config_path, load_settings
from nps_connect.settings.model import Settings
from nps_connect.worker.engine import Engine
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import build_queues

DEFAULT_CONCURRENCY = 4
"""Threads of a process that work for one connection at once, if the settings do not say."""

Transports = Mapping[str, httpx.BaseTransport]


class _WakeRelay:
    """Passes wake-ups on to the engine, once there is one."""

    def __init__(self) -> None:
        self.forward_to: Callable[[str], object] = lambda _queue_name: None

    def __call__(self, queue_name: str) -> None:
        self.forward_to(queue_name)


@dataclass(frozen=True)
class Application:
    """Everything joined. Close it when done.

    Attributes:
        ctx: what the flows are given.
        bell: where the engine hears of new work.
    """

    ctx: Context
    bell: _WakeRelay

    def engine(self) -> Engine:
        """An engine for this configuration, not started yet; its periodic jobs are planned."""
        jobs = build_jobs(self.ctx)
        sync_job_rows(self.ctx, jobs)
        names = self.ctx.connections
        settings = self.ctx.settings
        concurrency = {name: settings.delivery.concurrency.get(name, DEFAULT_CONCURRENCY) for name in names}
        engine = Engine(self.ctx, build_queues(self.ctx, jobs), settings.core.workers, concurrency)
        self.bell.forward_to = engine.wake
        return engine

    def close(self) -> None:
        """Close network and database connections."""
        for connection in self.ctx.connections.values():
            if connection.client is not None:
                connection.client.close()
        self.ctx.ledger.close()


def open_application(config: Path | None, environ: Mapping[str, str]) -> Application:
    """Load, validate and join everything that the configuration names.

    Raises:
        ConfigError: a mistake in the configuration, or a database that cannot be used.
    """
    settings = load_settings(config, environ)
    plugins = Plugins.load(environ=environ)
    parsed = validate(settings, plugins, where=config_path(config, environ).name)
    ledger = open_ledger(settings)
    require_current_schema(ledger)
    return build_application(settings, plugins, parsed, ledger)


def open_ledger(settings: Settings) -> Ledger:
    """The ledger that the settings name; its schema is not looked at.

    Raises:
        ConfigError: not a database address that we know.
    """
    return Ledger(settings.core.database_url.get_secret_value())


def build_application(
    settings: Settings,
    plugins: Plugins,
    parsed: Mapping[str, ConnectionSettings],
    ledger: Ledger,
    *,
    clock: Clock = system_clock,
    sleep: Sleep | None = None,
    chance: random.Random | None = None,
    transports: Transports | None = None,
) -> Application:
    """Join parts that are open already.

    Args:
        settings: the file.
        plugins: the loaded plugins.
        parsed: each connection's own settings, as `validate` gives them.
        ledger: the open ledger.
        clock: the present moment.
        sleep: waiting; none = real waiting.
        chance: source of chance; none = the system's.
        transports: in place of the network, by connection name.
    """
    chance = chance or random.SystemRandom()
    bell = _WakeRelay()
    gate = LedgerRateLimiter(ledger, clock)
    keys = [key.get_secret_value() for key in settings.core.signing_keys]
    wait = sleep or time.sleep

    def bare(name: str, own: ConnectionSettings) -> Connection:
        return Connection(
            name=name,
            settings=own,
            clock=clock,
            sleep=wait,
            random=chance,
            public_url=settings.core.url,
            tokens=LedgerTokenStore(ledger, name, keys, clock=clock, sleep=wait, random=chance),
            company=settings.core.company,
            default_language=settings.core.language,
        )

    connections = {
        name: _build_connection(bare(name, own), plugins.infos[own.plugin], gate, (transports or {}).get(name))
        for name, own in parsed.items()
    }
    filters = compile_filters(settings, plugins, parsed)
    uses = build_filter_uses(settings, plugins, parsed, filters)
    connections = {name: replace(one, filters=uses.get(name, ())) for name, one in connections.items()}
    secrets = [*iter_secrets(settings), *(secret for own in parsed.values() for secret in iter_secrets(own))]
    ctx = Context(
        ledger=ledger,
        settings=settings,
        plugins=plugins,
        connections=connections,
        filters=filters,
        links=Links(settings.core.url, keys),
        redact=Redactor(secrets),
        clock=clock,
        random=chance,
        wake=bell,
    )
    return Application(ctx, bell)


def compile_filters(
    settings: Settings, plugins: Plugins, parsed: Mapping[str, ConnectionSettings]
) -> dict[str, Filter]:
    """Every trigger's filter, by trigger label."""
    filters = {}
    for trigger in settings.triggers:
        if trigger.where is not None:
            info = plugins.infos[parsed[trigger.source].plugin]
            kind = next(kind for kind in info.events if kind.name == trigger.on)
            filters[trigger.label] = compile_filter(trigger.where, kind.fields, open_fields=kind.open_fields)
    return filters


def build_filter_uses(
    settings: Settings, plugins: Plugins, parsed: Mapping[str, ConnectionSettings], filters: Mapping[str, Filter]
) -> dict[str, tuple[FilterUse, ...]]:
    """What filters ask of each connection beside the fields that its plugin declares."""
    uses: dict[str, tuple[FilterUse, ...]] = {}
    for trigger in settings.triggers:
        asked = filters.get(trigger.label)
        info = plugins.infos[parsed[trigger.source].plugin]
        if asked is not None:
            declared = next(kind.fields for kind in info.events if kind.name == trigger.on)
            own = {
                name: tuple(sorted(asked.compared_types.get(name, ())))
                for name in sorted(asked.names - declared.keys())
            }
            use = FilterUse(trigger=trigger.label, on=trigger.on, fields=own)
            uses[trigger.source] = (*uses.get(trigger.source, ()), use)
    return uses


def _build_connection(
    bare: Connection, info: ConnectorInfo, gate: LedgerRateLimiter, transport: httpx.BaseTransport | None
) -> Connection:
    """The connection with its vendor client, if its plugin talks HTTP."""
    if info.base_url is None:
        return bare
    return replace(bare, client=VendorClient(bare, info, transport=transport, gate=gate))
