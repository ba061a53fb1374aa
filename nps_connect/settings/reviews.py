"""``[reviews]``: how often one person may be asked for a public review."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.settings.base import SettingsTable
from nps_connect.settings.durations import Duration


class Reviews(SettingsTable):
    """``[reviews]``: how often one person may be asked for a public review. The same for every score.

    Nobody is ever invited twice to one platform. These settings say what holds besides.

    Attributes:
        cooldown: one person gets no second review invitation within this time, over all platforms.
        reminder_after: from the invitation to the one reminder for those who have not opened the link; none = no
            reminder.
        wait_for_ticket: how long an open ticket of this person holds an invitation back at most.
    """

    cooldown: Duration = timedelta(days=180)
    reminder_after: Duration | None = None
    wait_for_ticket: Duration = timedelta(days=14)
