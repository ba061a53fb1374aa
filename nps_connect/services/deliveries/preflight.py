"""Results of the checks before a delivery starts: why it is not attempted now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nps_connect.records.deliveries import CancelCode, HoldCode


@dataclass(frozen=True)
class NotAttempted:
    """A delivery that is not attempted now, and why. Made by the class methods.

    Attributes:
        state: the delivery's new state.
        detail: for `skipped` the reason; else what the sentence of the code names.
        hold_code: for `held` and `pending`.
        cancel_code: for `cancelled`.
        until: for `pending`: when it is due again; no attempt is used up.
    """

    state: Literal["skipped", "cancelled", "held", "pending"]
    detail: str | None = None
    hold_code: HoldCode | None = None
    cancel_code: CancelCode | None = None
    until: datetime | None = None

    @classmethod
    def skipped(cls, reason: str) -> NotAttempted:
        """Finish the delivery: there is nothing to do."""
        return cls("skipped", reason)

    @classmethod
    def cancelled(cls, code: CancelCode, detail: str | None = None) -> NotAttempted:
        """Cancel the delivery."""
        return cls("cancelled", detail, cancel_code=code)

    @classmethod
    def held(cls, code: HoldCode, detail: str | None = None) -> NotAttempted:
        """Hold the delivery until it is released."""
        return cls("held", detail, code)

    @classmethod
    def deferred(cls, code: HoldCode, until: datetime, detail: str | None = None) -> NotAttempted:
        """Let the delivery wait until a moment."""
        return cls("pending", detail, code, until=until)
