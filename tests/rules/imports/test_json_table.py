"""JSON is read one object at a time, whatever form tools give it; damage is named by line."""

import io
import json

import pytest

from nps_connect.rules.imports.extras import parse_answers, parse_notes, parse_tags
from nps_connect.rules.imports.json_table import CHUNK_LENGTH, flatten, json_row, read_records
from nps_connect.rules.imports.row_errors import InvalidImportFile

RECORDS = [{"id": str(number), "person": {"email": f"p{number}@example.com"}, "tags": []} for number in range(3)]


def read(text):
    return list(read_records(io.StringIO(text).read))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2),
        "\n".join(map(json.dumps, RECORDS)) + "\n",
        json.dumps(RECORDS[:1]) + "\n" + json.dumps(RECORDS[1:]),
        json.dumps({"success": True, "data": RECORDS, "total": 3}),
        json.dumps({"code": 200, "data": {"responses": RECORDS, "page": 1}}),
        json.dumps({"items": RECORDS, "next_cursor": None}),
        "[" + " " * CHUNK_LENGTH + json.dumps(RECORDS)[1:],
    ],
)
def test_objects_of_lists_lines_and_pages(text):
    assert read(text) == RECORDS


def test_a_number_at_the_end_of_a_chunk_is_read_whole():
    text = '{"a": "' + "x" * (CHUNK_LENGTH - 17) + '", "b": 12345}'
    assert read(text)[0]["b"] == 12345


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"a": 1},\n {"a": 2', "line 2: from here on the file is not JSON, or it is cut off"),
        ("[1, 2]", "the list holds something else than objects"),
        ('[{"a": 1} {"a": 2}]', "a comma or the end of the list"),
        ("7", "a JSON object is expected here"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_damage_is_named_by_line(text, problem):
    with pytest.raises(InvalidImportFile, match=problem):
        read(text)


def test_nested_values_become_columns_and_lists_stay_json():
    record = {"a": {"b": {"c": 1}}, "n": None, "t": True, "s": " x ", "l": ["é"], "e": []}
    assert dict(flatten(record)) == {"a.b.c": "1", "n": "", "t": "true", "s": "x", "l": '["é"]', "e": ""}
    assert json_row(4, record, ("a.b.c", "missing", "l")).cells == ("1", "", '["é"]')
    assert json_row(4, {"a": "x\0"}, ("a",)).error == "a NUL character"


@pytest.mark.parametrize(
    ("text", "tags"),
    [("vip, new;vip", ["vip", "new"]), ('["a", {"name": "b"}]', ["a", "b"]), ("", []), ("[broken", ["[broken"])],
)
def test_tags(text, tags):
    assert parse_tags(text) == tags


def test_notes_and_answers_of_several_tools():
    assert parse_notes("plain text") == [{"text": "plain text"}]
    assert parse_notes('[{"content": "ok", "date": "2026-01-20T09:00:00Z", "author": "a"}, {"text": ""}]') == [
        {"text": "ok", "at": "2026-01-20T09:00:00+00:00"}
    ]
    values = [
        {"free_response": "why"},
        {"scale": 4},
        {"select_one": {"text": "Yes"}},
        {"select_many": [{"text": "a"}, {"text": "b"}]},
        {},
    ]
    answers = [{"value": value, "question": {"id": "q", "text": "Q?"}} for value in values]
    assert [answer["answer"] for answer in parse_answers(json.dumps(answers))] == ["why", "4", "Yes", "a, b"]
    assert parse_answers('[{"questionText": "Why?", "answer": "x"}]') == [
        {"name": "imported", "question": "Why?", "answer": "x"}
    ]
