"""Hypothesis settings for property tests of a whole application, which are slow: a share of the profile's examples."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def ledger_settings(percent: int) -> settings:
    """Return settings for tests that use a ledger.

    Args:
        percent: the share of the profile's number of examples.
    """
    count = max(1, settings.default.max_examples * percent // 100)
    return settings(max_examples=count, suppress_health_check=list(HealthCheck))
