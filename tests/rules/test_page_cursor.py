"""Cursors: a key comes back as it was, and no other text is one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.page_cursor import decode_cursor, encode_cursor

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, st.integers(0, 2**63 - 1))
def test_a_key_comes_back_as_it_was(moment, row_id):
    cursor = encode_cursor("responses", (moment, row_id))
    assert decode_cursor(cursor, "responses", (datetime, int)) == (moment, row_id)


@given(st.text(), st.sampled_from([None, (int,), (datetime, int)]))
def test_any_other_text_is_refused(text, types):
    with pytest.raises(ValueError, match=r"cursor|list"):
        decode_cursor(text, "responses", types)


@pytest.mark.parametrize("key", [(1,), (datetime(2026, 3, 2, tzinfo=UTC),), (1, 2), (2**63, 1)])
def test_a_key_of_another_shape_or_list_is_refused(key):
    with pytest.raises(ValueError, match="not a cursor"):
        decode_cursor(encode_cursor("cases", key), "cases", (datetime, int))
    with pytest.raises(ValueError, match="another list: cases"):
        decode_cursor(encode_cursor("cases", key), "responses")
