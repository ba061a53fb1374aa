"""Escaping against formula injection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.formula_injection import escape_formula


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =cmd|' /C calc'!A0"])
def test_a_formula_is_escaped(text):
    assert escape_formula(text) == f"'{text}"


@given(st.text())
def test_other_text_is_unchanged(text):
    assert escape_formula(text) in (text, f"'{text}")
    assert not escape_formula(text).startswith(("=", "+", "-", "@", "\t", "\r"))
