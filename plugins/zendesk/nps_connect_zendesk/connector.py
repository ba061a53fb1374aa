"""Connector declaration of Zendesk."""

from __future__ import annotations

from nps_connect import (
    ActionInfo,
    ConnectorInfo,
    EventKind,
    ExampleConfiguration,
    ExampleQuestion,
    Quota,
    RetryLater,
    StatusRule,
    hookimpl,
)
from nps_connect_zendesk.auth import authenticate
from nps_connect_zendesk.errors import refine
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.user_fields import MAX_BATCH_SIZE

DEFAULT_PAUSE_SECONDS = 60.0
"""Pause in seconds after a 429 that names no time."""

TICKET_FIELDS = {
    "status": "text",
    "priority": "text",
    "type": "text",
    "channel": "text",
    "tags": "text",
    "external_id": "text",
    "group_id": "number",
    "form_id": "number",
    "brand_id": "number",
    "assignee_id": "number",
    "agent_name": "text",
    "organization_id": "number",
    "own": "boolean",
    "is_open": "boolean",
    "first_reply_minutes": "number",
    "solve_minutes": "number",
    "reopens": "number",
}

EVENT_KINDS = (
    EventKind(
        name="ticket.solved",
        description="A ticket becomes solved, for the first time or again.",
        fields=TICKET_FIELDS,
        open_fields=True,
    ),
    EventKind(
        name="ticket.reopened",
        description="A solved ticket is open again (webhooks only).",
        fields=TICKET_FIELDS,
        open_fields=True,
    ),
    EventKind(
        name="ticket.closed", description="A ticket is closed permanently.", fields=TICKET_FIELDS, open_fields=True
    ),
    EventKind(
        name="ticket.priority_changed",
        description="A ticket gets another priority (webhooks only).",
        fields={**TICKET_FIELDS, "previous_priority": "text"},
        open_fields=True,
    ),
    EventKind(name="ticket.deleted", description="A ticket is deleted.", fields=TICKET_FIELDS),
    EventKind(name="contact.deleted", description="A user is deleted (and can be restored for a time)."),
    EventKind(
        name="contact.merged",
        description="Two users are merged; the event is about the surviving one (webhooks in mode `events` only).",
        fields={"other_user_id": "text"},
    ),
    EventKind(
        name="contact.privacy_deleted",
        description="A user is erased permanently; we must erase it as well (found in the list of deleted users).",
    ),
)

TABLE = """\
[connections.helpdesk]
plugin = "zendesk"
subdomain = "example"                        # for https://example.zendesk.com
client_id = "nps_connect"                    # of an OAuth client (confidential); see docs/zendesk.md
client_secret = { env = "ZENDESK_CLIENT_SECRET" }
events = "none"                              # "poll", or "webhook", which needs the next line as well:
# webhook_secret = { env = "ZENDESK_WEBHOOK_SECRET" }
# group = "Customer care"                    # of new tickets, by name or number
# custom_fields = { "NPS score" = "{score}" }  # ticket fields, by title or number
# public_comment = true                      # the customer sees the first comment; private by default
"""

TRIGGERS = """\
# A survey after a solved ticket: add [surveys.after-support], set events above, and uncomment.
# [[triggers]]
# on = "ticket.solved"
# from = "helpdesk"
# survey = "after-support"
# delay = "1d"
# where = "priority != 'low'"
"""

ROUTES = """\
[[routes]]
on = "detractor"
do = "open_ticket"
via = "helpdesk"
"""


def _quotas(per_minute: int) -> tuple[Quota, ...]:
    return (
        Quota(
            name="general",
            calls=per_minute,
            seconds=60,
            default_pause_seconds=DEFAULT_PAUSE_SECONDS,
            limit_header="ratelimit-limit",
            remaining_header="ratelimit-remaining",
            reset_header="ratelimit-reset",
        ),
        Quota(
            name="ticket_update", calls=min(100, per_minute), seconds=60, default_pause_seconds=DEFAULT_PAUSE_SECONDS
        ),
        Quota(
            name="user_update",
            calls=per_minute,
            seconds=60,
            default_pause_seconds=DEFAULT_PAUSE_SECONDS,
            limit_header="ratelimit-limit",
            remaining_header="ratelimit-remaining",
            reset_header="ratelimit-reset",
        ),
        Quota(name="export", calls=10, seconds=60, default_pause_seconds=DEFAULT_PAUSE_SECONDS),
    )


def _quotas_for(settings: ZendeskSettings) -> tuple[Quota, ...]:
    return _quotas(settings.requests_per_minute)


def _base_url(settings: ZendeskSettings) -> str:
    return settings.address


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin."""
    return ConnectorInfo(
        name="zendesk",
        title="Zendesk",
        settings=ZendeskSettings,
        actions=(
            ActionInfo(action="open_ticket", batch_size=1),
            ActionInfo(action="update_ticket", batch_size=1, shares_state=True),
            ActionInfo(action="write_score", batch_size=MAX_BATCH_SIZE),
            ActionInfo(action="write_case_outcome", batch_size=MAX_BATCH_SIZE),
            ActionInfo(action="erase_contact", batch_size=1),
        ),
        events=EVENT_KINDS,
        quotas=_quotas(ZendeskSettings.model_fields["requests_per_minute"].default),
        quotas_for=_quotas_for,
        status_overrides={409: StatusRule(error=RetryLater, after_seconds=5)},
        base_url=_base_url,
        auth=authenticate,
        refine=refine,
        request_id_header="x-request-id",
        idempotency_header="Idempotency-Key",
        example=ExampleConfiguration(
            connection="helpdesk",
            table=TABLE,
            triggers=TRIGGERS,
            routes=ROUTES,
            environment={"ZENDESK_CLIENT_SECRET": "put-the-client-secret-here"},
            questions=(
                ExampleQuestion(key="subdomain", text="Subdomain: acme for https://acme.zendesk.com"),
                ExampleQuestion(key="client_id", text="Identifier of the OAuth client", may_stay=True),
            ),
        ),
    )
