"""Which encoding a file is in: believed, found, or refused with the line and the way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.imports.charset import detect_encoding
from nps_connect.rules.imports.row_errors import InvalidImportFile

FRENCH = "Prénom;Courriel\r\nZoé;zoe@example.com\r\nJérôme;jerome@example.com\r\n"


@pytest.mark.parametrize(
    ("codec", "told"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),
    ],
)
def test_what_a_spreadsheet_writes_is_recognised(codec, told):
    found = detect_encoding([FRENCH.encode(codec)])
    assert found.label == told
    assert FRENCH.encode(codec).decode(found.codec).lstrip("\ufeff") == FRENCH


def test_what_was_only_guessed_says_so():
    assert detect_encoding([FRENCH.encode("cp1252")]).is_guessed
    assert not detect_encoding([FRENCH.encode()]).is_guessed


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_that_is_partly_utf8_is_refused_with_the_line(end):
    body = end.join(["nom", "Zoé", "Jean"]).encode() + end.encode() + "Jérôme".encode("cp1252")
    for cut in (1, 2, 3, 5, 100):
        pieces = [body[at : at + cut] for at in range(0, len(body), cut)]
        with pytest.raises(InvalidImportFile, match="0xE9 is not UTF-8") as refused:
            detect_encoding(pieces)
        assert refused.value.line == 4
        assert "--encoding" in refused.value.fix


def test_bytes_of_no_western_encoding_are_refused_with_the_line():
    with pytest.raises(InvalidImportFile, match="neither UTF-8 nor Windows-1252") as refused:
        detect_encoding([b"nom\r\n\xe9t\xe9\r\n\x81\r\n"])
    assert refused.value.line == 3


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [([], "the file is empty"), ([b"PK\x03\x04rest"], "a workbook"), ([b"\xd0\xcf\x11\xe0rest"], "a workbook")],
)
def test_what_is_no_csv_at_all_is_refused_by_its_name(pieces, sentence):
    with pytest.raises(InvalidImportFile, match=sentence):
        detect_encoding(pieces)


@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-8-sig"]), st.integers(1, 9))
def test_any_text_in_utf8_is_read_as_it_was_written(text, codec, cut):
    body = ("nom\n" + text).encode(codec, "ignore")
    head, rest = body[:4], body[4:]
    found = detect_encoding([head, *(rest[at : at + cut] for at in range(0, len(rest), cut))])
    assert body.decode(found.codec) == body.decode(codec)


@given(st.lists(st.binary(min_size=1), max_size=5))
def test_any_bytes_have_an_encoding_or_are_refused_with_a_line(pieces):
    found, line = outcome(pieces)
    assert line is None or line >= 1
    assert found in (None, "UTF-8", "UTF-16", "UTF-32", "Windows-1252")


def outcome(pieces):
    try:
        return detect_encoding(pieces).label, None
    except InvalidImportFile as refused:
        return None, refused.line
