"""Detection of encodings; mixed ones are refused with line and fix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.imports.charset import detect_encoding
from nps_connect.rules.imports.row_errors import InvalidImportFile

FRENCH = "Prénom;Courriel\r\nZoé;zoe@example.com\r\nJérôme;jerome@example.com\r\n"


@pytest.mark.parametrize(
    ("codec", "label"),
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
def test_encodings_of_spreadsheets_are_detected(codec, label):
    encoding = detect_encoding([FRENCH.encode(codec)])
    assert encoding.label == label
    assert FRENCH.encode(codec).decode(encoding.codec).lstrip("\ufeff") == FRENCH


def test_guessed_encoding_is_marked():
    assert detect_encoding([FRENCH.encode("cp1252")]).is_guessed
    assert not detect_encoding([FRENCH.encode()]).is_guessed


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_partly_utf8_file_is_refused_with_its_line(end):
    body = end.join(["nom", "Zoé", "Jean"]).encode() + end.encode() + "Jérôme".encode("cp1252")
    for cut in (1, 2, 3, 5, 100):
        pieces = [body[at : at + cut] for at in range(0, len(body), cut)]
        with pytest.raises(InvalidImportFile, match="0xE9 is not UTF-8") as refused:
            detect_encoding(pieces)
        assert refused.value.line == 4
        assert "--encoding" in refused.value.fix


@pytest.mark.parametrize("text", ["nom\nTrès bien\n", "nom\nMAÇÃ\nNÃO, Â\n"])
def test_utf8_after_other_bytes_is_refused_with_its_line(text):
    """A comment of a UTF-8 file would be garbled as Windows-1252, whatever comes first."""
    assert detect_encoding([text.encode("cp1252")]).label == "Windows-1252"
    body = text.encode("cp1252") + "Été\n".encode()
    for cut in (1, 2, 5, 100):
        with pytest.raises(InvalidImportFile, match="0xC389 are UTF-8, although text before them is not") as refused:
            detect_encoding([body[at : at + cut] for at in range(0, len(body), cut)])
        assert refused.value.line == text.count("\n") + 1


def test_undefined_bytes_are_refused_with_their_line():
    with pytest.raises(InvalidImportFile, match="neither UTF-8 nor Windows-1252") as refused:
        detect_encoding([b"nom\r\n\xe9t\xe9\r\n\x81\r\n"])
    assert refused.value.line == 3


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [([], "the file is empty"), ([b"PK\x03\x04rest"], "a workbook"), ([b"\xd0\xcf\x11\xe0rest"], "a workbook")],
)
def test_other_file_types_are_refused(pieces, sentence):
    with pytest.raises(InvalidImportFile, match=sentence):
        detect_encoding(pieces)


@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-8-sig"]), st.integers(1, 9))
def test_any_utf8_text_is_detected_in_any_chunks(text, codec, cut):
    body = ("nom\n" + text).encode(codec, "ignore")
    head, tail = body[:4], body[4:]
    encoding = detect_encoding([head, *(tail[at : at + cut] for at in range(0, len(tail), cut))])
    assert body.decode(encoding.codec) == body.decode(codec)


@given(st.lists(st.binary(min_size=1), max_size=5))
def test_any_bytes_are_detected_or_refused_with_a_line(pieces):
    label, line = outcome(pieces)
    assert line is None or line >= 1
    assert label in (None, "UTF-8", "UTF-16", "UTF-32", "Windows-1252")


def outcome(pieces):
    try:
        return detect_encoding(pieces).label, None
    except InvalidImportFile as refused:
        return None, refused.line
