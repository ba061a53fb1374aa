"""Settings: the ``[connections.<name>]`` table of a Zendesk account."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from nps_connect import ConnectionSettings

FIELD_VALUES = (
    "score",
    "category",
    "comment",
    "survey",
    "touchpoint",
    "language",
    "response_id",
    "answered_at",
    "deadline",
    "name",
    "email",
    "contact_link",
)
"""Names that ``custom_fields`` may contain in braces."""

AUTO_REPLIES = (
    "automatic reply",
    "auto-reply",
    "autoreply",
    "auto:",
    "out of office",
    "out of the office",
    "réponse automatique",
    "absence du bureau",
    "absent du bureau",
    "message d'absence",
)
"""Prefixes of subjects of automatic replies."""

DEFAULT_SCOPES = ("read", "tickets:write", "users:write", "webhooks:write", "triggers:write", "write")

FieldKey = Annotated[str, Field(pattern=r"^[0-9]{0,98}[A-Za-z_][A-Za-z0-9_]{0,98}$")]
"""Key of a user field: letters, digits and underscores, not only digits."""

NameOrId = int | str
"""An object of the account, by its number or by the name that admins see."""


def _validate_placeholders(value: str) -> str:
    try:
        parts = [part for part in Formatter().parse(value) if part[1] is not None]
    except ValueError as error:
        raise ValueError("braces do not match: write a name in braces, such as {score}") from error
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise ValueError("braces may contain a name only, such as {score}")
    unknown = sorted({str(name) for _, name, _, _ in parts} - set(FIELD_VALUES))
    if unknown:
        raise ValueError(f"unknown name in braces: {', '.join(unknown)}; allowed: {', '.join(FIELD_VALUES)}")
    return value


FieldText = Annotated[str, AfterValidator(_validate_placeholders)]


class Exclusions(BaseModel):
    """``exclude``: tickets whose events never trigger a survey; ``explain`` shows the reason.

    Attributes:
        tags: tickets with one of these tags.
        groups: tickets of these groups, by number or name.
        forms: tickets of these forms, by number or name.
        channels: tickets that came by these channels, such as ``chat`` or ``voice``.
        subjects: tickets whose subject starts like this (case-insensitive); by default automatic replies.
        merged: tickets that were solved only because they were merged into another one.
        agents: tickets whose requester is a member of the staff.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[str, ...] = ()
    groups: tuple[NameOrId, ...] = ()
    forms: tuple[NameOrId, ...] = ()
    channels: tuple[str, ...] = ()
    subjects: tuple[str, ...] = AUTO_REPLIES
    merged: bool = True
    agents: bool = True


