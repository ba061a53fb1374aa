"""The questions of ``init``: what is connected, the company, and each connection's credentials, tried at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.config_template import EXAMPLE_CORE, ConfigTemplate, company_values, require_roles
from nps_connect.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from nps_connect.records.connectors import ConnectorInfo
    from nps_connect.records.findings import Finding

CORE_QUESTIONS = {
    "company": "Company, as customers know it",
    "public_url": "Public address of this installation, for links and webhooks",
    "languages": "Languages of your customers, the default first",
    "timezone": "Time zone of the company",
    "fallback_email": "Mail address of the people who call unhappy customers back",
    "privacy_notice_url": "Address of your privacy notice",
}

HINTS = {"languages": "write tags such as fr or en-GB", "public_url": "write it with https://"}

SETUP_FINDINGS = ("property-missing", "setup-missing")
"""What is missing in a new account: it is offered after the questions (`setup_offers`)."""

TryConnection = Callable[[ConfigTemplate, Mapping[str, str], str], "Sequence[Finding]"]
"""Checks one connection of a configuration with these secrets; raises ConfigError if the configuration is invalid."""


@dataclass
class SetupAnswers:
    """What the operator has answered.

    Attributes:
        core: values of ``[core]`` by key.
        connections: values of the connections' tables, by plugin and key.
        secrets: secrets by the name of their variable; those that were skipped are missing.
        working: connections whose check found no error.
    """

    core: dict[str, str | Sequence[str]] = field(default_factory=dict)
    connections: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    working: list[str] = field(default_factory=list)


def validate_core_value(key: str, value: str | Sequence[str]) -> str | Sequence[str]:
    """Return a value of ``[core]`` if it is valid.

    Raises:
        click.BadParameter: it is not; says what is expected.
    """
    from nps_connect.rendering.catalogs import available_languages, translation_problem
    from nps_connect.settings.model import MIN_SIGNING_KEY_LENGTH, Core
    from nps_connect.settings.origins import Origins, ReferencedText
    from nps_connect.settings.parse_table import parse_table

    signing_key = ReferencedText("x" * MIN_SIGNING_KEY_LENGTH, "this process")
    table = {**{name: _as_list(example) for name, example in EXAMPLE_CORE.items()}, "signing_keys": [signing_key]}
    try:
        parse_table(Core, {**table, key: _as_list(value)}, Origins())
    except ConfigErrors as errors:
        mistake = errors.errors[0]
        raise click.BadParameter(f"{key} {mistake.problem}{f'; {hint}' if (hint := HINTS.get(key)) else ''}") from None
    for language in value if key == "languages" else ():
        if problem := translation_problem(language, available_languages()):
            raise click.BadParameter(f"{problem}; allowed: {', '.join(available_languages())}")
    return value


def _as_list(value: str | Sequence[str]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def ask_plugins(infos: Mapping[str, ConnectorInfo]) -> list[str]:
    """Ask which plugins to connect; returns their names."""
    click.echo("Installed plugins:")
    for name, info in infos.items():
        click.echo(f"  {name:<16}{info.title}")

    def parse(text: str) -> list[str]:
        names = text.replace(",", " ").split()
        unknown = [name for name in names if name not in infos]
        if unknown or not names:
            raise click.BadParameter(f"{', '.join(unknown) or 'nothing'}: choose from {', '.join(infos)}")
        try:
            require_roles([infos[name] for name in names])
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        return list(dict.fromkeys(names))

    names: list[str] = click.prompt("Which of them", default=" ".join(infos), value_proc=parse)
    return names


def ask_core(answers: SetupAnswers) -> None:
    """Ask for the values of ``[core]`` that were not given as options."""
    for key, question in CORE_QUESTIONS.items():
        if key not in answers.core:
            answers.core[key] = _ask_core_value(key, question)


def _ask_core_value(key: str, question: str) -> str | Sequence[str]:
    example = EXAMPLE_CORE[key]

    def parse(text: str) -> str | Sequence[str]:
        return validate_core_value(key, text if isinstance(example, str) else text.replace(",", " ").split())

    default = example if isinstance(example, str) else " ".join(example)
    value: str | Sequence[str] = click.prompt(question, default=default, value_proc=parse)
    return value


def ask_connections(
    answers: SetupAnswers,
    infos: Mapping[str, ConnectorInfo],
    build: Callable[[], ConfigTemplate],
    existing: Collection[str],
    try_connection: TryConnection,
) -> None:
    """Ask for the values and secrets of each connection, and try each one at once.

    Args:
        answers: receives the values.
        infos: the chosen plugins.
        build: returns the configuration with the answers so far.
        existing: variables that are set already, so that nobody is asked for them.
        try_connection: checks one connection.
    """
    for name, plugin in build().connections.items():
        info = infos[plugin]
        click.echo(f"\n{info.title} (connection {name})")
        while True:
            _ask_connection(answers, info, existing)
            skipped = [key for key in info.example.environment if key not in answers.secrets and key not in existing]
            if skipped:
                click.echo(f"  not tried: {', '.join(skipped)} is missing")
                break
            try:
                findings = try_connection(build(), answers.secrets, name)
            except ConfigError as error:
                if not _print_mistakes(error, name):
                    break
            else:
                if _print_check(findings):
                    answers.working.append(name)
                    break
            if not click.confirm("  Enter the values again?", default=True):
                break


def _ask_connection(answers: SetupAnswers, info: ConnectorInfo, existing: Collection[str]) -> None:
    values = answers.connections.setdefault(info.name, {})
    defaults = {**company_values(info.example, answers.core), **values}
    for question in info.example.questions:
        key = question.key
        values[key] = click.prompt(
            f"  {question.text}",
            default=defaults[key],
            value_proc=partial(_validate_connection_value, info, key),
        )
    for variable in info.example.environment:
        if variable in existing:
            click.echo(f"  {variable}: set already")
            continue
        on_enter = "keep" if variable in answers.secrets else "skip"
        secret = click.prompt(
            f"  {variable} (not shown; Enter to {on_enter})", default="", hide_input=True, show_default=False
        )
        if secret:
            answers.secrets[variable] = secret


def _validate_connection_value(info: ConnectorInfo, key: str, value: str) -> str:
    """Return a value of a connection's table if the plugin's settings accept it.

    Raises:
        click.BadParameter: they do not; says what is expected.
    """
    import tomllib

    from nps_connect.settings.origins import Origins
    from nps_connect.settings.parse_table import parse_table
    from nps_connect.settings.references import ReferenceResolver

    example = info.example
    table = tomllib.loads(example.table)["connections"][example.connection]
    resolved = ReferenceResolver(Origins(), folder=Path(), environ=example.environment).resolve({**table, key: value})
    try:
        parse_table(info.settings, resolved, Origins())
    except ConfigErrors as errors:
        for mistake in errors.errors:
            if mistake.key == key:
                raise click.BadParameter(mistake.sentence()) from None
    return value


def _print_check(findings: Sequence[Finding]) -> bool:
    """Print what a check found, and return whether there is no error."""
    from nps_connect.cli._support.findings_output import print_findings

    shown = [finding for finding in findings if finding.id not in SETUP_FINDINGS]
    print_findings(shown)
    return all(finding.severity != "error" for finding in shown)


def _print_mistakes(error: ConfigError, connection: str) -> bool:
    """Print why the configuration is invalid, and return whether other values of this connection may correct it."""
    mistakes = error.errors if isinstance(error, ConfigErrors) else [error]
    prefix = f"connections.{connection}."
    ours = [mistake for mistake in mistakes if f"{mistake.key}.".startswith(prefix)]
    for mistake in ours:
        click.echo(f"  {mistake.sentence()}")
    if not ours:
        click.echo(f"  not tried: {mistakes[0].sentence()}")
    return bool(ours)
