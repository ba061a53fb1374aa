"""Pytest plugin. Every pytest run on the machine loads it, so it imports nothing heavy."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *(
        f"nps_connect.testing.{module}"
        for module in (
            "contract",
            "effect_checks",
            "fault_checks",
            "intake_checks",
            "shape_checks",
            "thread_checks",
            "webhook_checks",
        )
    )
)
