"""`nps-connect reviews report` as JSON, CSV and table."""

import csv
import io
import json


def test_json_contains_each_band_of_each_platform(seeded_cli):
    rows = json.loads(seeded_cli("reviews", "report", "--json").out)["items"]
    assert [(row["platform"], row["band"], row["scores"], row["answered"]) for row in rows] == [
        ("stars", "promoter", "9-10", 1),
        ("stars", "passive", "7-8", 1),
        ("stars", "detractor", "0-6", 1),
    ]
    assert rows[0]["sent"] == 1
    assert set(rows[0]) == {"platform", "band", "scores", "answered", "shown", "sent", "opened", "machine"}


def test_csv_and_table(seeded_cli):
    rows = list(csv.DictReader(io.StringIO(seeded_cli("reviews", "report", "--csv").out)))
    assert [row["band"] for row in rows] == ["promoter", "passive", "detractor"]
    assert "1 (100%)" in seeded_cli("reviews", "report").out


def test_json_and_csv_are_mutually_exclusive(seeded_cli):
    assert seeded_cli("reviews", "report", "--csv", "--json").code == 2
