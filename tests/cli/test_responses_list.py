import json


def test_confirmed_answers_newest_first(stocked):
    rows = json.loads(stocked("responses", "list", "--json").out)
    assert [(row["score"], row["segment"], row["contact"]) for row in rows] == [
        (2, "detractor", "crm:3"),
        (8, "passive", "crm:2"),
        (10, "promoter", "crm:1"),
    ]
    assert {row["state"] for row in rows} == {"confirmed"}
    assert "Parfait" in stocked("responses", "list").out


def test_one_segment_or_one_survey(stocked):
    assert [row["score"] for row in json.loads(stocked("responses", "list", "--segment", "passive", "--json").out)] == [
        8
    ]
    assert stocked("responses", "list", "--survey", "other").out == "no responses\n"


def test_provisional_answers_are_apart(stocked):
    [row] = json.loads(stocked("responses", "list", "--provisional", "--json").out)
    assert (row["state"], row["score"], row["contact"]) == ("provisional", 0, "crm:4")
    assert stocked("responses", "list", "--provisional", "--segment", "promoter").out == "no provisional responses\n"


def test_a_long_list_is_cut_and_says_so(stocked):
    assert stocked("responses", "list", "--limit", "1").out.endswith("There are more; show them with --limit 10.\n")
