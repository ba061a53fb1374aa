"""Exceptions, named by how the caller recovers.

    NpsConnectError
    ├─ ConfigError        the operator must edit something; exit code 2
    │  └─ ConfigErrors    several of them
    ├─ PluginError        will not load or violates the contract; that plugin is off
    ├─ WebhookRejected    invalid signature, stale, too large, unreadable
    └─ DeliveryError      connection, action, status, vendor request id
       ├─ RetryLater      not applied: next delay of the plan
       │  └─ RateLimited  pause this quota; no attempt used
       ├─ OutcomeUnknown  perhaps applied: in doubt
       ├─ AuthFailed      401: hold the connection
       ├─ NotAllowed      403, sender or relay refused: hold this action
       │  └─ SetupMissing  a field of our set-up is missing or locked: hold this action until it is set up
       ├─ TargetGone      404/410 on the record: skipped
       └─ Rejected        other 4xx: dead, never retried
          └─ Undeliverable  the mailbox does not exist: suppression

Worker, web and command line decide by class alone, never by status code or message.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

RejectionReason = Literal["signature", "stale", "too_large", "unreadable", "unknown_connection"]

REJECTION_STATUS: dict[RejectionReason, int] = {
    "signature": 401,
    "stale": 401,
    "too_large": 413,
    "unreadable": 400,
    "unknown_connection": 404,
}


class NpsConnectError(Exception):
    """Base of all exceptions of nps_connect."""


class ConfigError(NpsConnectError):
    """The operator must edit something; the program does not start, exit code 2.

    Args:
        problem: what is wrong, one sentence without a full stop.
        where: the file or environment variable that holds the mistake.
        line: of the file, counted from 1.
        key: dotted path of the key inside the file, such as ``routes.2.via``.
        allowed: the accepted values.
        nearest: the most similar existing name, if the value looks misspelt.
        fix: the next step, such as a command to run.
        shown: the text that holds the mistake, with a caret under the position, on separate lines.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        line: int | None = None,
        key: str | None = None,
        allowed: str | None = None,
        nearest: str | None = None,
        fix: str | None = None,
        shown: str | None = None,
    ) -> None:
        self.problem = problem
        self.shown = shown
        self.where = where
        self.line = line
        self.key = key
        self.allowed = allowed
        self.nearest = nearest
        self.fix = fix
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """Return the mistake on one line, followed by `shown` on the next lines."""
        where = f"{self.where}, line {self.line}" if self.where and self.line else self.where
        place = ": ".join(part for part in (where, self.key) if part)
        text = f"{place}: {self.problem}" if place else self.problem
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        if self.fix:
            text += f"; {self.fix}"
        if self.shown:
            text += "\n" + self.shown
        return text


class ConfigErrors(ConfigError):
    """Several mistakes of a configuration, reported together.

    Args:
        errors: the mistakes.
        configuration: the `InvalidConfiguration`, so that further checks can add to them; None if they cannot.
    """

    def __init__(self, errors: list[ConfigError], configuration: object = None) -> None:
        self.errors = errors
        self.configuration = configuration
        super().__init__(f"{len(errors)} mistakes")

    def sentence(self) -> str:
        """Return each mistake on its own line."""
        return "\n".join(error.sentence() for error in self.errors)


class PluginError(NpsConnectError):
    """A plugin cannot be loaded or violates its contract: it is off, the others run."""

    def __init__(self, plugin: str, problem: str) -> None:
        self.plugin = plugin
        self.problem = problem
        super().__init__(f"plugin {plugin!r}: {problem}")


class WebhookRejected(NpsConnectError):
    """An incoming webhook is rejected: answered with `status`, counted, not stored.

    Args:
        reason: determines the HTTP status.
        detail: for the log; must contain neither secrets nor the body.
    """

    def __init__(self, reason: RejectionReason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        self.status = REJECTION_STATUS[reason]
        super().__init__(f"webhook rejected ({reason})" + (f": {detail}" if detail else ""))


class DeliveryError(NpsConnectError):
    """A delivery did not succeed. The subclass determines what follows.

    Args:
        message: one sentence for people, without secrets and personal data.
        connection: name of the connection; set by the client or the worker.
        action: name of the action, likewise.
        status: HTTP status or SMTP code of the vendor's response, if there was one.
        request_id: the vendor's id of the request, for its support.
        exchange: redacted method, path and response excerpt, for ``deliveries show``.
    """

    kind = "error"

    def __init__(
        self,
        message: str,
        *,
        connection: str | None = None,
        action: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        exchange: dict[str, object] | None = None,
    ) -> None:
        self.message = message
        self.connection = connection
        self.action = action
        self.status = status
        self.request_id = request_id
        self.exchange = exchange
        super().__init__(message)


class RetryLater(DeliveryError):
    """Not applied (connection refused, 408, 503 ...): retry after the next delay of the plan.

    Args:
        after: the vendor's `Retry-After`, followed within bounds.
    """

    kind = "retry_later"

    def __init__(self, message: str, *, after: timedelta | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.after = after


class RateLimited(RetryLater):
    """A quota is exhausted: pause it; no attempt is used.

    Args:
        until: end of the pause (aware UTC); None means the quota's default pause.
        quota: name of the exhausted quota of `ConnectorInfo.quotas`.
    """

    kind = "rate_limited"

    def __init__(
        self, message: str, *, until: datetime | None = None, quota: str = "general", **details: object
    ) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.until = until
        self.quota = quota


class OutcomeUnknown(DeliveryError):
    """Perhaps applied: no response after sending, or an invalid response or 5xx to a non-idempotent call."""

    kind = "in_doubt"


class AuthFailed(DeliveryError):
    """401: hold the connection, keep its deliveries, notify the operator once."""

    kind = "auth_failed"


class NotAllowed(DeliveryError):
    """403: hold this action of the connection.

    Args:
        scope: the vendor's name of the missing scope or permission, if known.
    """

    kind = "not_allowed"

    def __init__(self, message: str, *, scope: str | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.scope = scope


class SetupMissing(NotAllowed):
    """An object of our set-up is missing or locked at the vendor: hold this action until it is set up."""

    kind = "setup_missing"


class TargetGone(DeliveryError):
    """404 or 410 on the record: the delivery is skipped."""

    kind = "target_gone"


class Rejected(DeliveryError):
    """Any other 4xx: the delivery is dead and not retried.

    Args:
        concerns_mailbox: the refusal is about the recipient's mailbox (full, suspended), not about the message or its
            sender: several of them are a hard bounce.
    """

    kind = "rejected"

    def __init__(self, message: str, *, concerns_mailbox: bool = False, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.concerns_mailbox = concerns_mailbox


class Undeliverable(Rejected):
    """The address does not exist: the delivery is dead, and the address is suppressed."""

    kind = "undeliverable"
