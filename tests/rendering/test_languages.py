import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rendering.catalogs import choose_language, text_direction

TAGS = st.sampled_from(["fr", "en", "fr-CA", "en-GB", "de", "zh-Hant-TW", "ar"])


@pytest.mark.parametrize(
    ("candidates", "available", "chosen"),
    [
        (["fr"], ["en", "fr"], "fr"),
        (["fr-CA"], ["en", "fr"], "fr"),
        (["FR_ca"], ["en", "fr"], "fr"),
        (["zh-Hant-TW"], ["en", "zh-Hant"], "zh-Hant"),
        (["fr"], ["en", "fr-CA"], "fr-CA"),
        (["de", "fr", "en"], ["en", "fr"], "fr"),
        ([None, "fr"], ["en", "fr"], "fr"),
        (["", "  ", "-"], ["en", "fr"], "en"),
        ([], ["fr", "en"], "fr"),
        (["de"], ["fr", "en"], "fr"),
    ],
)
def test_the_language_is_the_first_candidate_that_is_available(candidates, available, chosen):
    assert choose_language(candidates, available) == chosen


def test_an_exact_match_precedes_another_region():
    assert choose_language(["fr"], ["fr-CA", "fr"]) == "fr"


def test_at_least_one_language_is_required():
    with pytest.raises(ValueError, match="at least one"):
        choose_language(["fr"], [])


@given(st.lists(st.none() | TAGS | st.text()), st.lists(TAGS, min_size=1))
def test_the_result_is_always_available(candidates, available):
    assert choose_language(candidates, available) in available


@given(st.lists(TAGS, min_size=1))
def test_an_available_candidate_is_chosen(available):
    assert choose_language([available[-1]], available) == available[-1]


@pytest.mark.parametrize(("language", "expected"), [("ar", "rtl"), ("he-IL", "rtl"), ("fr", "ltr"), ("arn", "ltr")])
def test_text_direction(language, expected):
    assert text_direction(language) == expected
