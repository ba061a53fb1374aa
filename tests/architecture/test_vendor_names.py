"""The core names no vendor: neither in code nor in templates, catalogues or comments."""

from __future__ import annotations

import pytest

VENDORS = ("hubspot", "zendesk", "google", "salesforce", "trustpilot")


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_core_names_no_vendor(vendor, tracked, root):
    core = [path for path in tracked if path.is_relative_to(root / "nps_connect")]
    naming = [
        str(path.relative_to(root))
        for path in core
        if vendor in str(path.relative_to(root)).lower() or vendor.encode() in path.read_bytes().lower()
    ]
    assert core
    assert naming == []
