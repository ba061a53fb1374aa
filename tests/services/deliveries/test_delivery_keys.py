"""The idempotency keys of deliveries."""

from __future__ import annotations

import hashlib
import json
import re
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.records.actions import Action
from nps_connect.services.deliveries.factory import delivery_key


def key(**changes):
    return delivery_key(**{"action": "write_score", "subject": "r1", "revision": 1, "route": "crm"} | changes)


def test_the_key_of_the_same_facts_never_changes():
    assert key() == "write_score-r1-613fbb5fc4f6976a26eb8e179ba09451f8b45ea9be7097f2947eeab49f8301fc"


def test_every_fact_changes_the_key():
    assert len({key(), key(action="send_alert"), key(subject="r2"), key(revision=2), key(route="other")}) == 5


@given(st.sampled_from(get_args(Action)), st.text(), st.none() | st.integers(1), st.none() | st.text())
def test_a_key_fits_into_a_header(action, subject, revision, route):
    built = delivery_key(action=action, subject=subject, revision=revision, route=route)
    assert re.fullmatch(r"[a-z0-9_-]{1,119}", built)
    assert built.startswith(action)


@given(st.sampled_from(get_args(Action)), st.text(), st.none() | st.integers(1), st.none() | st.text())
def test_a_key_ends_with_the_digest_of_its_facts_as_json(action, subject, revision, route):
    facts = json.dumps([action, subject, revision, route], ensure_ascii=False).encode("utf-8", "surrogatepass")
    built = delivery_key(action=action, subject=subject, revision=revision, route=route)
    assert built.endswith(f"-{hashlib.sha256(facts).hexdigest()}")
