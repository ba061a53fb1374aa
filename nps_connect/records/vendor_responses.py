"""`VendorResponse`: a vendor's HTTP response that the outcome table accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass(frozen=True)
class VendorResponse:
    """A vendor's HTTP response, read completely.

    Attributes:
        status: HTTP status.
        headers: by name in lower case.
        body: raw bytes (not in the repr, because it may contain personal data).
        request_id: the vendor's id of the request, if any.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str | None = None

    @property
    def sent_at(self) -> datetime | None:
        """Return the time of the response by the vendor's clock (`Date`; UTC, whole seconds), or None if unknown."""
        return parse_http_date(self.headers.get("date", ""))

    def json(self) -> Any:  # noqa: ANN401  # JSON has no narrower type
        """Return the body as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None

    def json_or_none(self) -> Any:  # noqa: ANN401
        """Return the body as JSON, or None if it is not JSON: error bodies may be plain text."""
        try:
            return self.json()
        except ValueError:
            return None


def parse_http_date(text: str) -> datetime | None:
    """Return the UTC time of an HTTP date (RFC 9110, 5.6.7), or None if it is invalid.

    A date without a zone is UTC; of a header that was sent twice, the first date counts.
    """
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
