"""Properties of every filter and every value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.filters import FilterError, compile_filter

FIELDS = {"amount": "number", "stage": "text", "vip": "boolean", "closed_at": "moment"}
WORDS = str.split("""
    amount stage vip closed_at other and or not in == != < <= > >= ( ) [ ] { } , "won" "" 100 -1 3.5 true false null
    d"2026-01-31T09:00:00Z" d"x" =~ ** * $now . b"x" for if ? : ?? # \\
""")
values = st.dictionaries(
    st.sampled_from([*FIELDS, "other"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**5000)
    | st.floats()
    | st.sampled_from(["won", "120.00", "true", "2026-02-01", "1769904000000", "-99999999999999", "1e999", ""])
    | st.text(max_size=20),
)

# A condition and what it must answer: yes, no, or unknown where the field is missing.
OPERATORS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def comparison(operator, number):
    text = f"amount {operator} {number}"
    return text, lambda amount: None if amount is None else OPERATORS[operator](amount, number)


def negation(inner):
    text, answer = inner

    def negated(amount):
        result = answer(amount)
        return None if result is None else not result

    return f"not ({text})", negated


def junction(word, left, right):
    def joined(amount):
        results = {left[1](amount), right[1](amount)}
        decisive = word == "or"
        if decisive in results:
            return decisive
        return None if None in results else not decisive

    return f"({left[0]}) {word} ({right[0]})", joined


conditions = st.recursive(
    st.builds(comparison, st.sampled_from(list(OPERATORS)), st.integers(-3, 3)),
    lambda inner: st.builds(negation, inner) | st.builds(junction, st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


@given(conditions, st.none() | st.integers(-3, 3))
def test_result_follows_three_valued_logic(condition, amount):
    text, answer = condition
    compiled = compile_filter(text, FIELDS, open_fields=False)
    expected = answer(amount) is True
    assert compiled.matches({"amount": amount}) is expected
    assert compiled.matches({"amount": None if amount is None else f"{amount}.00"}) is expected


def compiled_or_mistake(text, open_fields):
    try:
        return compile_filter(text, FIELDS, open_fields=open_fields)
    except FilterError as error:
        return error


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=60), values, st.booleans())
def test_any_text_compiles_or_raises_an_error_with_a_column(text, values, open_fields):
    outcome = compiled_or_mistake(text, open_fields)
    if isinstance(outcome, FilterError):
        assert 1 <= outcome.column <= len(text) + 1
        assert outcome.problem
    else:
        assert outcome.matches(values) in {True, False}
        assert open_fields or outcome.names <= FIELDS.keys()


@given(values)
def test_matching_never_raises(values):
    text = (
        'amount > 1 or stage < "x" or vip or closed_at > d"2026-01-31T09:00:00Z" or other == 1 or other == "x" or other'
    )
    assert compile_filter(text, FIELDS, open_fields=True).matches(values) in {True, False}
