"""The initial configuration, composed from the plugins' examples. Pure: reads and writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nps_connect.cli._support.expectation_drafts import draft_expectations
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.examples import ExampleConfiguration

SIGNING_KEY = "NPS_SIGNING_KEY"
SURVEY = "after-purchase"
"""The survey of the initial configuration."""

EXAMPLE_CORE: Mapping[str, str | Sequence[str]] = {
    "company": "Exemple SA",
    "public_url": "https://nps.example.com",
    "languages": ("fr", "en"),
    "timezone": "Europe/Paris",
    "fallback_email": "care@example.com",
    "privacy_notice_url": "https://www.example.com/privacy",
}
"""Values of ``[core]`` that every company has to replace."""

Answers = Mapping[str, Mapping[str, str]]
"""Answers to the questions of the examples, by plugin and key."""

CORE_TEMPLATE = """\
# Configuration of nps-connect. After each change run: nps-connect config check
#
# Every value can also be set in the environment as NPS_CONNECT_<SECTION>__<KEY>, for example
# NPS_CONNECT_CORE__MODE=live. Secrets are references: {{ env = "NAME" }} reads the environment or
# {environment_file} next to this file, {{ file = "path" }} reads a file.

[core]
# public base URL of this installation, used in mails and webhooks
public_url = {public_url}
# company name shown to customers
company = {company}
# the first is the default; customers get their own language if it is listed
languages = {languages}
# time zone for days and quiet hours
timezone = {timezone}
# relative SQLite paths start at the folder of this file; for PostgreSQL: {{ env = "DATABASE_URL" }}
database_url = "sqlite:///nps-connect.db"
# the first key signs links, all keys verify them; to rotate, prepend a new key
signing_keys = [{{ env = "{signing_key}" }}]
# receives a mail when a ticket or alert about a detractor fails
fallback_email = {fallback_email}
# linked from mails and pages
privacy_notice_url = {privacy_notice_url}
# support address shown to customers; default: fallback_email
# help_email = "help@example.com"
# printed in the mail footer, below the company name
# postal_address = "1 rue de l'Exemple, 75000 Paris"
# colour of buttons and links
# colour = "#174ea6"
# mail header image: PNG, JPEG or GIF, at most 8 KB, next to this file
# logo = "logo.png"
# for staging: send customer mail to these addresses and domains only
# recipient_allow_list = ["@example.com"]
# listen address of the web server
# listen = "127.0.0.1:8040"
# worker threads
# workers = 4
# "shadow" records decisions and sends nothing, "live" sends
mode = "shadow"

