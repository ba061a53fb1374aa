"""The shape of ``nps-connect.toml``. Plugins' own tables are parsed by `nps_connect.app`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, HttpUrl, SecretStr

from nps_connect.settings.base import LANGUAGE_PATTERN, NAME_PATTERN, Language, Name, SettingsTable
from nps_connect.settings.branding import Colour, ProxyNetwork
from nps_connect.settings.cases import Cases, Recovery
from nps_connect.settings.delivery import Delivery, Retention
from nps_connect.settings.durations import Duration
from nps_connect.settings.quiet_hours import QuietHours, Weekday
from nps_connect.settings.reviews import Reviews
from nps_connect.settings.routes import Route, RoutedAction
from nps_connect.settings.surveys import FollowUp, Survey
from nps_connect.settings.triggers import EVENT_KIND_PATTERN, Trigger

__all__ = [
    "EVENT_KIND_PATTERN",
    "LANGUAGE_PATTERN",
    "LISTEN_PATTERN",
    "NAME_PATTERN",
    "Cases",
    "Core",
    "FollowUp",
    "Language",
    "Limits",
    "Name",
    "Recovery",
    "Reviews",
    "Route",
    "RoutedAction",
    "Settings",
    "SettingsTable",
    "Survey",
    "Trigger",
]

LISTEN_PATTERN = r"^[^\s:]+:\d{1,5}$"
MIN_SIGNING_KEY_LENGTH = 16


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not an IANA time zone such as Europe/Paris") from error
    return name


def _mail_address(value: str) -> str:
    local, at, domain = value.strip().rpartition("@")
    if not at or not local or "." not in domain or any(part.isspace() for part in value.strip()):
        raise ValueError("not an e-mail address such as care@example.com")
    return value.strip()


def _allowed_recipient(value: str) -> str:
    _mail_address(f"anyone{value}" if value.startswith("@") else value)
    return value.strip()


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MIN_SIGNING_KEY_LENGTH:
        raise ValueError(f"shorter than {MIN_SIGNING_KEY_LENGTH} characters")
    return key


def _database_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
        raise ValueError("a database in memory would forget everything: name a file, such as sqlite:///nps-connect.db")
    if not text.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("not a database address such as sqlite:///nps-connect.db or postgresql://host/name")
    return url


def _port(listen: str) -> str:
    if int(listen.rpartition(":")[2]) > 65_535:
        raise ValueError("the port is above 65535")
    return listen


MailAddress = Annotated[str, AfterValidator(_mail_address)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Recipient = Annotated[str, AfterValidator(_allowed_recipient)]


class Core(SettingsTable):
    """``[core]``: who asks, where, and how careful to be.

    Attributes:
        public_url: the address under which customers and vendors reach the product; no trailing slash.
        database_url: ``sqlite:///file`` or ``postgresql://...``.
        company: the name that customers know.
        languages: first is the company's own; customers get theirs if it is among them.
        timezone: of the company; days and quiet hours follow it.
        signing_keys: the first signs links, all verify; at least 16 characters each.
        fallback_email: where a detractor goes whose ticket or alert failed.
        help_email: where customers reach a person, told in mails and pages; the fallback address if not given.
        privacy_notice_url: linked from mails and pages.
        postal_address: printed at the foot of mails, below the company's name; one or several lines.
        colour: of buttons and links in mails and pages, such as ``#174ea6``; made darker or lighter where it could not
            be read.
        logo: PNG, JPEG or GIF file of 8 KB at most, beside this file, for the head of mails.
        mode: `shadow` decides and records but sends nothing to customers and writes nothing to vendors; `live` does. In
            `shadow` staff gets no mail either: what is held or full stands in ``nps-connect status`` and in the log.
        recipient_allow_list: if not empty, customer mail goes to these addresses or ``@domains`` only (staging).
        metrics_token: who shows it as a bearer token may read ``/metrics``; without one there is no such page.
        listen: host and port of the web server.
        trusted_proxies: addresses and networks of reverse proxies whose ``X-Forwarded-For`` is believed.
        workers: threads that work off queues.
    """

    public_url: HttpUrl
    database_url: DatabaseUrl = SecretStr("sqlite:///nps-connect.db")
    company: str = Field(min_length=1, max_length=200)
    languages: tuple[Language, ...] = Field(default=("en",), min_length=1)
    timezone: TimeZone = "UTC"
    signing_keys: tuple[SigningKey, ...] = Field(min_length=1)
    fallback_email: MailAddress
    help_email: MailAddress | None = None
    privacy_notice_url: HttpUrl
    postal_address: str | None = None
    colour: Colour = "#174ea6"
    logo: Path | None = None
    mode: Literal["shadow", "live"] = "shadow"
    recipient_allow_list: tuple[Recipient, ...] = ()
    metrics_token: SigningKey | None = None
    listen: Annotated[str, Field(pattern=LISTEN_PATTERN), AfterValidator(_port)] = "127.0.0.1:8040"
    trusted_proxies: tuple[ProxyNetwork, ...] = ()
    workers: int = Field(default=4, ge=1, le=64)

    @property
    def url(self) -> str:
        """The public address without a trailing slash."""
        return str(self.public_url).rstrip("/")

    @property
    def help_address(self) -> str:
        """Where customers reach a person."""
        return self.help_email or self.fallback_email

    @property
    def language(self) -> str:
        """The company's own language."""
        return self.languages[0]

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.timezone)


