"""When so many recipients are refused that a mistake of a mail server is more likely than dead mailboxes. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

WINDOW = timedelta(hours=1)

CONFIRMATION_PERIOD = timedelta(days=1)
"""How long a confirmed share of dead mailboxes is taken for the quality of the list."""


class BrakeLimit(NamedTuple):
    """From when on mail is held; both are required.

    Attributes:
        recipients: so many different mailboxes.
        percent: of the mails.
    """

    recipients: int
    percent: int


SMTP_LIMIT = BrakeLimit(recipients=5, percent=20)
"""Of refusals in the SMTP dialogue, by our own relay."""

REPORT_LIMIT = BrakeLimit(recipients=10, percent=10)
"""Of bounce reports."""


class BounceCount(NamedTuple):
    """Mails of one connection within `WINDOW`.

    Attributes:
        recipients: different mailboxes that were refused for good.
        mails: all mails, refused or not.
    """

    recipients: int
    mails: int

    def exceeds(self, limit: BrakeLimit, confirmed: BounceCount | None = None) -> bool:
        """Return whether mail must be held.

        Args:
            limit: of this kind of refusals.
            confirmed: what an operator confirmed within `CONFIRMATION_PERIOD`: twice that share is required.
        """
        if self.recipients < limit.recipients or self.recipients * 100 < limit.percent * self.mails:
            return False
        return confirmed is None or self.recipients * confirmed.mails >= 2 * confirmed.recipients * self.mails
