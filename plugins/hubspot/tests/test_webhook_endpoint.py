"""HubSpot's known answers through the product's own HTTP door, and what the door does with what it does not believe."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import select

from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.tables import RawRequest
from nps_connect.web.app import create_app
from nps_connect_hubspot.webhooks import signature_v3

KNOWN_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
REGISTERED = "https://www.example.com/webhook_uri"
V3_BODY = b"{'example_field':'example_value'}"
V3 = [
    ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
    ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
]
V2_BODY = b'{"example_field":"example_value"}'
V2_POST = "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
V2_GET = "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
V1_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW",'
    b'"appId":54321}]'
)
V1 = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"


class Door:
    """The web application of a product; no network."""

    def __init__(self, product, runner):
        self.product = product
        self._runner = runner
        transport = httpx.ASGITransport(create_app(product.backend, clock=product.clock))
        self._http = httpx.AsyncClient(transport=transport, base_url="https://www.example.com")

    def post(self, path, **given):
        return self._runner.run(self._http.post(path, **given))

    def get(self, path, **given):
        return self._runner.run(self._http.get(path, **given))


@pytest.fixture
def door(application):
    """The web application behind a proxy that leads from the registered address to `/hooks/crm`."""
    with asyncio.Runner() as runner:
        yield lambda *args, **settings: opened(application, runner, *args, **settings)


def opened(application, runner, at: str | None = None, **settings) -> Door:
    product = application(
        {"core": {"public_url": "https://www.example.com"}},
        webhook_secrets=[KNOWN_SECRET],
        webhook_url=REGISTERED,
        portal_id=62515,
        **settings,
    )
    if at is not None:
        product.clock.now = datetime.fromtimestamp(int(at) / 1000, UTC)
    return Door(product, runner)


def stored(client) -> list[bytes]:
    with client.product.ledger.read() as session:
        return [row.body for row in session.execute(select(RawRequest)).scalars()]


def signed_v3(timestamp: str, signature: str) -> dict[str, str]:
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}


@pytest.mark.parametrize(("timestamp", "signature"), V3)
def test_version_3_is_believed(door, timestamp, signature):
    """The example's body is no JSON: believed, therefore told so, and not stored."""
    client = door(at=timestamp)
    answer = client.post("/hooks/crm", content=V3_BODY, headers=signed_v3(timestamp, signature))
    assert (answer.status_code, answer.json()) == (400, {"error": "unreadable"})
    assert stored(client) == []


@pytest.mark.parametrize(("timestamp", "signature"), V3)
@pytest.mark.parametrize("body", [b"", V3_BODY + b" ", b'{"example_field":"example_value"}'])
def test_another_body_is_not(door, timestamp, signature, body):
    answer = door(at=timestamp).post("/hooks/crm", content=body, headers=signed_v3(timestamp, signature))
    assert (answer.status_code, answer.json()) == (401, {"error": "signature"})


@pytest.mark.parametrize(("timestamp", "signature"), V3)
@pytest.mark.parametrize("late", [300_001, -300_001])
def test_the_window_ends_in_both_directions(door, timestamp, signature, late):
    client = door(at=str(int(timestamp) + late))
    answer = client.post("/hooks/crm", content=V3_BODY, headers=signed_v3(timestamp, signature))
    assert answer.json() == {"error": "stale"}


@pytest.mark.parametrize(("timestamp", "signature"), V3)
@pytest.mark.parametrize("late", [300_000, -300_000])
def test_the_window_holds_five_minutes_in_both_directions(door, timestamp, signature, late):
    client = door(at=str(int(timestamp) + late))
    answer = client.post("/hooks/crm", content=V3_BODY, headers=signed_v3(timestamp, signature))
    assert answer.json() == {"error": "unreadable"}


def test_version_2_is_believed_where_the_settings_say_so(door):
    headers = {"X-HubSpot-Signature": V2_POST, "X-HubSpot-Signature-Version": "v2"}
    client = door(signatures=["v2"])
    assert client.post("/hooks/crm", content=V2_BODY, headers=headers).status_code == 200
    assert stored(client) == [V2_BODY]
    assert door().post("/hooks/crm", content=V2_BODY, headers=headers).json() == {"error": "signature"}


def test_a_get_is_no_webhook_however_well_it_is_signed(door):
    headers = {"X-HubSpot-Signature": V2_GET, "X-HubSpot-Signature-Version": "v2"}
    assert door(signatures=["v2"]).get("/hooks/crm", headers=headers).status_code == 405


def test_version_1_is_believed_where_the_settings_say_so(door):
    headers = {"X-HubSpot-Signature": V1, "X-HubSpot-Signature-Version": "v1"}
    client = door(signatures=["v1"])
    assert client.post("/hooks/crm", content=V1_BODY, headers=headers).status_code == 200
    assert stored(client) == [V1_BODY]
    assert door().post("/hooks/crm", content=V1_BODY, headers=headers).json() == {"error": "signature"}


def test_the_query_that_came_along_is_signed_too(door):
    timestamp = V3[0][0]
    client = door(at=timestamp)
    signature = signature_v3(KNOWN_SECRET, "POST", f"{REGISTERED}?a=%20b", b"[]", timestamp)
    answer = client.post("/hooks/crm?a=%20b", content=b"[]", headers=signed_v3(timestamp, signature))
    assert answer.status_code == 200


def test_refusals_are_counted_by_reason(door):
    client = door()
    client.post("/hooks/crm", content=b"[]", headers=signed_v3("1", "wrong"))
    with client.product.ledger.read() as session:
        [row] = session.execute(select(CounterRow)).scalars()
    assert (row.name, row.connection, row.count) == ("webhook_signature", "crm", 1)
