"""`VendorResponse`: a vendor's HTTP response that the outcome table accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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
