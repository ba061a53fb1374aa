"""Delivery: what is said about connections is said about connections that exist."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext


def check_delivery(subject: CheckContext) -> None:
    """Check the names under ``[delivery.concurrency]``."""
    for name in subject.settings.delivery.concurrency:
        subject.connection(
            name, ("delivery", "concurrency", name), is_supported=lambda _info: True, problem_text="cannot be used"
        )