class ZendeskSettings(ConnectionSettings):
    """One Zendesk account.

    Attributes:
        subdomain: ``acme`` for ``https://acme.zendesk.com``.
        client_id, client_secret: of an OAuth client, which fetches and renews its tokens itself.
        grant: how the OAuth client gets its tokens: for itself, or by an admin's consent (``connections login``).
        redirect_uri: the address registered with the OAuth client; needed with ``grant = "authorization_code"``.
        scopes: scopes that the OAuth client requests.
        access_token: a fixed OAuth access token instead of client id and secret.
        email, api_token: the legacy authentication; Zendesk switches API tokens off on 2027-04-30.
        webhook_secret: signing secret of the webhook.
        extra_webhook_secrets: further accepted secrets, for a second webhook or during a rotation.
        webhook_mode: what ``connections apply`` creates: triggers with our template, or a subscription to events.
        requests_per_minute: the account's quota, or our share of it.
        group, brand, ticket_form: of new tickets, by number or name.
        assignee: agent of new tickets, by number or e-mail address.
        owner_role: what the contact's owner in the CRM becomes on new tickets, if they are an agent here: a follower,
            the assignee, or nothing.
        ticket_type: type of new tickets.
        custom_fields: ticket field (number or title) to text with names in braces, such as ``"{score}"``.
        tags: additional tags of new tickets.
        public_comment: whether the customer sees the first comment.
        score_field, category_field, responded_at_field, reference_field: user fields that scores are written to.
        case_state_field, case_changed_at_field, case_handled_by_field, case_reference_field: user fields that outcomes
            of cases are written to.
        comment_field: user field for the comment; None means that it is not written.
        opt_out_tag: users with this tag get no mail from us.
        exclude: tickets that never trigger a survey.
    """

    subdomain: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    client_id: str | None = Field(default=None, min_length=1)
    client_secret: SecretStr | None = None
    grant: Literal["client_credentials", "authorization_code"] = "client_credentials"
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    access_token: SecretStr | None = None
    email: str | None = Field(default=None, pattern=r"^[^@\s/]+@[^@\s/]+$")
    api_token: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    extra_webhook_secrets: tuple[SecretStr, ...] = ()
    webhook_mode: Literal["trigger", "events"] = "trigger"
    requests_per_minute: int = Field(default=700, ge=1, le=10_000)
    group: NameOrId | None = None
    brand: NameOrId | None = None
    ticket_form: NameOrId | None = None
    assignee: NameOrId | None = None
    owner_role: Literal["follower", "assignee", "none"] = "follower"
    ticket_type: Literal["problem", "incident", "question", "task"] | None = None
    custom_fields: dict[str, FieldText] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()
    public_comment: bool = False
    score_field: FieldKey = "nps_score"
    category_field: FieldKey = "nps_category"
    responded_at_field: FieldKey = "nps_responded_at"
    reference_field: FieldKey = "nps_answer"
    case_state_field: FieldKey = "nps_case_state"
    case_changed_at_field: FieldKey = "nps_case_changed_at"
    case_handled_by_field: FieldKey = "nps_case_handled_by"
    case_reference_field: FieldKey = "nps_case"
    comment_field: FieldKey | None = None
    opt_out_tag: str = "no_survey"
    exclude: Exclusions = Exclusions()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.subdomain is None and self.base_url is None:
            raise ValueError("subdomain is missing: the part before .zendesk.com in the account's address")
        self._require_one_credential()
        if self.events == "webhook" and self.webhook_secret is None:
            raise ValueError('events = "webhook" needs webhook_secret: Admin Center, Webhooks, Reveal secret')
        return self

    def _require_one_credential(self) -> None:
        is_set_by_method = {
            "access_token": self.access_token is not None,
            "client_id and client_secret": self.client_id is not None or self.client_secret is not None,
            "email and api_token": self.email is not None or self.api_token is not None,
        }
        methods = [method for method, is_set in is_set_by_method.items() if is_set]
        if len(methods) != 1:
            raise ValueError(
                f"exactly one credential is needed, of: {', '.join(is_set_by_method)}"
                + (f"; given: {', '.join(methods)}" if methods else "")
            )
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("client_id and client_secret belong together")
        if (self.email is None) != (self.api_token is None):
            raise ValueError("email and api_token belong together")
        if self.grant == "authorization_code" and (self.client_id is None or self.redirect_uri is None):
            raise ValueError('grant = "authorization_code" needs client_id, client_secret and redirect_uri')

    @property
    def address(self) -> str:
        """Return the account's address without a trailing slash, for calls and links."""
        if self.base_url is not None:
            return str(self.base_url).rstrip("/")
        return f"https://{self.subdomain}.zendesk.com"

    @property
    def webhook_secrets(self) -> tuple[SecretStr, ...]:
        """Return every accepted signing secret."""
        return (*((self.webhook_secret,) if self.webhook_secret else ()), *self.extra_webhook_secrets)


def numeric(value: NameOrId) -> int | None:
    """Return the number in a name-or-number setting, or None if it is a name."""
    if isinstance(value, int):
        return value
    return int(value) if re.fullmatch(r"[0-9]{1,19}", value.strip()) else None
