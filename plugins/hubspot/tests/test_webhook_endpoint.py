"""HubSpot's known signatures through the product's webhook endpoint, and its answers to rejected requests."""

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


class WebClient:
    """HTTP client of the product's web application; no network."""

    def __init__(self, product, runner):
        self.product = product
        self._runner = runner
        transport = httpx.ASGITransport(create_app(product.backend, clock=product.clock))
        self._http = httpx.AsyncClient(transport=transport, base_url="https://www.example.com")

    def post(self, path, **options):
        return self._runner.run(self._http.post(path, **options))

    def get(self, path, **options):
        return self._runner.run(self._http.get(path, **options))


@pytest.fixture
def make_client(application):
    """Return a function that creates a client behind a proxy from the registered address to `/hooks/crm`."""
    with asyncio.Runner() as runner:
        yield lambda *args, **settings: create_client(application, runner, *args, **settings)


def create_client(application, runner, at: str | None = None, **settings) -> WebClient:
    product = application(
        {"core": {"public_url": "https://www.example.com"}},
        webhook_secrets=[KNOWN_SECRET],
        webhook_url=REGISTERED,
        portal_id=62515,
        **settings,
    )
    if at is not None:
        product.clock.now = datetime.fromtimestamp(int(at) / 1000, UTC)
    return WebClient(product, runner)


def stored_bodies(client) -> list[bytes]:
    with client.product.ledger.read() as session:
        return [row.body for row in session.execute(select(RawRequest)).scalars()]


def signed_v3(timestamp: str, signature: str) -> dict[str, str]:
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}


@pytest.mark.parametrize(("timestamp", "signature"), V3)
def test_a_version_3_signature_is_accepted(make_client, timestamp, signature):
    """The body of HubSpot's example is not JSON: it is accepted, reported as unreadable, and not stored."""
    client = make_client(at=timestamp)
    response = client.post("/hooks/crm", content=V3_BODY, headers=signed_v3(timestamp, signature))
    assert (response.status_code, response.json()) == (400, {"error": "unreadable"})
    assert stored_bodies(client) == []


@pytest.mark.parametrize(("timestamp", "signature"), V3)
@pytest.mark.parametrize("body", [b"", V3_BODY + b" ", b'{"example_field":"example_value"}'])
def test_another_body_is_rejected(make_client, timestamp, signature, body):
    response = make_client(at=timestamp).post("/hooks/crm", content=body, headers=signed_v3(timestamp, signature))
    assert (response.status_code, response.json()) == (401, {"error": "signature"})


@pytest.mark.parametrize(("timestamp", "signature"), V3)
@pytest.mark.parametrize("late", [300_001, -300_001])
def test_signatures_older_or_newer_than_five_minutes_are_stale(make_client, timestamp, signature, late):
    client = make_client(at=str(int(timestamp) + late))
    response = client.post("/hooks/crm", content=V3_BODY, headers=signed_v3(timestamp, signature))
    assert response.json() == {"error": "stale"}


@pytest.mark.parametrize(("timestamp", "signature"), V3)
@pytest.mark.parametrize("late", [300_000, -300_000])
def test_signatures_within_five_minutes_are_accepted(make_client, timestamp, signature, late):
    client = make_client(at=str(int(timestamp) + late))
    response = client.post("/hooks/crm", content=V3_BODY, headers=signed_v3(timestamp, signature))
    assert response.json() == {"error": "unreadable"}


def test_version_2_is_accepted_if_configured(make_client):
    headers = {"X-HubSpot-Signature": V2_POST, "X-HubSpot-Signature-Version": "v2"}
    client = make_client(signatures=["v2"])
    assert client.post("/hooks/crm", content=V2_BODY, headers=headers).status_code == 200
    assert stored_bodies(client) == [V2_BODY]
    assert make_client().post("/hooks/crm", content=V2_BODY, headers=headers).json() == {"error": "signature"}


def test_a_get_request_is_no_webhook_even_if_signed(make_client):
    headers = {"X-HubSpot-Signature": V2_GET, "X-HubSpot-Signature-Version": "v2"}
    assert make_client(signatures=["v2"]).get("/hooks/crm", headers=headers).status_code == 405


def test_version_1_is_accepted_if_configured(make_client):
    headers = {"X-HubSpot-Signature": V1, "X-HubSpot-Signature-Version": "v1"}
    client = make_client(signatures=["v1"])
    assert client.post("/hooks/crm", content=V1_BODY, headers=headers).status_code == 200
    assert stored_bodies(client) == [V1_BODY]
    assert make_client().post("/hooks/crm", content=V1_BODY, headers=headers).json() == {"error": "signature"}


def test_the_query_is_part_of_the_signature(make_client):
    timestamp = V3[0][0]
    client = make_client(at=timestamp)
    signature = signature_v3(KNOWN_SECRET, "POST", f"{REGISTERED}?a=%20b", b"[]", timestamp)
    response = client.post("/hooks/crm?a=%20b", content=b"[]", headers=signed_v3(timestamp, signature))
    assert response.status_code == 200


def test_rejections_are_counted_by_reason(make_client):
    client = make_client()
    client.post("/hooks/crm", content=b"[]", headers=signed_v3("1", "wrong"))
    with client.product.ledger.read() as session:
        [row] = session.execute(select(CounterRow)).scalars()
    assert (row.name, row.connection, row.count) == ("webhook_signature", "crm", 1)
