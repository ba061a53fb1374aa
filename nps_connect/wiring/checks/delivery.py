"""Delivery: what is said about connections is said about connections that exist."""

from __future__ import annotations

from nps_connect.wiring.checks.subject import Subject


def check_delivery(subject: Subject) -> None:
    """Check the names under ``[delivery.concurrency]``."""
    for name in subject.settings.delivery.concurrency:
        subject.connection(name, ("delivery", "concurrency", name), able=lambda _info: True, lack="cannot be used")
