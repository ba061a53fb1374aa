"""The ``[connections.<name>]`` table of a HubSpot portal."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, model_validator

from nps_connect import ConnectionSettings

PropertyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
"""An internal property name: lower case letters, digits and underscores, 100 characters at most."""

StageId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
"""The internal id of a pipeline stage, such as ``closedwon`` or ``1234567``; not its label."""


def _validate_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("empty, or contains characters that no HubSpot token or secret has")
    return secret


def _validate_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not an IANA time zone such as Europe/Paris") from error
    return name


Secret = Annotated[SecretStr, AfterValidator(_validate_secret)]


TargetUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+/[^\s#]*$", max_length=2000)]
"""A complete address, kept character by character because it is signed."""


class HubSpotSettings(ConnectionSettings):
    """Settings of one portal.

    Attributes:
        access_token: a service key, or the token of an existing project app or private app.
        api_version: HubSpot's date-based version; each is supported for at least 18 months.
        webhook_secrets: client secrets of the app that sends webhooks; several are valid together during a rotation.
        webhook_url: the target URL as it is set in the app, if it is not ``<public_url>/hooks/<connection>``: a proxy
            forwards from there, and HubSpot signs the address that it calls.
        signatures: accepted signature versions. v1 and v2 sign no time and can be replayed: only by explicit choice.
        portal_id: the portal's number; webhooks of other portals are rejected, links to records become possible.
        portal_timezone: the portal's time zone (IANA name); the daily limit ends at its midnight.
        app_id: number of the app whose webhook subscriptions `connections plan` compares.
        won_stages: ids of the deal stages that mean "won".
        closed_ticket_stages: ids of the ticket stages that mean "closed".
        listen_to: object types to poll and to subscribe to.
        contact_properties: contact properties whose changes are events.
        contact_label: association label that selects the contact of a deal or ticket.
        language_property: contact property that holds a language tag.
        opt_out_properties: contact properties that, when true, mean an opt-out.
        opt_out_subscription: what our unsubscribes switch off in HubSpot: a subscription type's number, `all`, or
            nothing.
        property_prefix: prefix of the names of the contact properties that hold scores and outcomes of cases.
        property_group: internal name of the group of these properties.
        notes: write a note on the contact's timeline for each response and for each case of a detractor.
        tasks: create a task for the contact's owner when a case of a detractor opens; it is completed with the case.
        calls_per_ten_seconds: calls that the portal's tier allows in ten seconds: 100 for Free and Starter, 190 for
            Professional and Enterprise, 250 with the capacity pack.
        quota_share: maximum share of the quotas to use, so that the portal's other integrations keep theirs.
    """

    access_token: Secret
    api_version: Literal["2026-03", "2026-09"] = "2026-09"
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_url: TargetUrl | None = None
    signatures: tuple[Literal["v1", "v2", "v3"], ...] = Field(default=("v3",), min_length=1)
    portal_id: int | None = Field(default=None, ge=1)
    portal_timezone: Annotated[str, AfterValidator(_validate_time_zone)] | None = None
    app_id: int | None = Field(default=None, ge=1)
    won_stages: tuple[StageId, ...] = Field(default=("closedwon",), min_length=1)
    closed_ticket_stages: tuple[StageId, ...] = Field(default=("4",), min_length=1)
    listen_to: tuple[Literal["deals", "contacts", "tickets"], ...] = Field(default=("deals", "contacts"), min_length=1)
    contact_properties: tuple[PropertyName, ...] = ("lifecyclestage",)
    contact_label: str | None = Field(default=None, min_length=1, max_length=100)
    language_property: PropertyName = "hs_language"
    opt_out_properties: tuple[PropertyName, ...] = ("hs_email_optout",)
    opt_out_subscription: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    property_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")] = "nps_"
    property_group: PropertyName = "nps"
    notes: bool = False
    tasks: bool = False
    calls_per_ten_seconds: int = Field(default=100, ge=10, le=1000)
    quota_share: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _webhooks_need_a_secret(self) -> Self:
        if self.events == "webhook" and not self.webhook_secrets:
            raise ValueError('events = "webhook" needs webhook_secrets: the client secret of the app that sends them')
        return self

    @property
    def api_url(self) -> str:
        """Return the API's address without a trailing slash."""
        return str(self.base_url or "https://api.hubapi.com").rstrip("/")