class Limits(SettingsTable):
    """``[limits]``: how often and how many.

    Attributes:
        cooldown: one person gets no second survey within this time, over all surveys, triggers and channels.
        when_blocked: what happens to a survey that the cooldown blocks.
        defer_at_most: for `defer`: the longest wait.
        surveys_per_day: cap per calendar day of the company's zone, for what is planned and for what goes out; the rest
            waits for the days that follow, and staff is told by mail on a day that is full.
        unusual: a trigger that is about to reach more people than this within `unusual_within` is held and asked about,
            unless so many are usual for it.
        unusual_factor: more people than `unusual` are usual as long as they are at most so many times the trigger's own
            average per `unusual_within` of the last 28 days; a trigger without that past has `unusual` alone.
        unusual_within: the time for `unusual` and `unusual_factor`.
        max_event_age: older events decide "too old".
        quiet_hours: from when to when no invitation and no reminder goes out, such as ``20:00-08:00``, in the contact's
            own time zone where the CRM knows it, else in the company's; ``off`` = at any hour.
        quiet_days: days of the week on which none goes out; empty = every day will do.
    """

    cooldown: Duration = timedelta(days=90)
    when_blocked: Literal["skip", "defer"] = "skip"
    defer_at_most: Duration = timedelta(days=14)
    surveys_per_day: int = Field(default=200, ge=1)
    unusual: int = Field(default=50, ge=1)
    unusual_factor: float = Field(default=5.0, ge=1, allow_inf_nan=False)
    unusual_within: Duration = timedelta(hours=1)
    max_event_age: Duration = timedelta(days=7)
    quiet_hours: QuietHours = "20:00-08:00"
    quiet_days: tuple[Weekday, ...] = Field(default=("saturday", "sunday"), max_length=6)


class Settings(SettingsTable):
    """The whole file.

    Attributes:
        connections: raw tables by name; `plugin` is required in each, the rest belongs to the plugin. Secrets inside
            are already resolved, so the tables stay out of the representation.
    """

    core: Core
    connections: dict[Name, dict[str, Any]] = Field(default_factory=dict, repr=False)
    surveys: dict[Name, Survey] = Field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    limits: Limits = Limits()
    reviews: Reviews = Reviews()
    cases: Cases = Cases()
    recovery: Recovery = Recovery()
    routes: tuple[Route, ...] = ()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
