"""Send webhooks as Standard Webhooks: signed, with an id that is the same for every try.

Source: github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the headers ``webhook-id``,
``webhook-timestamp`` (of the attempt, in epoch seconds) and ``webhook-signature`` (one signature for each secret,
separated by spaces); 2xx is a success, 410 says that the receiver wants no more, anything else is tried again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from nps_connect import (
    ActionInfo,
    AuthFailed,
    Connection,
    DeliveryError,
    Finding,
    NotAllowed,
    OutgoingWebhook,
    Quota,
    RateLimited,
    Receipt,
    RetryLater,
    StatusRule,
    VendorResponse,
    WebhookSubscription,
    hookimpl,
    sign_standard_webhook,
)
from nps_connect.builtin.webhook.settings import WebhookSettings

ACTION = ActionInfo(action="send_webhook", batch_size=10)
QUOTAS = (Quota(calls=50, seconds=1),)
GONE = 410
REDIRECTS = (300, 301, 302, 303, 304, 305, 307, 308)
TEMPORARY_REFUSALS = (400, 402, 404, 405, 406, 407, 409, 411, 412, 413, 414, 415, 417, 421, 422, 426, 428, 431, 451)
"""What other vendors mean for good: a receiver that is changed or deployed anew may accept the webhook later."""

PERSONAL_TYPES = frozenset({"response.recorded", "response.changed"})
"""Types whose data holds what a person wrote."""

STATUS_OVERRIDES: Mapping[int, StatusRule] = MappingProxyType(
    {
        GONE: StatusRule(error=NotAllowed),
        **dict.fromkeys(REDIRECTS, StatusRule(error=NotAllowed)),
        **dict.fromkeys(TEMPORARY_REFUSALS, StatusRule(error=RetryLater)),
    }
)


@hookimpl
def nps_send_webhooks(
    connection: Connection[WebhookSettings], webhooks: Sequence[OutgoingWebhook]
) -> Sequence[Receipt | DeliveryError]:
    """Post each webhook. Where the receiver cannot be reached or refuses everything, the others are not tried now."""
    outcomes: list[Receipt | DeliveryError] = []
    stopped: DeliveryError | None = None
    for webhook in webhooks:
        outcome = stopped or _send(connection, webhook)
        if isinstance(outcome, DeliveryError) and _concerns_all(outcome):
            stopped = outcome
        outcomes.append(outcome)
    return outcomes


def build_subscription(settings: WebhookSettings) -> WebhookSubscription | None:
    """Return the facts that a connection is told about; None if it receives no webhooks."""
    if settings.outgoing is None:
        return None
    return WebhookSubscription(types=frozenset(settings.outgoing.events), all_decisions=settings.outgoing.all_decisions)


def build_address(settings: WebhookSettings) -> str | None:
    """Return the address that receives webhooks, on the host of `base_url` if that is set; None without one."""
    if settings.outgoing is None:
        return None
    address = str(settings.outgoing.url)
    if settings.base_url is None:
        return address
    parts = urlsplit(address)
    return f"{str(settings.base_url).rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def read_timeout(settings: WebhookSettings) -> float | None:
    """Return the seconds until an answer must be complete; None if nothing is sent."""
    return settings.outgoing.timeout if settings.outgoing is not None else None


def explain_refusal(error: DeliveryError, response: VendorResponse, _now: datetime) -> DeliveryError:
    """Return an error that says what a refusal of everything means."""
    if response.status == GONE:
        error.message += ": the receiver wants no more webhooks; change outgoing.url, or remove the table outgoing"
    elif response.status in REDIRECTS:
        error.message += ", a redirect, which is not followed: set outgoing.url to the new address"
    return error


def check_outgoing(settings: WebhookSettings) -> list[Finding]:
    """Return what is sent where; nothing is sent to find out."""
    outgoing = settings.outgoing
    if outgoing is None:
        return []
    host, count = outgoing.url.host, len(outgoing.secrets)
    signatures = "one secret" if count == 1 else f"{count} secrets"
    text = f"webhooks to {host} (not tried), signed with {signatures}: {', '.join(outgoing.events)}"
    findings = [Finding(severity="ok", text=text)]
    if PERSONAL_TYPES.intersection(outgoing.events) and "contact.erased" not in outgoing.events:
        text = f"{host} receives what people wrote, but is not told when one of them is erased"
        findings.append(
            Finding(id="erasure-not-sent", severity="warning", text=text, fix='add "contact.erased" to outgoing.events')
        )
    return findings


def build_headers(connection: Connection[WebhookSettings], webhook: OutgoingWebhook, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt, made now."""
    timestamp = str(int(connection.clock().timestamp()))
    outgoing = connection.settings.outgoing
    signatures = [
        sign_standard_webhook(secret.get_secret_value(), webhook.idempotency_key, timestamp, body)
        for secret in (outgoing.secrets if outgoing is not None else ())
    ]
    return {
        "content-type": "application/json",
        "webhook-id": webhook.idempotency_key,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _send(connection: Connection[WebhookSettings], webhook: OutgoingWebhook) -> Receipt | DeliveryError:
    settings: Any = connection.settings
    address = build_address(settings)
    if address is None:
        return NotAllowed(f"the table connections.{connection.name}.outgoing was removed from the configuration")
    body = webhook.model_dump_json(include={"type", "timestamp", "data"}).encode()
    headers = build_headers(connection, webhook, body)
    try:
        connection.http.call("POST", address, action=ACTION.action, idempotent=True, content=body, headers=headers)
    except DeliveryError as error:
        return error
    return Receipt(id=webhook.idempotency_key)


def _concerns_all(error: DeliveryError) -> bool:
    """Whether the other webhooks of the batch would have the same outcome."""
    return error.status is None or isinstance(error, AuthFailed | NotAllowed | RateLimited)
