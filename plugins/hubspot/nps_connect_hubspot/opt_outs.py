"""Writing of opt-outs to HubSpot's subscription preferences, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, DeliveryError, OptOut, Receipt, Rejected, RetryLater, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_records import record_url

CHANNEL = "EMAIL"


@hookimpl
def nps_write_opt_outs(connection: Connection, opt_outs: Sequence[OptOut]) -> Sequence[Receipt | DeliveryError]:
    """Switch off the configured subscription type, or all of them; without the setting HubSpot is not notified."""
    api = Api(connection, "write_opt_out")
    return [_write_opt_out(api, opt_out) for opt_out in opt_outs]


def _write_opt_out(api: Api, opt_out: OptOut) -> Receipt | DeliveryError:
    subscription = api.settings.opt_out_subscription
    link = record_url(api.settings, {"id": opt_out.contact.id})
    if subscription is None:
        return Receipt(id=opt_out.contact.id, link=link, note="not written to HubSpot: opt_out_subscription is not set")
    email = opt_out.contact.email
    if not email:
        return Receipt(id=opt_out.contact.id, link=link, note="nothing to switch off: the contact has no address")
    try:
        if subscription == "all":
            path = f"{api.paths.unsubscribe_all(email)}?channel={CHANNEL}"
            api.send("POST", path, None, idempotent=True)
        else:
            body = {"channel": CHANNEL, "subscriptionId": subscription, "statusState": "UNSUBSCRIBED"}
            response = api.send("POST", api.paths.statuses(email), body, idempotent=True)
            if not isinstance(response.json_or_none(), dict):
                return RetryLater("unexpected response from HubSpot instead of a subscription status")
    except Rejected as error:
        # HubSpot refuses to unsubscribe an address that is unsubscribed already; that counts as done.
        return Receipt(id=opt_out.contact.id, link=link) if _is_unsubscribed(api, email) else error
    except DeliveryError as error:
        return error
    return Receipt(id=opt_out.contact.id, link=link)


def _is_unsubscribed(api: Api, email: str) -> bool:
    subscription = api.settings.opt_out_subscription
    path = api.paths.unsubscribe_all(email) if subscription == "all" else api.paths.statuses(email)
    body = api.get(path, params={"channel": CHANNEL}, accept=(404,)).json_or_none()
    results = body.get("results") if isinstance(body, dict) else None
    statuses = [item for item in results or () if isinstance(item, dict)]
    if subscription == "all":
        return bool(statuses)
    return any(
        str(item.get("subscriptionId")) == str(subscription) and _is_unsubscribed_status(item) for item in statuses
    )


def _is_unsubscribed_status(item: dict[str, object]) -> bool:
    return "UNSUBSCRIBED" in (item.get("status"), item.get("statusState"))
