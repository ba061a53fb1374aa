"""`VendorResponse`: what came back over HTTP, after the outcome table has been passed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class VendorResponse:
    """A vendor's answer, read completely.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: raw bytes (kept out of the repr: it may hold personal data).
        request_id: the vendor's own id of the request, if it gave one.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str | None = None

    def json(self) -> Any:  # noqa: ANN401  # JSON has no narrower type
        """The body as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None

    def json_or_none(self) -> Any:  # noqa: ANN401
        """The body as JSON, or none if it is not: for error bodies, which may be plain text."""
        try:
            return self.json()
        except ValueError:
            return None
