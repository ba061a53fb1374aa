"""``[reviews]``: the pace of review invitations."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.settings.base import SettingsTable
from nps_connect.settings.durations import Duration


class Reviews(SettingsTable):
    """``[reviews]``: the pace of review invitations, the same for every score.

    A contact is invited to each platform at most once, whatever these settings are.

    Attributes:
        cooldown: minimum time between two review invitations to one contact, over all platforms.
        reminder_after: from the invitation to the one reminder, if the link was not opened; None disables it.
        wait_for_ticket: maximum time for which an open ticket of the contact delays an invitation.
    """

    cooldown: Duration = timedelta(days=180)
    reminder_after: Duration | None = None
    wait_for_ticket: Duration = timedelta(days=14)
