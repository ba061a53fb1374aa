"""The brake requires a number of recipients and a share of the mails, and twice a confirmed share."""

from __future__ import annotations

import pytest

from nps_connect.rules.bounce_brake import REPORT_LIMIT, SMTP_LIMIT, BounceCount


@pytest.mark.parametrize(
    ("recipients", "mails", "limit", "expected"),
    [
        (5, 25, SMTP_LIMIT, True),
        (5, 26, SMTP_LIMIT, False),
        (4, 4, SMTP_LIMIT, False),
        (10, 100, REPORT_LIMIT, True),
        (10, 101, REPORT_LIMIT, False),
        (9, 9, REPORT_LIMIT, False),
    ],
)
def test_recipients_and_share_are_both_required(recipients, mails, limit, expected):
    assert BounceCount(recipients, mails).exceeds(limit) is expected


def test_after_a_confirmation_twice_its_share_is_required():
    confirmed = BounceCount(15, 100)
    assert not BounceCount(29, 100).exceeds(REPORT_LIMIT, confirmed)
    assert BounceCount(30, 100).exceeds(REPORT_LIMIT, confirmed)
