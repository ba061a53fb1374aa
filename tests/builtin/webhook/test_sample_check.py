"""Samples: a mapping that finds nothing in its example is a mistake that names the nearest path."""

import json

import pytest
from support.builtin_webhook import ORDER, build_connection

from nps_connect.builtin.webhook.sample_check import find_settings_mistakes

PAYLOAD = {
    "order": {
        "id": 7,
        "paid_at": "2026-03-02T09:00:00",
        "customer": {"e-mail": "lea.martin@example.com", "lang": None},
    },
    "lines": [{"sku": "a", "price": "1.50"}],
    "status": "done",
}
MAPPING = {
    **ORDER,
    "object_id": "order.id",
    "person": {"email": 'order.customer."e-mail"', "language": "order.customer.lang"},
    "sample": "order.json",
}


@pytest.fixture
def mistakes(tmp_path):
    """Returns the mistakes of a mapping with changes: key path, problem and nearest path."""
    (tmp_path / "order.json").write_text(json.dumps(PAYLOAD))

    def mistakes(content=None, **change):
        if content is not None:
            (tmp_path / "order.json").write_bytes(content)
        settings = build_connection({**MAPPING, **change}).settings
        return [
            (mistake.key_path[3:], mistake.problem, mistake.nearest)
            for mistake in find_settings_mistakes(settings, tmp_path)
        ]

    return mistakes


def test_a_mapping_that_fits_its_sample_has_no_mistakes(mistakes):
    assert mistakes() == []
    assert mistakes(when="status == 'done'", occurred_at={"expression": "order.paid_at", "zone": "UTC"}) == []
    assert mistakes(items="lines", object_id="sku", person={"email": '_payload.order.customer."e-mail"'}) == []


NOTHING = "finds nothing in the sample"


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"object_id": "order.idd"}, (("object_id",), NOTHING, "order.id")),
        ({"object_id": "data.id"}, (("object_id",), NOTHING, "order.id")),
        ({"object_id": "invoice_number"}, (("object_id",), NOTHING, None)),
        ({"person": {"email": "order.customer.email"}}, (("person", "email"), NOTHING, 'order.customer."e-mail"')),
        ({"fields": {"price": "lines[0].prize"}}, (("fields", "price"), NOTHING, "lines[0].price")),
        ({"occurred_at": "order.payed_at"}, (("occurred_at",), NOTHING, "order.paid_at")),
        ({"occurred_at": "order.paid_at"}, (("occurred_at",), "finds a value in the sample that cannot be used", None)),
        ({"when": "state == 'done'"}, (("when",), "does not apply to the sample", "status")),
        (
            {"items": "lines", "object_id": "sku", "person": {"email": "sku"}, "when": "status == 'done'"},
            (("when",), "does not apply to the sample", "_payload.status"),
        ),
        ({"items": "line", "object_id": "sku"}, (("items",), "finds no list in the sample", "lines")),
        (
            {"kind": {"expression": "status", "values": {"paid": "order.paid"}}},
            (("kind", "expression"), "has a value in the sample that is not in values", None),
        ),
    ],
)
def test_the_nearest_path_of_the_sample_is_named(mistakes, change, mistake):
    assert mistakes(**change) == [mistake]


@pytest.mark.parametrize(("content", "problem"), [(b"{", "is not a JSON file"), (b"null", "neither a JSON object")])
def test_a_sample_that_is_no_payload_is_a_mistake(mistakes, content, problem):
    [(key_path, text, _)] = mistakes(content)
    assert key_path == ("sample",)
    assert problem in text


def test_a_missing_sample_is_a_mistake(mistakes):
    assert mistakes(sample="other.json") == [(("sample",), "cannot be read: No such file or directory", None)]
