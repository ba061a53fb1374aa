"""Writing of opt-outs to HubSpot's subscription preferences, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nps_connect import Connection, DeliveryError, OptOut, Receipt, Rejected, RetryLater, hookimpl, map_outcomes
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_records import record_url
from nps_connect_hubspot.errors import error_in_batch
from nps_connect_hubspot.settings import HubSpotSettings

CHANNEL = "EMAIL"
UNFINISHED_STATUSES = ("PENDING", "PROCESSING", "CANCELED")
"""Statuses of an action that was accepted and is not complete."""


@hookimpl
def nps_write_opt_outs(
    connection: Connection[HubSpotSettings], opt_outs: Sequence[OptOut]
) -> Sequence[Receipt | DeliveryError]:
    """Switch off the configured subscription type, or all of them; without the setting HubSpot is not notified."""
    api = Api(connection, "write_opt_out")
    return map_outcomes(opt_outs, partial(_write_opt_out, api))


def _write_opt_out(api: Api, opt_out: OptOut) -> Receipt:
    subscription = api.settings.opt_out_subscription
    link = record_url(api.settings, {"id": opt_out.contact.id})
    if subscription is None:
        return Receipt(id=opt_out.contact.id, link=link, note="not written to HubSpot: opt_out_subscription is not set")
    email = opt_out.contact.email
    if not email:
        return Receipt(id=opt_out.contact.id, link=link, note="nothing to switch off: the contact has no address")
    try:
        error = _switch_off(api, email)
    except Rejected:
        # HubSpot refuses to unsubscribe an address that is unsubscribed already; that counts as done.
        if not _is_unsubscribed(api, email):
            raise
    else:
        if error is not None:
            raise error
    return Receipt(id=opt_out.contact.id, link=link)


def _switch_off(api: Api, email: str) -> DeliveryError | None:
    """Send the opt-out; return why it is not done, or None.

    A response with status 200 may hold errors, may report that HubSpot canceled the change or has not finished it, and
    may have rows that are still subscribed. Without a row about the subscription, HubSpot is asked for it.
    """
    subscription = api.settings.opt_out_subscription
    if subscription == "all":
        response = api.send("POST", f"{api.paths.unsubscribe_all(email)}?channel={CHANNEL}", None, idempotent=True)
    else:
        change = {"channel": CHANNEL, "subscriptionId": subscription, "statusState": "UNSUBSCRIBED"}
        response = api.send("POST", api.paths.statuses(email), change, idempotent=True)
    body = response.json_or_none()
    if not isinstance(body, dict):
        return RetryLater("unexpected response from HubSpot instead of a subscription status")
    errors = [item for item in body.get("errors") or () if isinstance(item, dict)]
    if errors or body.get("numErrors"):
        return error_in_batch(errors[0] if errors else {})
    status = body.get("status")
    if status != "COMPLETE":
        shown_status = status if status in UNFINISHED_STATUSES else "unknown status"
        return RetryLater(f"HubSpot has not completed the opt-out ({shown_status})")
    rows = _rows_about(subscription, email, body.get("results"))
    is_done = all(map(_is_off, rows)) if rows else _is_unsubscribed(api, email)
    return None if is_done else RetryLater("HubSpot still shows the address as subscribed after the opt-out")


def _is_unsubscribed(api: Api, email: str) -> bool:
    subscription = api.settings.opt_out_subscription
    path = api.paths.unsubscribe_all(email) if subscription == "all" else api.paths.statuses(email)
    body = api.get(path, params={"channel": CHANNEL}, accept=(404,)).json_or_none()
    rows = _rows_about(subscription, email, body.get("results") if isinstance(body, dict) else None)
    return any(map(_is_off, rows))


def _rows_about(subscription: int | str | None, email: str, rows: object) -> list[dict[str, object]]:
    """Return the rows about the address and the subscription type; of all types if everything was switched off."""
    return [
        row
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
        and (subscription == "all" or str(row.get("subscriptionId")) == str(subscription))
        and str(row.get("subscriberIdString", email)).casefold() == email.casefold()
    ]


def _is_off(row: dict[str, object]) -> bool:
    return "UNSUBSCRIBED" in (row.get("status"), row.get("statusState"))
