"""Cells that a spreadsheet must not take for formulas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.formula_injection import escape_formula


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =cmd|' /C calc'!A0"])
def test_what_would_be_calculated_is_not(text):
    assert escape_formula(text) == f"'{text}"


@given(st.text())
def test_nothing_else_is_changed(text):
    assert escape_formula(text) in (text, f"'{text}")
    assert not escape_formula(text).startswith(("=", "+", "-", "@", "\t", "\r"))
