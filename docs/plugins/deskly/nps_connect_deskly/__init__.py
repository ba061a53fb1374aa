"""Deskly, an invented CRM and helpdesk, for nps_connect: the declaration of the connector."""

from __future__ import annotations

from nps_connect import (
    ActionInfo,
    Connection,
    ConnectorInfo,
    DeliveryError,
    EventKind,
    ExampleConfiguration,
    Quota,
    VendorResponse,
    hookimpl,
)
from nps_connect_deskly.deliveries import (
    nps_check,
    nps_find_existing,
    nps_open_tickets,
    nps_update_tickets,
    nps_write_scores,
)
from nps_connect_deskly.intake import nps_complete_events, nps_find_contacts, nps_parse_events, nps_verify_webhook
from nps_connect_deskly.settings import DesklySettings

__all__ = [
    "nps_check",
    "nps_complete_events",
    "nps_connector",
    "nps_find_contacts",
    "nps_find_existing",
    "nps_open_tickets",
    "nps_parse_events",
    "nps_update_tickets",
    "nps_verify_webhook",
    "nps_write_scores",
]

TABLE = """\
[connections.desk]
plugin = "deskly"
token = { env = "DESKLY_TOKEN" }                       # Deskly: Settings > API
webhook_secrets = [{ env = "DESKLY_WEBHOOK_SECRET" }]  # Deskly: Settings > Webhooks; two during a rotation
"""

TRIGGERS = """\
[[triggers]]
on = "deal.won"
from = "desk"
survey = "after-purchase"
"""

ROUTES = """\
[[routes]]
on = "any"
do = "write_score"
via = "desk"

[[routes]]
on = "detractor"
do = "open_ticket"
via = "desk"
"""


def _auth(connection: Connection[DesklySettings]) -> dict[str, str]:
    return {"Authorization": f"Bearer {connection.settings.token.get_secret_value()}"}


def _base_url(settings: DesklySettings) -> str:
    return str(settings.base_url or "https://api.deskly.example.com/v1")


def _refine(error: DeliveryError, response: VendorResponse, _now: object) -> DeliveryError:
    """Add Deskly's own words, which name no person, to the error of the outcome table."""
    body = response.json_or_none()
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        error.message = f"{error.message}: {body['error']}"
    return error


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin."""
    ticket_fields = {"is_open": "boolean", "agent_name": "text"}
    return ConnectorInfo(
        name="deskly",
        title="Deskly",
        settings=DesklySettings,
        api=">=1,<2",
        actions=(
            ActionInfo(action="write_score", batch_size=50),
            ActionInfo(action="open_ticket"),
            ActionInfo(action="update_ticket"),
        ),
        events=(
            EventKind(name="deal.won", description="A deal is won."),
            EventKind.model_validate(
                {"name": "ticket.solved", "description": "A ticket is solved.", "fields": ticket_fields}
            ),
            EventKind.model_validate(
                {"name": "ticket.reopened", "description": "A solved ticket is open again.", "fields": ticket_fields}
            ),
        ),
        quotas=(Quota(calls=100, seconds=60),),
        base_url=_base_url,
        auth=_auth,
        refine=_refine,
        idempotency_header="Idempotency-Key",
        webhooks=True,
        example=ExampleConfiguration(
            connection="desk",
            table=TABLE,
            triggers=TRIGGERS,
            routes=ROUTES,
            environment={"DESKLY_TOKEN": "put-the-token-here", "DESKLY_WEBHOOK_SECRET": "put-the-secret-here"},
        ),
    )
