"""Every entry point of the distributions in this repository loads."""

from __future__ import annotations

from importlib.metadata import distributions

import pytest

OURS = {
    (point.group, point.name): point
    for distribution in distributions()
    if (distribution.metadata["Name"] or "").startswith("nps-connect")
    for point in distribution.entry_points
}


@pytest.mark.parametrize("key", sorted(OURS), ids="-".join)
def test_the_entry_point_loads(key):
    assert OURS[key].load() is not None


def test_the_built_in_plugins_are_registered():
    names = {name for group, name in OURS if group == "nps_connect"}
    assert names >= {"alerts", "email"}
    assert ("console_scripts", "nps-connect") in OURS


def test_every_simulated_vendor_belongs_to_a_plugin():
    plugins = {name for group, name in OURS if group == "nps_connect"}
    assert {name for group, name in OURS if group == "nps_connect.sandbox"} <= plugins
