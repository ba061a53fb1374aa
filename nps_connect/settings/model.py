"""The settings model of ``nps-connect.toml``; `nps_connect.app` validates the tables of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, HttpUrl, PrivateAttr, SecretStr, WithJsonSchema

from nps_connect.settings.api import Api
from nps_connect.settings.assistants import Assistants
from nps_connect.settings.base import (
    LANGUAGE_PATTERN,
    NAME_PATTERN,
    Language,
    MailAddress,
    Name,
    SettingsTable,
    check_mail_address,
)
from nps_connect.settings.branding import Colour, ProxyNetwork
from nps_connect.settings.cases import Cases, Recovery
from nps_connect.settings.comments import Comments
from nps_connect.settings.database_url import check_database_url
from nps_connect.settings.delivery import Delivery, Retention
from nps_connect.settings.digest import Digest
from nps_connect.settings.dimensions import Dimensions, Team
from nps_connect.settings.durations import Duration
from nps_connect.settings.expectations import Expectation
from nps_connect.settings.key_paths import UnknownName, nearest
from nps_connect.settings.origins import Origins
from nps_connect.settings.quiet_hours import QuietHours, Weekday
from nps_connect.settings.reviews import Reviews
from nps_connect.settings.routes import Route, RoutedAction
from nps_connect.settings.surveys import FollowUp, Population, Survey
from nps_connect.settings.triggers import (
    EVENT_KIND_PATTERN,
    SCHEDULE_EVENT_KIND,
    SCHEDULE_LABEL_PREFIX,
    ScheduleTrigger,
    Trigger,
)

__all__ = [
    "EVENT_KIND_PATTERN",
    "LANGUAGE_PATTERN",
    "LISTEN_PATTERN",
    "NAME_PATTERN",
    "Api",
    "Assistants",
    "Cases",
    "Core",
    "Expectation",
    "FollowUp",
    "Language",
    "Limits",
    "Name",
    "Population",
    "Recovery",
    "Reviews",
    "Route",
    "RoutedAction",
    "ScheduleTrigger",
    "Settings",
    "SettingsTable",
    "Survey",
    "Team",
    "Trigger",
]

LISTEN_PATTERN = r"^[^\s:]+:\d{1,5}$"
MIN_SIGNING_KEY_LENGTH = 16


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownName("not an IANA time zone such as Europe/Paris", _nearest_zone(name)) from error
    return name


def _nearest_zone(name: str) -> str | None:
    """Return the time zone that a misspelt name, or the name of a city alone, most likely means."""
    zones = sorted(available_timezones())
    by_city = {zone.rpartition("/")[2].replace("_", " "): zone for zone in zones if "/" in zone}
    city = nearest(name.rpartition("/")[2].replace("_", " "), by_city)
    return nearest(name, zones) or (by_city[city] if city is not None else None)


def _check_recipient(value: str) -> str:
    check_mail_address(f"anyone{value}" if value.startswith("@") else value)
    return value.strip()


def _check_key_length(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MIN_SIGNING_KEY_LENGTH:
        raise ValueError(f"shorter than {MIN_SIGNING_KEY_LENGTH} characters")
    return key


def _validate_database_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
        raise ValueError("an in-memory database would lose everything: name a file, such as sqlite:///nps-connect.db")
    check_database_url(text)
    return url


def _check_port(listen: str) -> str:
    if int(listen.rpartition(":")[2]) > 65_535:
        raise ValueError("the port is above 65535")
    return listen


TimeZone = Annotated[str, AfterValidator(_check_zone)]
SigningKey = Annotated[SecretStr, AfterValidator(_check_key_length)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_validate_database_url), WithJsonSchema({"type": "string"})]
Recipient = Annotated[str, AfterValidator(_check_recipient)]


class Core(SettingsTable):
    """``[core]``: the company, its addresses, and the operating mode.

    Attributes:
        public_url: the address at which customers and vendors reach the product.
        database_url: ``sqlite:///file`` or ``postgresql://...``.
        state_dir: a directory of this host that is never part of a backup: it tells a restored database from the newest
            one and keeps the opt-outs since. With SQLite the default is ``<file>.state``; with PostgreSQL name a
            persistent directory, else a restore is not noticed.
        company: the name that customers know.
        languages: the first is the default; customers get their own if listed.
        timezone: of the company, for calendar days and quiet hours.
        signing_keys: the first signs links, all verify; at least 16 characters each.
        fallback_email: receives detractors whose ticket or alert failed.
        help_email: customer service address in mails and pages; the fallback address if not given.
        privacy_notice_url: linked from mails and pages.
        postal_address: in the footer of mails, below the company's name; one or more lines.
        colour: of buttons and links in mails and pages, such as ``#174ea6``; adjusted where the contrast is too low.
        logo: PNG, JPEG or GIF file of at most 8 KB, relative to this file, for the header of mails.
        mode: `shadow` decides and records but sends nothing to customers and staff and writes nothing to vendors (see
            ``nps-connect status`` and the log); `live` does all of it.
        recipient_allow_list: if not empty, customer mail goes to these addresses or ``@domains`` only (staging).
        dimensions: groups of responses by name, each with the field of the event, or else of the contact, that holds
            the value: ``dimensions.location = "shop"``. The product knows the names `location` and `owner`; others are
            yours.
        metrics_token: bearer token for ``/metrics``; without it there is no such page.
        listen: host and port of the web server.
        trusted_proxies: addresses and networks of reverse proxies whose ``X-Forwarded-For`` is trusted.
        workers: number of shared worker threads.
    """

    public_url: HttpUrl
    database_url: DatabaseUrl = SecretStr("sqlite:///nps-connect.db")
    state_dir: Path | None = None
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
    dimensions: Dimensions = Field(default_factory=dict)
    metrics_token: SigningKey | None = None
    listen: Annotated[str, Field(pattern=LISTEN_PATTERN), AfterValidator(_check_port)] = "127.0.0.1:8040"
    trusted_proxies: tuple[ProxyNetwork, ...] = ()
    workers: int = Field(default=4, ge=1, le=64)

    @cached_property
    def url(self) -> str:
        """The public address without a trailing slash."""
        return str(self.public_url).rstrip("/")

    @cached_property
    def help_address(self) -> str:
        """The customer service address."""
        return self.help_email or self.fallback_email

    @cached_property
    def language(self) -> str:
        """The default language."""
        return self.languages[0]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.timezone)


class Limits(SettingsTable):
    """``[limits]``: frequency and number of surveys.

    Attributes:
        cooldown: minimum time between two surveys to one contact, over all surveys, triggers and channels.
        when_blocked: what happens to a survey that the cooldown blocks.
        defer_at_most: for `defer`: the longest delay.
        surveys_per_day: cap per calendar day of the company's time zone, on planned and on sent surveys; more wait for
            the following days, and staff is notified by mail on a full day.
        unusual: a trigger that is about to reach more contacts than this within `unusual_within` is held for approval,
            unless that number is usual for it.
        unusual_factor: more contacts than `unusual` are usual up to this multiple of the trigger's average per
            `unusual_within` over the last 28 days; a trigger without history has `unusual` alone.
        unusual_within: the period of `unusual` and `unusual_factor`.
        max_event_age: older events are decided "too old".
        quiet_hours: hours without invitations and reminders, such as ``20:00-08:00``, in the contact's time zone if
            known, else in the company's; ``off`` disables them.
        quiet_days: weekdays without invitations and reminders; empty allows every day.
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
        connections: raw tables by name; each needs `plugin`, the other keys belong to the plugin. They contain resolved
            secrets and are therefore not part of the representation.
    """

    core: Core
    connections: dict[Name, dict[str, Any]] = Field(default_factory=dict, repr=False)
    surveys: dict[Name, Survey] = Field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    limits: Limits = Limits()
    reviews: Reviews = Reviews()
    cases: Cases = Cases()
    recovery: Recovery = Recovery()
    teams: dict[Name, Team] = Field(default_factory=dict)
    comments: Comments = Comments()
    digest: Digest = Digest()
    api: Api = Api()
    assistants: Assistants = Assistants()
    routes: tuple[Route, ...] = ()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    expect: tuple[Expectation, ...] = ()
    _origins: Origins = PrivateAttr(default_factory=Origins)

    @property
    def origins(self) -> Origins:
        """Where the values come from."""
        return self._origins

    def with_origins(self, origins: Origins) -> Self:
        """Return the settings with the origins of their values."""
        settings = self.model_copy()
        settings._origins = origins  # noqa: SLF001  # of the same class
        return settings

    @cached_property
    def schedule_triggers(self) -> tuple[ScheduleTrigger, ...]:
        """The triggers that recurring surveys imply, in the order of the surveys."""
        return tuple(
            ScheduleTrigger(
                on=SCHEDULE_EVENT_KIND,
                source=survey.population.source,
                survey=name,
                name=f"{SCHEDULE_LABEL_PREFIX}{name}",
                every=survey.every,
            )
            for name, survey in self.surveys.items()
            if survey.every is not None and survey.population is not None
        )

    @cached_property
    def digest_recipients(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses of each digest by the name of its team; the empty name is the whole company."""
        company = {"": self.digest.management} if self.digest.management else {}
        return {**company, **{name: self.teams[name].members for name in self.digest.teams if name in self.teams}}

    @cached_property
    def all_triggers(self) -> tuple[Trigger, ...]:
        """The triggers of the file, and those of recurring surveys."""
        return (*self.triggers, *self.schedule_triggers)

    @cached_property
    def trigger_by_label(self) -> Mapping[str, Trigger]:
        """All triggers by label."""
        return {trigger.label: trigger for trigger in self.all_triggers}
