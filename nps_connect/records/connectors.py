"""`ConnectorInfo`: everything about a vendor that is data and not code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from nps_connect.errors import DeliveryError
from nps_connect.records.actions import Action
from nps_connect.records.base import Moment, Record
from nps_connect.records.examples import ExampleConfiguration
from nps_connect.records.imports import ImportLayout
from nps_connect.records.vendor_responses import VendorResponse
from nps_connect.records.webhooks import WebhookSubscription

if TYPE_CHECKING:
    import httpx

    AuthFunction = Callable[[Any], Mapping[str, str] | httpx.Auth]
else:
    AuthFunction = Callable[[Any], Any]  # at run time without httpx, which commands that only read never need

API_RANGE = r"^(>=|<=|==|<|>)\d+(\.\d+)?(,(>=|<=|==|<|>)\d+(\.\d+)?)*$"
"""Matches a range of versions of the plugin API."""

FieldType = Literal["text", "number", "boolean", "moment"]


class EventKind(Record):
    """A kind of event that the plugin can give, and the fields that filters may name on it.

    Attributes:
        name: noun and verb, such as `deal.won`.
        description: when it happens, one sentence.
        fields: fields always known, with their types. Other names are asked of the vendor (`nps_complete_events`)
            when `open_fields` is set, and refused at start-up when it is not.
        open_fields: filters may name any field; the plugin reads it from the vendor.
    """

    name: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    description: str
    fields: dict[str, FieldType] = Field(default_factory=dict)
    open_fields: bool = False


class ActionInfo(Record):
    """One action that the plugin can carry out.

    Attributes:
        action: the action's name.
        batch_size: items per hook call at most; 1 if the vendor takes them one by one.
        shares_state: for `update_ticket`: state and assignee of an update are carried out too, so that a case that is
            solved here need not be solved at the helpdesk again.
    """

    action: Action
    batch_size: int = Field(default=1, ge=1, le=1000)
    shares_state: bool = False


class Quota(Record):
    """A limit on calls, shared by all workers.

    Attributes:
        name: how `RateLimited.quota` and the client refer to it; every connector has `general`.
        calls: calls allowed ...
        seconds: ... in this many seconds.
        default_pause_seconds: how long to pause on a 429 that says nothing.
        share: part of the vendor's limit to use at most, so that the account's other integrations breathe.
        within: another quota whose rest stops these calls too, such as one that ends with the day; none = its own only.
        limit_header, remaining_header, reset_header: names of the vendor's headers, if any; `reset` is in seconds. A
            limit below `calls` is followed, one above it is not.
    """

    name: str = "general"
    calls: int = Field(ge=1)
    seconds: float = Field(gt=0)
    default_pause_seconds: float = Field(default=10.0, gt=0)
    share: float = Field(default=1.0, gt=0, le=1)
    within: str | None = None
    limit_header: str | None = None
    remaining_header: str | None = None
    reset_header: str | None = None


class StatusRule(Record):
    """A vendor's oddity: what a status means here, in place of the client's outcome table.

    Attributes:
        error: the class to raise.
        after_seconds: for `RetryLater`: the least wait.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    error: type[DeliveryError]
    after_seconds: float | None = None


class ReviewPolicy(Record):
    """What a review platform demands of those who ask for reviews.

    Attributes:
        rule: `ask-everyone` forbids asking only happy customers; `free` leaves the choice to the operator.
        reason: the rule in plain words.
        source: where the platform says so.
    """

    rule: Literal["ask-everyone", "free"]
    reason: str
    source: str


class SettingsMistake(Record):
    """A mistake in a connection's settings that only its plugin can find.

    Attributes:
        key_path: of the value inside the connection's table; positions in lists count from 0.
        problem: what is wrong, to follow the key; it never quotes a value.
        nearest: what the value most likely means.
        fix: what to do.
    """

    key_path: tuple[str | int, ...]
    problem: str
    nearest: str | None = None
    fix: str | None = None


class MappingProposal(Record):
    """Mappings that a plugin proposes for example payloads.

    Attributes:
        settings: the connection's settings with the proposed mappings.
        toml: the proposed tables, for the configuration file.
        unread: files for whose payload there is no proposal.
        problems: what is lost, missing or without evidence, each with the names of the files.
        remarks: what is to be reviewed.
    """

    settings: Any
    toml: str
    unread: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


SignWebhook = Callable[[Any, bytes, datetime, bool], Mapping[str, str]]
"""Returns the headers with which the source of a connection sends a payload: from its settings, the payload, the
moment, and whether to forge the signature with another secret."""


