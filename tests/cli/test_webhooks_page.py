"""docs/webhooks.md: its configuration is valid, its receivers work, its commands too, and its schema is that of what is sent."""

from __future__ import annotations

import base64
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jsonschema
import pytest
from support.simulated_receiver import SECRET

from nps_connect import OutgoingWebhook
from nps_connect.builtin import webhook as plugin
from nps_connect.builtin.webhook.sender import build_headers
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.webhooks.action_specs import SEND_WEBHOOK
from nps_connect.testing.fakes import connect

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "webhooks.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r'^```\w+ title="([\w.-]+)"\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE))
EXAMPLE = json.loads(re.search(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1])


def request_for(content, key="send_webhook-1", secret=SECRET):
    """Return body and headers of a webhook that is sent now."""
    table = {"url": "https://warehouse.example.com/", "secrets": [secret], "events": ["response.recorded"]}
    connection = connect(
        plugin, {"outgoing": table}, clock=lambda: datetime.now(UTC), transport=httpx.MockTransport(None)
    )
    webhook = OutgoingWebhook(idempotency_key=key, **content)
    body = webhook.model_dump_json(include={"type", "timestamp", "data"}).encode()
    return body, build_headers(connection, webhook, body)


def test_the_receiver_of_the_page_handles_each_webhook_once_and_keeps_the_newest_revision(monkeypatch):
    monkeypatch.setenv("WAREHOUSE_WEBHOOK_SECRET", SECRET)
    receiver = {}
    exec(BLOCKS["receiver.py"], receiver)  # our own page
    newer = json.loads(json.dumps(EXAMPLE).replace('"revision": 1', '"revision": 2'))
    first, second = request_for(EXAMPLE), request_for({**newer, "type": "response.changed"}, "send_webhook-2")
    assert [receiver["receive"](*request) for request in (second, first, second)] == [204, 204, 204]
    assert receiver["handled_ids"] == {"send_webhook-1", "send_webhook-2"}
    assert [response["revision"] for response in receiver["responses"].values()] == [2]
    other = "whsec_" + base64.b64encode(b"another secret of the same length").decode()
    assert receiver["receive"](*request_for(EXAMPLE, "send_webhook-3", other)) == 401


def test_the_signature_of_the_page_is_one_of_those_that_are_sent():
    module = {}
    exec(BLOCKS["signature.py"], module)  # our own page
    body, headers = request_for(EXAMPLE)
    assert module["signature"](SECRET, headers, body) in headers["webhook-signature"].split(" ")


def test_the_example_of_the_page_fits_the_published_schema_and_a_wrong_one_does_not():
    schema = json.loads((DOCS / "reference" / "webhooks.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(EXAMPLE, schema, cls=jsonschema.Draft202012Validator)
    del EXAMPLE["data"]["response"]["score"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(EXAMPLE, schema, cls=jsonschema.Draft202012Validator)


def test_the_configuration_of_the_page_is_accepted_and_a_route_cannot_name_the_action(configured_cli):
    path = configured_cli.folder / "nps-connect.toml"
    path.write_text(path.read_text() + "\n" + BLOCKS["nps-connect.toml"])
    environment = {"plugins": "alerts,email,webhook", "WAREHOUSE_WEBHOOK_SECRET": SECRET}
    checked = configured_cli("config", "check", **environment)
    assert checked.code == 0, checked.err
    assert "warehouse" in checked.out
    assert "is used by no" not in checked.out, "`events` of the page names what is sent; no route does"
    path.write_text(path.read_text() + '\n[[routes]]\non = "any"\ndo = "send_webhook"\nvia = "warehouse"\n')
    refused = configured_cli("config", "check", **environment)
    assert refused.code == 2
    assert "send_alert" in refused.err, "the allowed actions are named"


def test_the_delays_of_the_page_are_those_of_the_action():
    [delays] = re.findall(r"tried again after (.*?), later", PAGE)
    units = {"s": "seconds", "min": "minutes", "h": "hours"}
    parts = re.findall(r"(\d+) (\w+)", delays)
    assert SEND_WEBHOOK.retry_plan.delays == tuple(timedelta(**{units[unit]: int(number)}) for number, unit in parts)


def test_the_commands_of_the_page_work(seeded_cli):
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    deliveries = [
        NewDelivery(
            connection="warehouse",
            action="send_webhook",
            subject=state,
            due_at=now,
            options={"webhook": "response.recorded"},
            payload=EXAMPLE,
        )
        for state in ("dead", "succeeded")
    ]
    with seeded_cli.application.ledger.write() as session:
        enqueue_deliveries(session, deliveries, now)
        change = "UPDATE deliveries SET state = '{0}' WHERE key LIKE 'send_webhook-{0}%'"
        for state in ("dead", "succeeded"):
            session.connection().exec_driver_sql(change.format(state))
    commands = re.findall(r"^nps-connect (.+)$", PAGE, re.MULTILINE)
    listed, retried, repeated = [seeded_cli(*shlex.split(command)) for command in commands]
    assert (listed.code, retried.code, repeated.code) == (0, 0, 0), (listed.err, retried.err, repeated.err)
    assert "response.recorded" in listed.out
    assert "1 delivery due now." in retried.out
    assert "1 of 1 can be retried" in repeated.out
