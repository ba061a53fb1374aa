"""``nps-connect connections learn``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.proof.mapping_trial import MappingTrial
    from nps_connect.records.connectors import MappingProposal

MAX_SAMPLE_BYTES = 1_000_000


@command
@click.argument("name", shell_complete=complete_connection)
@click.argument("samples", nargs=-1, required=True, type=click.Path(path_type=Path))
def learn(options: Options, name: str, samples: tuple[Path, ...], as_json: bool) -> None:
    """Propose mappings for example payloads of the source NAME, as TOML on standard output.

    SAMPLES are files with one payload each. The proposal is a guess from names and forms of values: review it before
    you copy it into the configuration, whose signature it uses. It is tried at once, against a temporary database: the
    payloads are sent, sent again, in another order and with a forged signature. Remarks name what is only likely, such
    as a time zone. Exit code 1 if a payload has no proposal, is not read or becomes the event of another one, if its
    kind or moment is not found, or if the trial fails. Triggers and routes of the configuration are not needed.
    """
    from nps_connect.connection import system_clock
    from nps_connect.proof.mapping_trial import try_mapping

    config = options.load_connections()
    connection = config.connections[require_connection(name, config.connections)]
    learner = config.plugins.infos[connection.plugin].learner
    if learner is None:
        raise CommandError(f"plugin {connection.plugin} of connection {name} needs no mappings")
    bodies = {_sample_name(path, options.path.parent): _read(path) for path in samples}
    try:
        contents = {file: json.loads(body) for file, body in bodies.items()}
        proposal = learner.propose(name, connection, contents, str(config.settings.core.timezone))
    except ValueError as error:
        raise CommandError(str(error)) from None
    learned = {file: body for file, body in bodies.items() if file not in proposal.unread}
    trial = None
    if learned:
        arguments = (config.settings, config.plugins, name, proposal.settings, learned, learner.sign, system_clock())
        trial = try_mapping(*arguments)
    if as_json:
        print_json({"toml": proposal.toml, **_report(proposal), "trial": _trial_json(trial)})
    else:
        click.echo(proposal.toml, nl=False)
        _print_trial(trial, proposal)
    if proposal.unread or proposal.problems or trial is None or not trial.is_sound:
        raise click.exceptions.Exit(1)


def _sample_name(path: Path, folder: Path) -> str:
    """Return a path as the configuration names it: relative to its folder, or absolute outside of it."""
    absolute, base = path.absolute(), folder.absolute()
    return absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else str(absolute)


def _read(path: Path) -> bytes:
    """Return the content of a file that holds JSON.

    Raises:
        CommandError: it cannot be read, is too large or no JSON object or list.
    """
    try:
        with path.open("rb") as stream:
            body = stream.read(MAX_SAMPLE_BYTES + 1)
        content = json.loads(body) if len(body) <= MAX_SAMPLE_BYTES else None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CommandError(f"{path} is not a JSON file") from None
    if not isinstance(content, dict | list):
        raise CommandError(f"{path} is larger than 1 MB, or neither a JSON object nor a list")
    return body


def _trial_json(trial: MappingTrial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    events = [{**asdict(event), "occurred_at": event.occurred_at.isoformat()} for event in trial.events]
    lists = {"unread": list(trial.unread), "lost": list(trial.lost)}
    counts = {"resent": trial.resent, "reordered": trial.reordered, "accepted_forgeries": trial.accepted_forgeries}
    return {"ok": trial.is_sound, "events": events, **lists, **counts}


def _report(proposal: MappingProposal) -> dict[str, list[str]]:
    lists = {"unread": proposal.unread, "problems": proposal.problems, "remarks": proposal.remarks}
    return {name: list(texts) for name, texts in lists.items()}


def _print_trial(trial: MappingTrial | None, proposal: MappingProposal) -> None:
    """Print what was tried to standard error, so that the TOML can be redirected."""
    for file in proposal.unread:
        click.echo(f"no proposal for {file}", err=True)
    for text in proposal.remarks:
        click.echo(f"remark: {text}", err=True)
    for text in proposal.problems:
        click.echo(f"problem: {text}", err=True)
    if trial is None:
        return
    for event in trial.events:
        people = pluralize(event.people, "person", "people")
        click.echo(f"event: {event.kind} {event.object_id}, {event.occurred_at.isoformat()}, {people}", err=True)
    for file in trial.unread:
        click.echo(f"problem: {file}: no mapping reads it", err=True)
    for file in trial.lost:
        click.echo(f"problem: {file}: its event is the same as that of a sample before it", err=True)
    outcome = f"{trial.resent} added by a resend, {trial.reordered} by another order"
    forged = pluralize(trial.accepted_forgeries, "forged webhook", "forged webhooks")
    click.echo(f"tried: {len(trial.events)} events, {outcome}; {forged} accepted", err=True)
