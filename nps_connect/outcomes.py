"""The outcome table: which `DeliveryError` an HTTP status of a vendor means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from nps_connect.errors import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect.records.connectors import StatusRule
from nps_connect.records.vendor_responses import parse_http_date

RETRY_AFTER_CEILING = timedelta(days=1)
NOT_APPLIED_STATUSES = {408, 425, 503}
ERROR_BY_STATUS: dict[int, type[DeliveryError]] = {401: AuthFailed, 403: NotAllowed, 404: TargetGone, 410: TargetGone}


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Parse `Retry-After`, seconds or an HTTP date (RFC 9110, 10.2.3), clamped to 0 .. 1 day; None if it is invalid."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return RETRY_AFTER_CEILING if len(text) > 6 else min(timedelta(seconds=int(text)), RETRY_AFTER_CEILING)
    retry_at = parse_http_date(text)
    return None if retry_at is None else max(timedelta(0), min(retry_at - now, RETRY_AFTER_CEILING))


def error_for_status(
    status: int,
    *,
    title: str,
    idempotent: bool,
    overrides: Mapping[int, StatusRule],
    after: timedelta | None,
    quota: str,
    now: datetime,
) -> DeliveryError:
    """Return the error for a status other than success.

    Args:
        status: of the response.
        title: the vendor's name, for the message.
        idempotent: whether the call can be repeated.
        overrides: rules of the vendor, which take precedence over the table.
        after: the parsed `Retry-After`.
        quota: the quota that the call counted against.
        now: the current time (aware UTC).
    """
    sentence = f"{title} answered {status}"
    rule = overrides.get(status)
    if rule is not None:
        return _error_for_rule(rule, sentence, after, quota, now)
    if status == 429:
        return _rate_limited(RateLimited, sentence, after, quota, now)
    if status in NOT_APPLIED_STATUSES:
        return RetryLater(sentence, after=after)
    if status in ERROR_BY_STATUS:
        return ERROR_BY_STATUS[status](sentence)
    if 300 <= status < 400:
        return Rejected(f"{sentence}, a redirect, which is not followed: is the base URL right?")
    if status >= 500:
        if idempotent:
            return RetryLater(sentence, after=after)
        return OutcomeUnknown(f"{sentence}, the call may have been applied")
    return Rejected(sentence)


def _error_for_rule(
    rule: StatusRule, sentence: str, after: timedelta | None, quota: str, now: datetime
) -> DeliveryError:
    if rule.after_seconds is not None:
        after = max(after or timedelta(), timedelta(seconds=rule.after_seconds))
    if issubclass(rule.error, RateLimited):
        return _rate_limited(rule.error, sentence, after, quota, now)
    if issubclass(rule.error, RetryLater):
        return rule.error(sentence, after=after)
    return rule.error(sentence)


def _rate_limited(
    error_class: type[RateLimited], sentence: str, after: timedelta | None, quota: str, now: datetime
) -> RateLimited:
    return error_class(sentence, after=after, until=None if after is None else now + after, quota=quota)
