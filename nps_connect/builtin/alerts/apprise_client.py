"""Apprise with late import, disabled loggers, short timeouts and no retries of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from apprise import NotifyBase

LEAKY_LOGGERS = ("apprise", "urllib3", "requests_oauthlib", "oauthlib", "slixmpp")
"""Loggers that write addresses with their tokens: of Apprise and its HTTP and XMPP libraries."""


def build_service(url: SecretStr, timeout: float) -> NotifyBase | None:
    """Return the service of an address; None if Apprise does not support it.

    Apprise is imported here because it costs about 0.5 s and 40 MB, and most commands never send an alert.

    Args:
        timeout: seconds for connecting, and for each read.
    """
    from apprise import Apprise, AppriseAsset

    _disable_loggers()
    asset = AppriseAsset(app_id="nps_connect", async_mode=False)
    service = Apprise.instantiate(url.get_secret_value().strip(), asset=asset)
    if service is not None:
        service.socket_connect_timeout = service.socket_read_timeout = timeout
        service.retry = 0  # the ledger retries; retries must not multiply
        service.redirects = False  # a redirect leads to another host, and a 3xx is then a failure
    return service


def send_notification(service: NotifyBase, *, title: str, body: str, severity: str) -> bool:
    """Send plain text; returns whether the service accepted it. Apprise escapes it for HTML and Markdown services.

    Args:
        service: where to.
        title: one line.
        body: plain text.
        severity: one of Apprise's types, which services show by a colour or a sign.
    """
    from apprise import Apprise, NotifyFormat, NotifyType

    sender = Apprise(asset=service.asset)
    sender.add(service)
    _disable_loggers()  # again: creating a service has imported its libraries
    return bool(sender.notify(title=title, body=body, notify_type=NotifyType(severity), body_format=NotifyFormat.TEXT))


def _disable_loggers() -> None:
    """Disable these loggers and their children, whatever the configured log level."""
    for name in [*LEAKY_LOGGERS, *logging.getLogger().manager.loggerDict]:
        if name.partition(".")[0] in LEAKY_LOGGERS:
            logging.getLogger(name).disabled = True
