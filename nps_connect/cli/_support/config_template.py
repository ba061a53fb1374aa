"""A first configuration, put together from each plugin's own example. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from nps_connect.records.connectors import ConnectorInfo, ExampleConfiguration

SIGNING_KEY = "NPS_SIGNING_KEY"

CORE_TEMPLATE = """\
# The configuration of nps-connect. After each change: nps-connect config check
#
# Every value can also come from the environment as NPS_CONNECT_<SECTION>__<KEY>, for example
# NPS_CONNECT_CORE__MODE=live. Secrets never stand here: {{ env = "NAME" }} takes one from the environment or from
# {environment_file} beside this file, {{ file = "path" }} from a file of its own.

[core]
# where customers and vendors reach this installation
public_url = "https://nps.example.com"
# the name that customers know
company = "Exemple SA"
# the first is the company's own; customers get theirs if it is among them
languages = ["fr", "en"]
# days and hours follow it
timezone = "Europe/Paris"
# a relative SQLite file lies beside this file; for PostgreSQL: {{ env = "DATABASE_URL" }}
database_url = "sqlite:///nps-connect.db"
# the first signs the links in mails, all verify them: to rotate, put a new one in front
signing_keys = [{{ env = "{signing_key}" }}]
# where a detractor goes whose ticket or alert failed
fallback_email = "care@example.com"
# linked from mails and pages
privacy_notice_url = "https://www.example.com/privacy"
# where customers reach a person; the fallback address if not given
# help_email = "help@example.com"
# at the foot of mails, below the company's name
# postal_address = "1 rue de l'Exemple, 75000 Paris"
# of buttons and links
# colour = "#174ea6"
# in the head of mails: PNG, JPEG or GIF, 8 KB at most, beside this file
# logo = "logo.png"
# for staging: customer mail goes to these addresses and domains only
# recipient_allow_list = ["@example.com"]
# host and port of the web server
# listen = "127.0.0.1:8040"
# threads that carry out deliveries
# workers = 4
# "shadow" decides and records but sends nothing, "live" sends
mode = "shadow"

[limits]
# nobody gets a second survey within this time, whatever the survey, trigger or channel
cooldown = "90d"
# what becomes of a survey that the cooldown blocks: "skip", or "defer" for at most defer_at_most
# when_blocked = "skip"
# defer_at_most = "14d"
# more surveys than this on one day wait for the next
surveys_per_day = 200
# when no invitation and no reminder goes out, by the clock where the customer lives; "off" = at any hour
# quiet_hours = "20:00-08:00"
# quiet_days = ["saturday", "sunday"]
# older events lead to no survey
max_event_age = "7d"
"""

SURVEY_TEMPLATE = """\
[surveys.after-purchase]
# the connection that carries the mail
channel = "{channel}"
# the moment asked about; the survey's name if not given
# touchpoint = "purchase"
# who asks, at the end of the mail; the company if not given
# signed_by = {{ fr = "Claire Dupont, relations clients", en = "Claire Dupont, customer care" }}
# how long the link in the mail takes answers
# expires_after = "60d"
# reminders for those who have not answered by then: one, or two, each so long after the mail before it
# reminder_after = "4d"
# reminders = 2
# a further question on the page, for some or for "any"; with choices = {{ ... }}, one of them is chosen
# [[surveys.after-purchase.follow_ups]]
# name = "reason"
# on = "detractor"
# question = {{ fr = "Quelle en est la raison ?", en = "What is the reason?" }}
"""


@dataclass
class ConfigTemplate:
    """A first configuration.

    Attributes:
        text: the file.
        connections: names of its connections, with their plugins.
        environment: variables that it refers to, with a placeholder each; the signing key is not among them.
    """

    text: str
    connections: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def build_config_template(infos: Iterable[ConnectorInfo], *, environment_file: str) -> ConfigTemplate:
    """Put a configuration together.

    Args:
        infos: the plugins; those that give events come first, channels next.
        environment_file: name of the file that will hold the secrets, for the comment.

    Raises:
        ValueError: no plugin can carry messages to people.
    """
    ordered = sorted(infos, key=lambda info: (not info.events, not info.channel, info.name))
    examples: dict[str, tuple[ConnectorInfo, ExampleConfiguration]] = {}
    for info in ordered:
        name = _unique_connection_name(info.example.connection, info.name, examples)
        examples[name] = info, _with_connection_name(info.example, name)
    channel = next((name for name, (info, _) in examples.items() if info.channel), None)
    if channel is None:
        raise ValueError("no installed plugin can carry messages to people")
    parts = [CORE_TEMPLATE.format(environment_file=environment_file, signing_key=SIGNING_KEY)]
    parts += [example.table for _, example in examples.values()]
    parts.append(SURVEY_TEMPLATE.format(channel=channel))
    parts += [example.triggers for _, example in examples.values()]
    parts += [example.routes for _, example in examples.values()]
    environment: dict[str, str] = {}
    for _, example in examples.values():
        environment |= example.environment
    text = "\n".join(f"{part.strip()}\n" for part in parts if part.strip())
    return ConfigTemplate(text, {name: info.name for name, (info, _) in examples.items()}, environment)


def _unique_connection_name(wish: str, plugin: str, taken: Iterable[str]) -> str:
    """A connection name that no other plugin has: the wish, else the plugin's own name, else a number behind it."""
    used = set(taken)
    candidates = [wish, plugin.replace("_", "-"), *(f"{wish}-{number}" for number in range(2, len(used) + 3))]
    return next(name for name in candidates if name not in used)


def _with_connection_name(example: ExampleConfiguration, name: str) -> ExampleConfiguration:
    """The example with its connection called otherwise, in table heads and in ``from`` and ``via``."""
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
