"""How many examples a property test of a whole application takes: it is slow, so a share of what the profile says."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def ledger_settings(percent: int) -> settings:
    """Settings for tests that walk through a ledger.

    Args:
        percent: examples for each hundred of the profile's.
    """
    count = max(1, settings.default.max_examples * percent // 100)
    return settings(max_examples=count, suppress_health_check=list(HealthCheck))
