"""`nps-connect comments`: try the words, report, and tag."""

from __future__ import annotations

import json


def test_themes_of_a_text_and_of_a_file(cli, tmp_path):
    assert "Delivery: livraison" in cli("comments", "themes", "Livraison en retard").out
    assert "no theme" in cli("comments", "themes", "Parfait").out
    file = tmp_path / "comments.txt"
    file.write_text("Trop cher\n\nLe site est lent\n", encoding="utf-8")
    rows = json.loads(cli("comments", "themes", "--file", str(file), "--language", "fr", "--json").out)
    assert [[theme["theme"] for theme in row["themes"]] for row in rows] == [["price"], ["website"]]
    assert "give a comment, or --file" in cli("comments", "themes").err


def test_tags_and_report(seeded_cli):
    [first, *_] = json.loads(seeded_cli("responses", "list", "--json").out)["items"]
    assert seeded_cli("comments", "tag", first["id"][:10], "rappeler").out == "Tags: rappeler.\n"
    assert json.loads(seeded_cli("responses", "show", first["id"], "--json").out)["tags"] == ["rappeler"]
    for option, value, hits in (
        ("--tag", "rappeler", 1),
        ("--tag", "x", 0),
        ("--theme", "price", 0),
        ("--search", "(", 0),
    ):
        assert len(json.loads(seeded_cli("responses", "list", option, value, "--json").out)["items"]) == hits, option
    assert seeded_cli("comments", "untag", first["id"], "rappeler").out == "Tags: none.\n"
    assert "no themes in this period" in seeded_cli("comments", "report").out
    assert json.loads(seeded_cli("comments", "report", "--json").out) == {"themes": [], "choices": []}
