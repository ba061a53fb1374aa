"""Filters as operators write them: which values pass, and the messages for invalid filters."""

from __future__ import annotations

import pytest

from nps_connect.rules.filters import FilterError, compile_filter

FIELDS = {
    "amount": "number",
    "stage": "text",
    "vip": "boolean",
    "closed_at": "moment",
    "for": "text",
}
WON = {
    "amount": "120.00",
    "stage": "won",
    "vip": "true",
    "closed_at": "2026-02-01T09:30:00+01:00",
    "contact.language": "fr",
    "for": "a gift",
}


def passes(text, values, *, open_fields=False):
    return compile_filter(text, FIELDS, open_fields=open_fields).matches(values)


@pytest.mark.parametrize(
    "text",
    [
        "amount >= 100",
        "amount == 120",
        "-5 < amount",
        "amount > 100 and not amount > 200",
        "amount\n  >= 100",
        'stage == "won"',
        "stage == 'won'",
        'stage != "lost"',
        'stage in ["won", "closed"]',
        'stage not in {"lost", "open"}',
        '"o" in stage',
        "vip",
        "vip == true",
        "not vip == false",
        'closed_at > d"2026-02-01T08:00:00Z"',
        'closed_at == d"2026-02-01T08:30:00Z"',
        'contact.language == "fr"',
        'for == "a gift"',
        "amount != null",
        '(stage == "lost" or amount > 100) and vip',
    ],
)
def test_filter_accepts_values(text):
    assert passes(text, WON)


@pytest.mark.parametrize(
    "text",
    [
        "amount < 100",
        'stage == "Won"',
        'stage in ["lost"]',
        "not vip",
        'closed_at < d"2026-02-01T08:30:00Z"',
        "amount == null",
        'stage == "lost" or amount < 100',
    ],
)
def test_filter_refuses_values(text):
    assert not passes(text, WON)


@pytest.mark.parametrize(
    "text",
    [
        "amount >= 100",
        "amount < 100",
        "amount != 100",
        "not amount >= 100",
        "amount in [1, 2]",
        "amount not in [1, 2]",
        "vip",
        "not vip",
        '"x" in stage',
        'stage not in ["lost"]',
        'closed_at < d"2026-02-01T08:30:00Z"',
    ],
)
@pytest.mark.parametrize("values", [{}, dict.fromkeys(FIELDS), dict.fromkeys(FIELDS, "")])
def test_comparison_with_missing_field_and_its_negation_are_unknown(text, values):
    assert not passes(text, values)


def test_comparison_with_null_tests_presence():
    assert passes("amount == null", {"amount": ""})
    assert passes("amount == null", {"amount": "on request"})
    assert passes("null == stage", {})
    assert not passes("stage == null", {"stage": "won"})


def test_missing_field_does_not_affect_the_other_side_of_or():
    assert passes("amount > 1 or vip", {"vip": "TRUE"})
    assert not passes("amount > 1 and vip", {"vip": "TRUE"})


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("score > 8", {"score": "9"}, True),
        ("score > 8", {"score": "10"}, True),
        ("score > 8", {"score": 10}, True),
        ('score == "9"', {"score": 9}, True),
        ("score in [9, 10]", {"score": "10.0"}, True),
        ("score > 8", {"score": "high"}, False),
        ("is_vip", {"is_vip": "true"}, True),
        ("is_vip", {"is_vip": "perhaps"}, False),
        ("score > target", {"score": "10", "target": "9"}, True),
        ("score > target", {"score": "b", "target": "a"}, True),
        ("score == target", {"score": "b"}, False),
        ('since > d"2026-01-01T00:00:00Z"', {"since": "1769904000000"}, True),
        ("score == null", {}, True),
        ('tag == "a\\\\b\\"c"', {"tag": 'a\\b"c'}, True),
    ],
)
def test_undeclared_fields_take_the_type_of_the_compared_value(text, values, expected):
    assert passes(text, values, open_fields=True) is expected


