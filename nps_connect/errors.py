"""The error family, named by what happens next (not by what went wrong).

The worker, the web and the command line decide by class alone; nobody reads a status code or a message to choose.
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
    """Root of everything that nps_connect raises on purpose."""


class ConfigError(NpsConnectError):
    """The operator must edit something: refuse to start, exit code 2.

    Args:
        problem: what is wrong, one sentence without a final stop.
        where: the file (or environment variable) that holds the mistake.
        key: dotted path of the key inside the file, such as ``routes.2.via``.
        allowed: what would be accepted.
        nearest: the closest existing name, when the value looks like a slip of the pen.
        fix: the next step, such as a command to run.
        shown: the text that holds the mistake, with a caret under the place, on lines of their own.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        key: str | None = None,
        allowed: str | None = None,
        nearest: str | None = None,
        fix: str | None = None,
        shown: str | None = None,
    ) -> None:
        self.problem = problem
        self.shown = shown
        self.where = where
        self.key = key
        self.allowed = allowed
        self.nearest = nearest
        self.fix = fix
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """All that is known about the mistake, on one line; where a place can be shown, it is shown below."""
        place = ": ".join(part for part in (self.where, self.key) if part)
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
    """Several mistakes of one configuration, told together so that one edit mends them all."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = errors
        super().__init__(f"{len(errors)} mistakes")

    def sentence(self) -> str:
        """Every mistake on a line of its own."""
        return "\n".join(error.sentence() for error in self.errors)


class PluginError(NpsConnectError):
    """A plugin will not load or breaks its contract: that plugin is off, the others run."""

    def __init__(self, plugin: str, problem: str) -> None:
        self.plugin = plugin
        self.problem = problem
        super().__init__(f"plugin {plugin!r}: {problem}")


class WebhookRejected(NpsConnectError):
    """An incoming webhook is not believed: answered with `status`, counted, never queued.

    Args:
        reason: one of `RejectionReason`; it fixes the HTTP status.
        detail: for the log; must hold neither secrets nor the body.
    """

    def __init__(self, reason: RejectionReason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        self.status = REJECTION_STATUS[reason]
        super().__init__(f"webhook rejected ({reason})" + (f": {detail}" if detail else ""))


class DeliveryError(NpsConnectError):
    """One delivery did not succeed. Subclasses say what happens next.

    Args:
        message: one sentence for people, free of secrets and of personal data.
        connection: name of the connection; the client and the worker fill it in.
        action: name of the action, likewise.
        status: HTTP status (or SMTP code) of the vendor's answer, if there was one.
        request_id: the vendor's own id of the request, for its support.
        exchange: redacted method, path, answer excerpt, for ``deliveries show``.
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
    """Surely not applied (connection refused, 408, 503 ...): the next delay of the retry plan.

    Args:
        after: the vendor's own wish (`Retry-After`), honoured within bounds.
    """

    kind = "retry_later"

    def __init__(self, message: str, *, after: timedelta | None = None, **known: object) -> None:
        super().__init__(message, **known)  # type: ignore[arg-type]
        self.after = after


class RateLimited(RetryLater):
    """A quota is used up: pause this quota until then; does not use up an attempt.

    Args:
        until: when calls may go on (aware UTC); none means the quota's own default pause.
        quota: name of the quota of `ConnectorInfo.quotas` that is exhausted.
    """

    kind = "rate_limited"

    def __init__(self, message: str, *, until: datetime | None = None, quota: str = "general", **known: object) -> None:
        super().__init__(message, **known)  # type: ignore[arg-type]
        self.until = until
        self.quota = quota


class OutcomeUnknown(DeliveryError):
    """Perhaps applied: no answer after sending, or an unreadable answer or 5xx to a non-idempotent call."""

    kind = "in_doubt"


class AuthFailed(DeliveryError):
    """401: hold the whole connection, keep its deliveries, tell the operator once."""

    kind = "auth_failed"


class NotAllowed(DeliveryError):
    """403: hold this action of the connection only.

    Args:
        scope: the missing scope or permission, by the vendor's name, if known.
    """

    kind = "not_allowed"

    def __init__(self, message: str, *, scope: str | None = None, **known: object) -> None:
        super().__init__(message, **known)  # type: ignore[arg-type]
        self.scope = scope


class TargetGone(DeliveryError):
    """404 or 410 on the record: finish the delivery as skipped."""

    kind = "target_gone"


class Rejected(DeliveryError):
    """Any other 4xx: dead now, never retried by itself."""

    kind = "rejected"


class Undeliverable(Rejected):
    """The address does not exist (a channel's refusal): dead now, and nobody writes to that address again."""

    kind = "undeliverable"
