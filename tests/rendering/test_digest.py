"""The digest: what it says, in which order, and what it never says."""

import re
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sample_digests import CALLS, COMMENTS, CONSOLE_URL, EARLIER, LEAVE_URL, TREND, sample_digest

from nps_connect.rendering.colours import DARK_PAPER, PAPER, contrast, visible_on_both
from nps_connect.rendering.digest import DigestCall, DigestComment, DigestGroup
from nps_connect.rendering.digest_chart import HEIGHT, WIDTH, TrendPoint, draw_trend, trend_scale
from nps_connect.rules.nps_arithmetic import compute_difference, compute_nps

SECTIONS = {
    "en": ["+47", "To call today", "The score over time", "Shops side by side", "What customers wrote", CONSOLE_URL],
    "fr": ["+47", "À appeler", "Le score dans", "Magasins côte à côte", "Ce que les clients", CONSOLE_URL],
}
HOSTILE = '<script>alert(1)</script> <a href="https://evil.example.com">win</a> {{ 7 * 7 }} =cmd'


@pytest.mark.parametrize("language", ["en", "fr"])
def test_both_parts_answer_first_then_say_what_to_do_then_why(language):
    mail = sample_digest(language)
    for part in (mail.text, re.sub(r"<[^>]+>", " ", mail.html) + CONSOLE_URL):
        positions = [part.casefold().index(section.casefold()) for section in SECTIONS[language]]
        assert positions == sorted(positions)
        for detail in ("Marie Martin", "01 99 00 12 34", "Lyon", "Late again.", "Found the part", "154", "94"):
            assert detail in part


def test_the_subject_tells_score_movement_and_calls():
    assert sample_digest("en").subject == "NPS +47, no clear change, 7 customers to call"
    assert sample_digest("fr").subject == "NPS\u202f+47, pas d’évolution nette, 7 clients à appeler"
    lower, higher = compute_nps(100, 100, 300), compute_nps(300, 100, 100)
    worse = {"figure": lower, "earlier": higher, "movement": compute_difference(lower, higher), "calls_total": 0}
    assert sample_digest("en", team="Lyon", **worse).subject == "Lyon – NPS −40, down 80"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_small_sample_is_counted_not_judged(language):
    small = compute_nps(9, 4, 5)
    mail = sample_digest(language, figure=small, movement=compute_difference(small, EARLIER), trend=None, calls_total=0)
    assert mail.subject.startswith("18 r")
    assert "60px" not in mail.html
    assert {"en": "too few to judge", "fr": "trop peu pour juger"}[language] in mail.text


def test_shops_stand_in_the_given_order_with_count_and_band_and_say_whether_they_differ():
    text = sample_digest("en").text
    assert "Lille          +25  (+7 to +41; 80 responses)" in text
    assert "Villeurbanne     –  (too few to judge; 12 responses)" in text
    assert "Lille: below the others by more than chance explains." in text
    within = [DigestGroup("B", compute_nps(20, 10, 10)), DigestGroup("A", compute_nps(30, 5, 5))]
    assert "so there is no order here" in " ".join(sample_digest("en", groups=within).text.split())


def test_it_has_one_link_besides_calls_and_leaving():
    html = sample_digest("en").html
    links = re.findall(r'href="([^"]+)"', html)
    assert sorted(link for link in links if link.startswith("http")) == sorted([CONSOLE_URL, LEAVE_URL])
    assert {link for link in links if not link.startswith("http")} == {"tel:0199001234", "mailto:paul@example.com"}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_hostile_texts_of_customers_stay_texts(language):
    calls = [DigestCall(HOSTILE, 1, comment=HOSTILE, location=HOSTILE, phone='"><img src=x>')]
    mail = sample_digest(language, calls=calls, comments=[DigestComment(9, HOSTILE, CALLS[0].due_at, HOSTILE)])
    assert "<script>" not in mail.html
    assert "<img src=x" not in mail.html
    assert 'href="https://evil' not in mail.html
    assert "49" not in re.sub(r"#\w+|\d+ ?px|width=\S+", "", mail.text)


def test_the_plain_text_fits_72_columns_and_long_comments_are_shortened():
    comments = [*COMMENTS, DigestComment(8, "word " * 400, CALLS[0].due_at)]
    text = sample_digest("en", comments=comments).text
    assert max(map(len, text.splitlines())) <= 72
    assert "word …”" in text
    assert not re.search(r"\n{4}", text)


def test_nobody_to_call_is_said():
    assert "Nobody is waiting for a call." in sample_digest("en", calls=[], calls_total=0).text
    assert "Personne n’attend d’appel." in sample_digest("fr", calls=[], calls_total=0).html


def test_the_picture_needs_no_font_is_transparent_and_shows_the_line_between_its_band(monkeypatch):
    from PIL import Image, ImageFont

    monkeypatch.setattr(ImageFont, "truetype", None)
    monkeypatch.setattr(ImageFont, "load_default", None)
    picture = Image.open(BytesIO(draw_trend(TREND, "#174ea6")))
    assert picture.size == (WIDTH * 2, HEIGHT * 2)
    middle = [picture.getpixel((WIDTH, y))[3] for y in range(HEIGHT * 2)]
    assert middle[2] == middle[-3] == 0
    line = middle.index(max(middle))
    assert max(middle) > 240
    assert middle[line - 20] in range(40, 70)
    assert middle[line + 20] in range(40, 70)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 60), st.floats(0, 60)), min_size=2, max_size=13))
def test_the_grid_encloses_every_band_at_tens(raw):
    points = [TrendPoint(score, max(-100.0, score - low), min(100.0, score + high)) for score, low, high in raw]
    scale = trend_scale(points)
    assert all(value % 10 == 0 for value in scale)
    assert all(first < second for first, second in pairwise(scale))
    assert scale.middle - scale.low == scale.high - scale.middle
    assert scale.low <= min(point.low for point in points)
    assert scale.high >= max(point.high for point in points)


@given(st.integers(0, 0xFFFFFF))
def test_the_line_is_visible_in_every_company_colour_on_light_and_dark(colour):
    line = visible_on_both(f"#{colour:06x}")
    assert min(contrast(line, PAPER), contrast(line, DARK_PAPER)) >= 3
