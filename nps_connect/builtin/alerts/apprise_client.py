"""Apprise, kept on a leash: loaded late, silent, never waiting for long, never trying again by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from apprise import NotifyBase

LEAKY_LOGGERS = ("apprise", "urllib3", "requests_oauthlib", "oauthlib", "slixmpp")
"""Loggers that write addresses with their tokens: Apprise itself, and what it sends with."""


def build_service(url: SecretStr, timeout: float) -> NotifyBase | None:
    """The service behind an address, or none if Apprise cannot make sense of it.

    Apprise is imported here and not before: it costs about 0.5 s and 40 MB, and most commands never send an alert.

    Args:
        timeout: seconds for connecting, and for each wait for an answer.
    """
    from apprise import Apprise, AppriseAsset

    _disable_loggers()
    asset = AppriseAsset(app_id="nps_connect", async_mode=False)
    service = Apprise.instantiate(url.get_secret_value().strip(), asset=asset)
    if service is not None:
        service.socket_connect_timeout = service.socket_read_timeout = timeout
        service.retry = 0  # the ledger tries again; retries must not stack
    return service


def send_notification(service: NotifyBase, *, title: str, body: str) -> bool:
    """Send one plain text; whether the service took it. Services that speak HTML or Markdown get it escaped."""
    from apprise import Apprise, NotifyFormat

    sender = Apprise(asset=service.asset)
    sender.add(service)
    _disable_loggers()  # again: making a service has imported what it sends with
    return bool(sender.notify(title=title, body=body, body_format=NotifyFormat.TEXT))


def _disable_loggers() -> None:
    """Switch these loggers and their children off, whatever the level of the product's own log."""
    for name in [*LEAKY_LOGGERS, *logging.getLogger().manager.loggerDict]:
        if name.partition(".")[0] in LEAKY_LOGGERS:
            logging.getLogger(name).disabled = True
