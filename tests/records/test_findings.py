"""Findings have a kind with a stable id."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from nps_connect.records.finding_kinds import FINDING_KINDS
from nps_connect.records.findings import Finding


def test_a_finding_tells_its_kind():
    finding = Finding(severity="error", text="no worker has reported for 3 hours", id="worker-missing")
    assert finding.kind == FINDING_KINDS["worker-missing"]


def test_an_unknown_kind_is_refused_with_the_place_of_the_list():
    with pytest.raises(ValidationError, match=r"'worker-mising' is no kind of finding.*docs/findings\.md"):
        Finding(severity="error", text="no worker", id="worker-mising")


def test_ids_can_be_headings_and_their_texts_are_sentences():
    for finding_id, kind in FINDING_KINDS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", finding_id)
        assert kind.title
        assert not kind.title.endswith(".")
        assert kind.why.endswith(".")
