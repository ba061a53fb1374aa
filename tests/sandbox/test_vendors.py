from __future__ import annotations

from importlib.metadata import EntryPoint

from nps_connect.sandbox.factory import ENTRY_POINT_GROUP, installed_entry_points, load_vendors
from nps_connect.simulation import SimulatedVendor, VendorReply


class ValidVendor(SimulatedVendor):
    name = "good"

    def handle(self, request):
        return VendorReply(200)

    def state(self):
        return {}

    def environment(self, base_url, connection):
        return {}


class FailingVendor(ValidVendor):
    def __init__(self, clock):
        raise RuntimeError("no license")


class NotAVendor:
    def __init__(self, clock):
        self.clock = clock


def entry_point(name, value):
    return EntryPoint(name, value if ":" in value else f"{__name__}:{value}", ENTRY_POINT_GROUP)


def test_a_vendor_that_cannot_be_loaded_is_reported_and_the_others_are_loaded(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__(__name__))
    loaded = load_vendors(
        [
            entry_point("failing", "FailingVendor"),
            entry_point("missing", "no_such_module:Vendor"),
            entry_point("unrelated", "NotAVendor"),
            entry_point("Bad-Name", "ValidVendor"),
            entry_point("good", "ValidVendor"),
            entry_point("good", "FailingVendor"),
        ]
    )
    assert list(loaded.vendors) == ["good"]
    assert loaded.problems["failing"] == "RuntimeError: no license"
    assert "no_such_module" in loaded.problems["missing"]
    assert "does not return a SimulatedVendor" in loaded.problems["unrelated"]
    assert "lower case" in loaded.problems["Bad-Name"]
    assert "duplicate name" in loaded.problems["good"]


def test_installed_vendors_are_listed_once_by_name():
    names = [point.name for point in installed_entry_points()]
    assert names == sorted(set(names))
