"""Completion of names and ids in a shell: fast, without plugins, and silent where something cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from nps_connect.cli._support.options import Options

MAX_IDS = 50
"""The newest ids that are offered."""

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_connection(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the connections of the configuration file."""
    return _offer(_read_table(context).get("connections", {}), incomplete)


def complete_survey(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the surveys of the configuration file."""
    return _offer(_read_table(context).get("surveys", {}), incomplete)


def complete_trigger(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of the triggers of the configuration file."""
    labels = []
    for trigger in _read_table(context).get("triggers", []):
        with suppress(KeyError, TypeError):
            labels.append(trigger.get("name") or f"{trigger['from']}:{trigger['on']}:{trigger['survey']}")
    return _offer(labels, incomplete)


def complete_scope(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what can be paused: all customer mail, the connections, and the mail of each survey."""
    table = _read_table(context)
    surveys = [f"survey:{name}" for name in table.get("surveys", {})]
    return _offer(["mail", *table.get("connections", {}), *surveys], incomplete)


def complete_action(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the actions."""
    from typing import get_args

    from nps_connect.records.actions import Action

    return _offer(get_args(Action), incomplete)


def complete_id(table: str, column: str = "id") -> Completion:
    """Return a completion that offers the newest ids of a table.

    Args:
        table: module and model in `nps_connect.ledger`, such as ``tables.DeliveryRow``.
        column: that the ids are in.
    """

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(Exception):  # no database, no permission, no configuration: nothing is offered
            return _offer(_newest_ids(_options(context), table, column), incomplete)
        return []

    return complete


def complete_contact(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest contacts as ``connection:id``."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import ContactRow

    query = select(col(ContactRow.connection), col(ContactRow.vendor_id)).order_by(col(ContactRow.id).desc())
    with suppress(Exception), _options(context).open_ledger() as (ledger, _), ledger.read() as session:
        rows = session.execute(query.limit(MAX_IDS)).all()
        return _offer([f"{connection}:{vendor_id}" for connection, vendor_id in rows], incomplete)
    return []


def _newest_ids(options: Options, table: str, column: str) -> list[str]:
    from importlib import import_module

    from sqlalchemy import select

    module, _, model = table.partition(".")
    columns = getattr(import_module(f"nps_connect.ledger.{module}"), model).__table__.c
    query = select(columns[column]).order_by(columns.id.desc()).limit(MAX_IDS)
    with options.open_ledger() as (ledger, _), ledger.read() as session:
        return [str(value) for value in session.execute(query).scalars()]


def _read_table(context: click.Context) -> dict[str, Any]:
    """Return the configuration file as it is, not validated; empty if it cannot be read."""
    from nps_connect.settings.config_files import read_toml

    with suppress(Exception):
        return read_toml(_options(context).path)[0]
    return {}


def _options(context: click.Context) -> Options:
    return context.find_object(Options) or Options(context.find_root().params.get("config"))


def _offer(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