def test_names_exclude_person_fields():
    text = 'amount > 1 and contact.language == "fr" and history.answers == 0 or shade == null'
    used = compile_filter(text, FIELDS, open_fields=True)
    assert used.names == {"amount", "shade"}
    assert used.person_fields == {"contact.language", "history.answers"}
    assert "amount > 1" in repr(used)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("amout > 3", 1, "did you mean 'amount'? known fields: amount, closed_at, contact.email_domain, "),
        ('vip and contact.langauge == "fr"', 9, "did you mean 'contact.language'?"),
        ("amount = 3", 8, "write '=='"),
        ("vip && amount > 3", 5, "write 'and'"),
        ("vip || amount > 3", 5, "write 'or'"),
        ("!vip", 1, "write 'not'"),
        ("vip AND amount > 3", 5, "in lower case"),
        ('stage =~ "w.*"', 7, "regular expressions"),
        ('stage !~~ "w.*"', 7, "regular expressions"),
        ("amount * 2 > 3", 8, "arithmetic"),
        ("amount -5 > 3", 8, "arithmetic"),
        ("amount - 5 > 3", 8, "arithmetic"),
        ("2 ** 9999 > amount", 3, "arithmetic"),
        ("amount << 5", 8, "not part of filters"),
        ("$now > closed_at", 1, "functions"),
        ("stage.lower() == 3", 1, "functions"),
        ("amount(3)", 1, "functions"),
        ("amount[0] == 1", 7, "a list stands after 'in'"),
        ("[amount for vip in stage]", 9, "is not expected here"),
        ("amount > 1e5", 10, "cannot be read"),
        ('amount == "3"', 1, "'amount' is number but the other side is text; write a number"),
        ("vip and stage == 3", 9, "'stage' is text but the other side is number"),
        ("stage == amount", 1, "'stage' is text but 'amount' is number; these cannot be compared"),
        ('amount in [1, "a"]', 1, "is number but the other side is text"),
        ("amount in []", 1, "a list holds values"),
        ("amount in [vip]", 1, "a list holds values"),
        ("other in [1, 'a']", 1, "mixes"),
        ('"x" in amount', 8, "looks for a text"),
        ("3 in stage", 6, "looks for a text"),
        ("vip > false", 1, "have no order"),
        ("amount > null", 1, "null only answers"),
        ("null == null", 1, "asks about no field"),
        ('stage == ""', 1, "write 'field == null'"),
        ("amount", 1, "is not a condition"),
        ("vip and amount", 9, "is not a condition"),
        ('"text"', 1, "is not a condition"),
        ("true", 1, "asks about no field"),
        ("1 == 1", 1, "asks about no field"),
        ("1 < 'a'", 1, "cannot be understood"),
        ("vip and 1 == 1", 1, "asks about no field"),
        ("", 1, "empty"),
        ("  ", 1, "empty"),
        ("amount >", 9, "ends too early"),
        ("(amount > 3", 12, "ends too early"),
        ("amount > 3)", 11, "not expected here"),
        ("1 < amount < 3", 12, "not expected here"),
        ('stage == "won', 10, "no closing quote"),
        ('stage == b"won"', 10, "cannot stand before a quote"),
        ('stage == "w\\d"', 10, "written twice"),
        ('closed_at > d"2026-01-01"', 13, "a moment names its date, time and zone"),
        ('closed_at > d"2026-01-01T10:00:00"', 13, "a moment names its date, time and zone"),
        ('closed_at > d"soon"', 13, "a moment names its date, time and zone"),
        ('closed_at > "2026-01-01T10:00:00Z"', 1, "write a moment such as"),
        ("amount > 3 # why", 12, "not part of filters"),
        ("a" * 1001, 1001, "1000 are allowed"),
        ("(" * 41 + "vip" + ")" * 41, 41, "more than 40"),
        ("not " * 41 + "vip", 161, "more than 40"),
    ],
)
def test_invalid_filter_names_column_and_fix(text, column, message):
    with pytest.raises(FilterError, match=r"^column \d+: ") as caught:
        compile_filter(text, FIELDS, open_fields="other" in text)
    assert message in str(caught.value)
    assert caught.value.column == column


def test_dotted_name_must_be_declared():
    with pytest.raises(FilterError, match=r"unknown field 'contact\.shoe_size'"):
        compile_filter("contact.shoe_size > 40", FIELDS, open_fields=True)


def test_longest_allowed_chain_compiles_and_matches():
    assert passes(" or ".join(["vip"] * 140), {"vip": True})
    assert passes("v" + " or v" * 199, {"v": "true"}, open_fields=True)


def test_compared_types_and_date_like_fields_are_recorded():
    compiled = compile_filter(
        'amount > 1 and closed_at > d"2026-01-31T09:00:00Z" and due > "2026-01-31" and seen == null and paid',
        FIELDS,
        open_fields=True,
    )
    assert compiled.compared_types == {
        "amount": {"number"},
        "closed_at": {"moment"},
        "due": {"text"},
        "paid": {"boolean"},
    }
    assert compiled.date_like_fields == {"due"}


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("amuont >= 100", "  amuont >= 100\n  ^"),
        ("vip and amuont >= 100", "  vip and amuont >= 100\n          ^"),
        ("vip and\namuont >= 100", "  amuont >= 100\n  ^"),
        ("amount >=", "  amount >=\n           ^"),
    ],
)
def test_excerpt_has_a_caret_under_the_error(text, excerpt):
    with pytest.raises(FilterError) as error:
        compile_filter(text, FIELDS, open_fields=False)
    assert error.value.render_excerpt(text) == excerpt
