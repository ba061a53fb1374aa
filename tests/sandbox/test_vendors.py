from __future__ import annotations

from importlib.metadata import EntryPoint

from nps_connect.sandbox.vendor_loader import ENTRY_POINT_GROUP, installed_entry_points, load_vendors
from nps_connect.simulation import SimulatedVendor, VendorReply


class Good(SimulatedVendor):
    name = "good"

    def handle(self, request):
        return VendorReply(200)

    def state(self):
        return {}

    def environment(self, base_url, connection):
        return {}


class Failing(Good):
    def __init__(self, clock):
        raise RuntimeError("no paper")


class Stranger:
    def __init__(self, clock):
        self.clock = clock


def point(name, value):
    return EntryPoint(name, value if ":" in value else f"{__name__}:{value}", ENTRY_POINT_GROUP)


def test_a_broken_vendor_never_stops_the_others(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__(__name__))
    loaded = load_vendors(
        [
            point("failing", "Failing"),
            point("missing", "no_such_module:Vendor"),
            point("stranger", "Stranger"),
            point("Bad-Name", "Good"),
            point("good", "Good"),
            point("good", "Failing"),
        ]
    )
    assert list(loaded.vendors) == ["good"]
    assert loaded.problems["failing"] == "RuntimeError: no paper"
    assert "no_such_module" in loaded.problems["missing"]
    assert "does not give a SimulatedVendor" in loaded.problems["stranger"]
    assert "lower case" in loaded.problems["Bad-Name"]
    assert "taken twice" in loaded.problems["good"]


def test_installed_vendors_are_listed_once_by_name():
    names = [one.name for one in installed_entry_points()]
    assert names == sorted(set(names))