class MappingLearner(Record):
    """What a plugin with configurable mappings offers to `connections learn`.

    Attributes:
        propose: returns mappings for the connection of a name, from its settings, JSON content by file, and the
            company's time zone; ValueError if the settings lack what is needed.
        sign: signs a payload, to try the proposal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    propose: Callable[[str, Any, Mapping[str, Any], str], MappingProposal]
    sign: SignWebhook


def _minimal_example(values: dict[str, Any]) -> ExampleConfiguration:
    """Return the example of a plugin that gives none: a connection with its name."""
    name = values.get("name", "")
    connection = name.replace("_", "-")  # names of connections have no underscore
    return ExampleConfiguration(connection=connection, table=f'[connections.{connection}]\nplugin = "{name}"\n')


class ConnectorInfo(Record):
    """What a plugin tells about itself, once, when it is loaded.

    Attributes:
        name: the plugin's name, as in ``plugin = "..."``.
        title: the vendor's name for people.
        settings: model of the connection's table; a subclass of `nps_connect.ConnectionSettings`.
        api: versions of the plugin API (`nps_connect.API_VERSION`) that it works with, such as ``>=1.1,<2``.
        own_transport: why it does not send through `connection.http`, such as a vendor's SDK; empty if it does.
        actions: what it can carry out.
        events: kinds of event that it can give.
        events_for: the kinds of event that one connection's settings describe, where they do not depend on the vendor
            alone; read them with `event_kinds`.
        check_settings: compares valid settings with files that they name, relative to the configuration's folder.
            Called whenever a configuration is validated; reads no others and no network.
        learner: proposes mappings, for plugins that read payloads by mappings in the settings.
        quotas: limits on calls; empty for connections without HTTP.
        quotas_for: the same quotas (same names) as one account's settings have them: another plan, a share of it.
        status_overrides: vendor oddities by HTTP status.
        base_url: the API's address from the settings (which may hold ``base_url``); none for connections without HTTP,
            and a function that returns none for settings that need none.
        auth: headers or `httpx.Auth` for a connection (which has no client yet); called once per client.
        refine: the vendor's own reading of a refused call: gets the error that the outcome table gives, the answer and
            the present moment, and returns it or a better one (the scope named, the quota named and until when).
        request_id_header: where the vendor gives its own id of the request.
        idempotency_header: where the vendor takes an idempotency key.
        review_policy: set by review platforms.
        location_field: for review platforms with several places: the property of the event or the contact that names
            the place, or none; the core asks the CRM for it and fills in `ReviewInvitation.location`.
        webhook_subscription: the facts that a connection with these settings is told about by `nps_send_webhooks`, or
            none; called once, when the configuration is loaded.
        timeout: the longest wait for an answer, in seconds, from the settings; none = the client's default.
        channel: the connection can carry messages to people; follows from `nps_send_messages`, whatever is written.
        records_handover: `nps_send_messages` calls `connection.record_handover` with each message's idempotency key
            right before the step after which the message may have been sent, such as the final dot of SMTP. A message
            whose process stops before that is sent again; without it, each one that was being sent is in doubt.
        webhooks: the connection can receive webhooks; follows from `nps_verify_webhook` and `nps_parse_events`.
        polling: the connection can be polled; follows from `nps_poll_events`.
        import_layouts: kinds of files that the vendor exports, for ``imports``.
        example: its part of a first configuration; a plugin for private use needs none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    settings: type[Any]
    api: str = Field(default=">=1,<2", pattern=API_RANGE)
    own_transport: str = ""
    actions: tuple[ActionInfo, ...] = ()
    events: tuple[EventKind, ...] = ()
    events_for: Callable[[Any], tuple[EventKind, ...]] | None = None
    check_settings: Callable[[Any, Path], Sequence[SettingsMistake]] | None = None
    learner: MappingLearner | None = None
    quotas: tuple[Quota, ...] = ()
    quotas_for: Callable[[Any], tuple[Quota, ...]] | None = None
    status_overrides: Mapping[int, StatusRule] = Field(default_factory=dict)
    base_url: Callable[[Any], str | None] | None = None
    auth: AuthFunction | None = None
    refine: Callable[[DeliveryError, VendorResponse, Moment], DeliveryError] | None = None
    request_id_header: str | None = None
    idempotency_header: str | None = None
    review_policy: Callable[[Any], ReviewPolicy] | None = None
    location_field: Callable[[Any], str | None] | None = None
    webhook_subscription: Callable[[Any], WebhookSubscription | None] | None = None
    timeout: Callable[[Any], float | None] | None = None
    channel: bool = False
    records_handover: bool = False
    webhooks: bool = False
    polling: bool = False
    import_layouts: tuple[ImportLayout, ...] = ()
    example: ExampleConfiguration = Field(default_factory=_minimal_example)

    def event_kinds(self, settings: Any) -> tuple[EventKind, ...]:  # noqa: ANN401  # a model of the plugin's own
        """Return the kinds of event that a connection with these settings can give."""
        return self.events if self.events_for is None else self.events_for(settings)

    def action(self, name: str) -> ActionInfo | None:
        """Return the declaration of an action; None if it is not declared."""
        return next((info for info in self.actions if info.action == name), None)