[limits]
# minimum time between two surveys to one person, across surveys, triggers and channels
cooldown = "90d"
# surveys blocked by the cooldown: "skip", or "defer" for up to defer_at_most
# when_blocked = "skip"
# defer_at_most = "14d"
# surveys above this daily cap wait for the next day
surveys_per_day = 200
# no invitations or reminders in these hours of the customer's time zone, nor on these days: what is due then waits, and
# nps-connect explain ADDRESS says until when; "off" and [] = at any time
# quiet_hours = "20:00-08:00"
# quiet_days = ["saturday", "sunday"]
# events older than this lead to no survey
max_event_age = "7d"
"""

SURVEY_TEMPLATE = """\
[surveys.{survey}]
# connection that sends the mail
channel = "{channel}"
# moment that the survey asks about; default: the survey's name
# touchpoint = "purchase"
# signature of the mail; default: the company
# signed_by = {{ fr = "Claire Dupont, relations clients", en = "Claire Dupont, customer care" }}
# lifetime of the survey link
# expires_after = "60d"
# reminders to people without a response: one or two, each this long after the previous mail
# reminder_after = "4d"
# reminders = 2
# follow-up question on the page, for one segment or "any"; choices = {{ ... }} makes it a selection
# [[surveys.{survey}.follow_ups]]
# name = "reason"
# on = "detractor"
# question = {{ fr = "Quelle en est la raison ?", en = "What is the reason?" }}
"""


@dataclass
class ConfigTemplate:
    """An initial configuration.

    Attributes:
        text: the content of the file.
        connections: plugin by connection name.
        environment: placeholder by name of each referenced variable, without the signing key.
    """

    text: str
    connections: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def build_config_template(
    infos: Iterable[ConnectorInfo],
    *,
    environment_file: str,
    core: Mapping[str, str | Sequence[str]] | None = None,
    answers: Answers | None = None,
) -> ConfigTemplate:
    """Compose an initial configuration.

    Args:
        infos: the plugins, in any order; event sources are listed first, channels next.
        environment_file: name of the file that will hold the secrets, for the comment.
        core: values of ``[core]`` that replace those of `EXAMPLE_CORE`.
        answers: values that replace those of the plugins' examples.

    Raises:
        ValueError: no plugin is a channel, or none acts on responses.
    """
    infos = list(infos)
    require_roles(infos)
    ordered = sorted(infos, key=lambda info: (not info.events, not info.channel, info.name))
    examples: dict[str, tuple[ConnectorInfo, ExampleConfiguration]] = {}
    for info in ordered:
        name = _unique_connection_name(info.example.connection, info.name, examples)
        values = {**company_values(info.example, core or {}), **(answers or {}).get(info.name, {})}
        answered = _with_answers(info.example, values)
        examples[name] = info, _with_connection_name(answered, name)
    channel = next(name for name, (info, _) in examples.items() if info.channel)
    toml = {key: _as_toml(value) for key, value in {**EXAMPLE_CORE, **(core or {})}.items()}
    parts = [CORE_TEMPLATE.format(environment_file=environment_file, signing_key=SIGNING_KEY, **toml)]
    parts += [example.table for _, example in examples.values()]
    parts.append(SURVEY_TEMPLATE.format(survey=SURVEY, channel=channel))
    parts += [example.triggers for _, example in examples.values()]
    parts += [example.routes for _, example in examples.values()]
    environment: dict[str, str] = {}
    for _, example in examples.values():
        environment |= example.environment
    text = "\n".join(f"{part.strip()}\n" for part in parts if part.strip())
    text += f"\n{draft_expectations(text, SURVEY)}"
    return ConfigTemplate(text, {name: info.name for name, (info, _) in examples.items()}, environment)


def require_roles(infos: Collection[ConnectorInfo]) -> None:
    """Check that these plugins make a valid configuration together.

    Raises:
        ValueError: none can send messages to customers, or none does anything with a response.
    """
    if not any(info.channel for info in infos):
        raise ValueError("none of the plugins can send messages to customers")
    if not any(info.example.routes for info in infos):
        raise ValueError("none of the plugins does anything with responses: add a CRM, a helpdesk or an alert service")


def company_values(example: ExampleConfiguration, core: Mapping[str, str | Sequence[str]]) -> dict[str, str]:
    """Return what the questions of an example ask for, with the operator's company in place of the invented one.

    Args:
        example: of a plugin; it is about the company of `EXAMPLE_CORE`.
        core: the operator's values of ``[core]``.
    """
    replacements = {
        old: re.sub(r'[<>"]', "", new)  # the name in front of an address must not have these
        for key, old in EXAMPLE_CORE.items()
        if isinstance(old, str) and isinstance(new := core.get(key, old), str)
    }
    return {
        question.key: re.sub(
            "|".join(map(re.escape, replacements)),
            lambda match: replacements[match[0]],
            example.example_value(question.key),
        )
        for question in example.questions
    }


def _with_answers(example: ExampleConfiguration, answers: Mapping[str, str]) -> ExampleConfiguration:
    """Return the example with the operator's values in its table."""
    spans = sorted(((*example.value_span(key), value) for key, value in answers.items()), reverse=True)
    table = example.table
    for start, end, value in spans:  # the last one first, so that the others stay where they are
        table = f"{table[: start - 1]}{_as_toml(value)}{table[end + 1 :]}"
    return example.model_copy(update={"table": table})


def _as_toml(value: str | Sequence[str]) -> str:
    """Return a text or a list of texts in TOML: JSON's escapes are valid there."""
    text = json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def _unique_connection_name(preferred: str, plugin: str, used_names: Iterable[str]) -> str:
    """Return an unused connection name: the preferred one, else the plugin's name, else a numbered one."""
    used = set(used_names)
    candidates = [preferred, plugin.replace("_", "-"), *(f"{preferred}-{n}" for n in range(2, len(used) + 3))]
    return next(name for name in candidates if name not in used)


def _with_connection_name(example: ExampleConfiguration, name: str) -> ExampleConfiguration:
    """Return the example with its connection renamed in table headings, ``from`` and ``via``."""
    if name == example.connection:
        return example
    old = re.escape(example.connection)

    def rename(text: str) -> str:
        text = re.sub(rf"^(\s*\[+connections\.){old}([.\]])", rf"\g<1>{name}\2", text, flags=re.MULTILINE)
        return re.sub(rf'^(\s*(?:from|via)\s*=\s*)"{old}"', rf'\1"{name}"', text, flags=re.MULTILINE)

    return example.model_copy(
        update={
            "connection": name,
            "table": rename(example.table),
            "triggers": rename(example.triggers),
            "routes": rename(example.routes),
        }
    )
