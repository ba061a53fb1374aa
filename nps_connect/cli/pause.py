"""``nps-connect pause``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.completion import complete_scope, complete_survey
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.pause_scopes import count_waiting, describe_scope, parse_scope, select_scope
from nps_connect.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from pathlib import Path

    from nps_connect.ledger.state_dir import StateDir

DATABASE_TIMEOUT_SECONDS = 1.0
"""How long the database may take to store a pause; then a file stops this host."""

LOCK_TIMEOUT_SECONDS = 0.8
"""Within that: how long to wait for a locked database."""


@command
@click.argument("scope", required=False, shell_complete=complete_scope)
@click.option("--survey", metavar="NAME", shell_complete=complete_survey, help="Pause only the mail of this survey.")
@click.option("--reason", default="paused by the operator", show_default=True, help="Reason shown in status and logs.")
def pause(options: Options, scope: str | None, survey: str | None, reason: str, as_json: bool) -> None:
    """Pause all customer mail, a connection, a survey or a queue. Takes effect immediately.

    SCOPE is mail (default), the name of a connection, survey:SURVEY or queue:CONNECTION/ACTION. Due deliveries wait;
    tickets, alerts and scores continue unless their connection is paused. If the database refuses, a file in the state
    directory pauses all customer mail of this host; so it does if the configuration is invalid.
    """
    from nps_connect.ledger.pauses import RESTORE_SCOPES
    from nps_connect.ledger.state_dir import open_state_dir

    try:
        settings = options.load_settings(needs_secrets=False)
    except ConfigErrors as errors:
        _pause_without_configuration(options, select_scope(scope, survey), errors, as_json=as_json)
        return
    paused_scope, state_dir = parse_scope(select_scope(scope, survey), settings), open_state_dir(settings)
    if paused_scope in RESTORE_SCOPES:
        raise click.UsageError(f"{paused_scope!r} can only be resumed")
    waiting, marker_file, problem = None, None, None
    try:
        changed = _pause_in_database(options, state_dir, paused_scope, reason)
    except ConfigError as refusal:
        changed = _set_marker(state_dir, paused_scope, refusal)
        marker_file, problem = state_dir.pause_marker_file if state_dir else None, refusal.problem
    else:
        with options.open_ledger() as (ledger, _):
            waiting, _ = count_waiting(ledger, paused_scope)
    if as_json:
        _print_result(paused_scope, changed=changed, waiting=waiting, marker_file=marker_file, problem=problem)
    elif marker_file is not None:
        _print_marker(marker_file, problem or "", settings.core.database_url.get_secret_value())
    else:
        state = "is now paused" if changed else "was already paused"
        deliveries = pluralize(waiting or 0, "delivery", "deliveries")
        click.echo(f"{describe_scope(paused_scope)} {state}; waiting: {deliveries}.")
        click.echo(f"To resume: nps-connect resume {paused_scope}")


def _pause_in_database(options: Options, state_dir: StateDir | None, scope: str, reason: str) -> bool:
    """Pause a scope in the database, and delete the pause marker of this host, which it replaces.

    Raises:
        ConfigError: the database refuses, or does not answer in time.
        NpsConnectError: the scope is paused, but the state directory cannot be written.
    """
    from nps_connect.cli._support.actor import current_actor
    from nps_connect.cli._support.deadline import ask_database
    from nps_connect.connection import system_clock
    from nps_connect.ledger.pauses import MAIL_SCOPE
    from nps_connect.services.operations.operator_pauses import set_paused

    def store_pause() -> bool:
        with options.open_ledger(writes=True, timeout_seconds=LOCK_TIMEOUT_SECONDS) as (ledger, _):
            return set_paused(ledger, state_dir, scope, reason, current_actor(), system_clock())

    url = options.load_settings(needs_secrets=False).core.database_url.get_secret_value()
    changed = ask_database(url, DATABASE_TIMEOUT_SECONDS, store_pause)
    if state_dir is not None and scope == MAIL_SCOPE:
        state_dir.delete_pause_marker()
    return changed


def _pause_without_configuration(options: Options, scope: str, errors: ConfigErrors, *, as_json: bool) -> None:
    """Pause all customer mail of this host by a file: its processes go on with the configuration that they have.

    Raises:
        ConfigError: nothing was paused, because another scope is to be paused or no state directory is known.
        NpsConnectError: the state directory cannot be written.
    """
    from nps_connect.ledger.pauses import MAIL_SCOPE
    from nps_connect.ledger.state_dir import StateDir
    from nps_connect.settings.load_settings import load_database_keys

    problem = f"the configuration is invalid ({errors.errors[0].sentence().splitlines()[0]})"
    keys = load_database_keys(options.path, os.environ) if scope == MAIL_SCOPE else None
    if keys is None or keys.state_dir is None or not keys.state_dir.is_dir():
        fix = "correct it (nps-connect config check), or stop the processes of this host (SIGTERM)"
        if scope != MAIL_SCOPE:
            fix = "until it is corrected only all customer mail of a host can be paused: nps-connect pause"
        raise ConfigError(f"nothing was paused: {problem}", fix=fix) from None
    state_dir = StateDir(keys.state_dir)
    had_marker = state_dir.read_pause_marker() is not None
    state_dir.set_pause_marker()
    if as_json:
        marker_file = state_dir.pause_marker_file
        _print_result(scope, changed=not had_marker, waiting=None, marker_file=marker_file, problem=problem)
    else:
        _print_marker(state_dir.pause_marker_file, problem, keys.database_url.get_secret_value())


def _set_marker(state_dir: StateDir | None, scope: str, refusal: ConfigError) -> bool:
    """Pause all customer mail of this host by a file; returns False if that file existed already.

    Raises:
        ConfigError: another scope is to be paused, or there is no state directory; names what helps.
        NpsConnectError: the state directory cannot be written.
    """
    from nps_connect.ledger.pauses import MAIL_SCOPE

    if state_dir is None:
        fix = "core.state_dir is not set, so that no file can pause this host: stop its workers (SIGTERM)"
        raise ConfigError(refusal.problem, key=refusal.key, fix=fix) from None
    if scope != MAIL_SCOPE:
        fix = "without the database only all customer mail of a host can be paused: nps-connect pause"
        raise ConfigError(refusal.problem, key=refusal.key, fix=fix) from None
    had_marker = state_dir.read_pause_marker() is not None
    state_dir.set_pause_marker()
    return not had_marker


def _print_result(
    scope: str, *, changed: bool, waiting: int | None, marker_file: Path | None, problem: str | None
) -> None:
    result = {"scope": scope, "paused": True, "changed": changed, "waiting": waiting}
    print_json({**result, "marker": marker_file, "problem": problem})


def _print_marker(marker_file: Path, problem: str, database_url: str) -> None:
    click.echo(f"All customer mail of this host is paused by a file, because {problem}.")
    click.echo(f"The file: {marker_file}")
    click.echo("The first worker of this host that can write to the database turns it into a pause.")
    if not database_url.startswith("sqlite"):
        click.echo("Workers on other hosts continue: run this command there, too.")
    click.echo("To resume: nps-connect resume mail")
