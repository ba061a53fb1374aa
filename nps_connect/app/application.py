"""`Application`: settings, plugins, ledger and connections, joined and ready for work."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from nps_connect.app.actions import ACTIONS
from nps_connect.app.validation import load_checked
from nps_connect.app.vendor_fields import build_filter_uses, compile_filters, contact_field_uses
from nps_connect.connection import Clock, Connection, ConnectionSettings, Sleep, SteadyClock, system_clock
from nps_connect.errors import ConfigError, ConfigErrors, NpsConnectError
from nps_connect.http import VendorClient
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.quotas import LedgerRateLimiter
from nps_connect.ledger.schema import require_current_schema
from nps_connect.ledger.state_dir import open_state_dir
from nps_connect.ledger.suppression_journal import SuppressionJournal
from nps_connect.ledger.tokens import LedgerTokenStore, derive_keys
from nps_connect.plugins import Plugins
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.redaction import Redactor, iter_secrets
from nps_connect.rules.dimensions import build_dimension_rules
from nps_connect.rules.webhook_subscribers import WebhookSubscribers, join_subscriptions
from nps_connect.services.context import Context
from nps_connect.services.links import Links
from nps_connect.services.operations.database_identity import create_ledger
from nps_connect.settings.load_settings import load_settings
from nps_connect.settings.model import Settings
from nps_connect.worker.engine import Engine
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import build_queues, load_due_times

DEFAULT_CONCURRENCY = 4
"""Threads per connection in one process, unless configured."""

RESTART_KEYS = ("database_url", "state_dir", "listen")
"""Keys of ``[core]`` that a running process cannot change."""

Transports = Mapping[str, httpx.BaseTransport]


@dataclass(frozen=True)
class Application:
    """The joined application. Close it after use.

    Attributes:
        ctx: the parts that services use.
    """

    ctx: Context

    def create_engine(self) -> Engine:
        """Create an engine for this configuration, not started, and the rows of its periodic jobs."""
        for spec in self.ctx.actions.values():
            _ = spec.handler  # imported now: the first delivery does not wait for it
        jobs = build_jobs(self.ctx)
        sync_job_rows(self.ctx, jobs)
        names = self.ctx.connections
        settings = self.ctx.settings
        concurrency = {name: settings.delivery.concurrency.get(name, DEFAULT_CONCURRENCY) for name in names}
        queues = build_queues(self.ctx, jobs)
        engine = Engine(self.ctx, queues, settings.core.workers, concurrency, partial(load_due_times, self.ctx))
        self.ctx.wake.forward_to = engine.wake
        return engine

    def close(self) -> None:
        """Close network and database connections."""
        self.close_clients()
        self.ctx.ledger.close()

    def close_clients(self) -> None:
        """Close network connections to vendors; the database stays open for the application that replaces this one."""
        for connection in self.ctx.connections.values():
            if connection.client is not None:
                connection.client.close()


def open_application(
    config: Path | None,
    environ: Mapping[str, str],
    require_database: Callable[[Ledger], None] = require_current_schema,
) -> Application:
    """Load and validate a configuration, and join its parts.

    Args:
        config: the configuration file.
        environ: the environment variables.
        require_database: raises ConfigError if the database cannot be used.

    Raises:
        ConfigError: the configuration has a mistake, or the database cannot be used.
    """
    settings, plugins, connection_settings = load_checked(
        partial(load_settings, config, environ), partial(Plugins.load, environ=environ)
    )
    try:
        ledger = open_ledger(settings)
        require_database(ledger)
    except ConfigError as error:
        raise settings.origins.locate(error) from None
    return build_application(settings, plugins, connection_settings, ledger, clock=SteadyClock())


def reload_application(running: Application, config: Path | None, environ: Mapping[str, str]) -> Application:
    """Load and validate the configuration anew, and join its parts with the open database of a running application.

    Args:
        running: continues to work and is not changed.
        config: the configuration file.
        environ: the environment variables.

    Raises:
        ConfigErrors: the configuration has mistakes, or differs in one of `RESTART_KEYS`.
        NpsConnectError: suppressions wait for the journal, which would be lost.
    """
    settings, plugins, connection_settings = load_checked(
        partial(load_settings, config, environ), partial(Plugins.load, environ=environ)
    )
    core, former = settings.core, running.ctx.settings.core
    changed = [key for key in RESTART_KEYS if getattr(core, key) != getattr(former, key)]
    if changed:
        fix = "restart the process, or take the change back"
        errors = [ConfigError("cannot change while the process runs", key=f"core.{key}", fix=fix) for key in changed]
        raise ConfigErrors([settings.origins.locate(error) for error in errors])
    if running.ctx.journal.problem is not None:
        raise NpsConnectError(running.ctx.journal.problem)
    ctx = running.ctx
    return build_application(settings, plugins, connection_settings, ctx.ledger, clock=ctx.clock)


def open_ledger(settings: Settings) -> Ledger:
    """Open the configured ledger, without checking its schema.

    Raises:
        ConfigError: the database address is invalid or not supported.
    """
    return Ledger(settings.core.database_url.get_secret_value())


def create_database(settings: Settings) -> bool:
    """Create the configured database; returns False, without any change, if it exists already.

    Raises:
        ConfigError: the database address is invalid, the database cannot be reached, or the state directory belongs to
            another one.
    """
    ledger = Ledger(settings.core.database_url.get_secret_value(), create=True)
    try:
        return create_ledger(ledger, open_state_dir(settings))
    finally:
        ledger.close()


def build_application(
    settings: Settings,
    plugins: Plugins,
    connection_settings: Mapping[str, ConnectionSettings],
    ledger: Ledger,
    *,
    clock: Clock = system_clock,
    sleep: Sleep = time.sleep,
    rng: random.Random | None = None,
    transports: Transports | None = None,
) -> Application:
    """Join parts that are open already.

    Args:
        settings: of the product.
        plugins: the loaded plugins.
        connection_settings: the settings of each connection, as returned by `validate`.
        ledger: the open ledger.
        clock: returns the current time.
        sleep: waits for a number of seconds.
        rng: source of random numbers; None means the system's.
        transports: replace the network, by connection name.
    """
    rng = rng or random.SystemRandom()
    keys = [key.get_secret_value() for key in settings.core.signing_keys]
    filters = compile_filters(settings, plugins, connection_settings)
    uses = build_filter_uses(settings, plugins, connection_settings, filters)
    rate_limiter = LedgerRateLimiter(ledger, clock)
    connections = {
        name: _with_client(
            Connection(
                name=name,
                settings=own_settings,
                clock=clock,
                sleep=sleep,
                random=rng,
                public_url=settings.core.url,
                tokens=LedgerTokenStore(ledger, name, keys, clock=clock, sleep=sleep, random=rng),
                company=settings.core.company,
                default_language=settings.core.language,
                filters=uses.get(name, ()),
                contact_fields=contact_field_uses(settings),
                disabled_actions=frozenset() if settings.cases.write_outcome else frozenset({"write_case_outcome"}),
            ),
            plugins.infos[own_settings.plugin],
            rate_limiter,
            (transports or {}).get(name),
        )
        for name, own_settings in connection_settings.items()
    }
    state_dir = open_state_dir(settings)
    secrets = [secret for source in (settings, *connection_settings.values()) for secret in iter_secrets(source)]
    ctx = Context(
        ledger=ledger,
        settings=settings,
        plugins=plugins,
        connections=connections,
        actions=ACTIONS,
        filters=filters,
        links=Links(settings.core.url, keys),
        redact=Redactor(secrets),
        clock=clock,
        journal=SuppressionJournal(state_dir.journal_file if state_dir else None, keys),
        erasure_keys=derive_keys(keys, "erasures"),
        webhook_subscribers=find_webhook_subscribers(plugins, connection_settings),
        dimensions=build_dimension_rules(settings),
        state_dir=state_dir,
        random=rng,
    )
    return Application(ctx)


def find_webhook_subscribers(
    plugins: Plugins, connection_settings: Mapping[str, ConnectionSettings]
) -> WebhookSubscribers:
    """Return who receives which webhooks, as the plugins of the connections say."""
    subscriptions = {}
    for name, own_settings in connection_settings.items():
        declared = plugins.infos[own_settings.plugin].webhook_subscription
        subscription = declared(own_settings) if declared is not None else None
        if subscription is not None:
            subscriptions[name] = subscription
    return join_subscriptions(subscriptions)


def _with_client(
    connection: Connection,
    info: ConnectorInfo,
    rate_limiter: LedgerRateLimiter,
    transport: httpx.BaseTransport | None,
) -> Connection:
    """Return the connection with a vendor client, if its plugin uses HTTP."""
    if info.base_url is None or info.base_url(connection.settings) is None:
        return connection
    timeout = info.timeout(connection.settings) if info.timeout is not None else None
    timeouts: dict[str, Any] = {} if timeout is None else {"read_timeout": timeout, "total_deadline": timeout}
    client = VendorClient(connection, info, transport=transport, rate_limiter=rate_limiter, **timeouts)
    return replace(connection, client=client)
