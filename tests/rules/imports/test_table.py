"""CSV tables: written rows are read back, invalid ones are refused with their line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.imports.charset import detect_encoding
from nps_connect.rules.imports.csv_table import DELIMITERS, MAX_CELL_LENGTH, MAX_LINE_LENGTH, read_lines, read_table
from nps_connect.rules.imports.row_errors import InvalidImportFile


def table_of(text, delimiter=None):
    return read_table(read_lines(io.StringIO(text, newline="").readline), delimiter)


def rows_of(text, delimiter=None):
    return [(row.line, row.cells) for row in table_of(text, delimiter).rows]


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_is_detected_from_the_header(delimiter, end):
    text = end.join(delimiter.join(cells) for cells in (("nom", "courriel"), ("Zoé", "zoe@example.com"))) + end
    table = table_of(text)
    assert (table.header, table.delimiter) == (("nom", "courriel"), delimiter)
    assert [row.cells for row in table.rows] == [("Zoé", "zoe@example.com")]


def test_quoted_delimiters_are_ignored():
    assert table_of('"Nom, prénom";Courriel\r\n').header == ("Nom, prénom", "Courriel")


def test_excel_separator_line_is_not_the_header():
    table = table_of("sep=|\r\nnom|courriel;x\r\nZoé|a\r\n")
    assert (table.header, table.delimiter) == (("nom", "courriel;x"), "|")
    assert [row.line for row in table.rows] == [3]


def test_row_line_is_its_first_line():
    text = 'nom;texte\r\n\r\n"Zoé";"deux\r\nlignes"\r\n;;\r\nJean;un\r\n'
    assert rows_of(text) == [(3, ("Zoé", "deux\r\nlignes")), (6, ("Jean", "un"))]


def test_omitted_trailing_cells_are_empty():
    assert rows_of("a;b;c\n1\n1;2;3;;\n") == [(2, ("1", "", "")), (3, ("1", "2", "3"))]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("1;2;3", "3 cells under 2 column names"),
        ("1;\0", "a NUL byte"),
        (f"1;{'x' * (MAX_CELL_LENGTH + 1)}", "a cell of more than 20000 characters"),
    ],
)
def test_invalid_row_does_not_affect_other_rows(row, fault):
    rows = list(table_of(f"a;b\n{row}\n4;5\n").rows)
    assert fault in rows[0].error
    assert (rows[0].line, rows[1].error, rows[1].cells) == (2, None, ("4", "5"))


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "the file is empty"),
        (" \r\n\r\n", 2, "the file is empty"),
        ("zoe@example.com;Zoé\n", 1, "there is no header"),
        ('a;b\n1;2\n3;"open\n4;5\n', 3, "a quote is opened in this row and not closed"),
        ('a;b\n1;"open' + ("x" * 200 + "\n") * 1000, 2, "a quote is opened in this row and not closed"),
        ('a;b\n1;"He said "hello""\n', 2, "something follows a closing quote"),
        ("a;b\n1;" + "x" * MAX_LINE_LENGTH + "\n", 2, "the line is longer than 1000000 characters"),
        (";".join("abc" * 400) + "\n", 1, "more than 1000 columns"),
        ("a;b\0\n", 1, "the header holds a NUL byte"),
    ],
)
def test_invalid_table_is_refused_with_its_line(text, line, sentence):
    with pytest.raises(InvalidImportFile, match=sentence) as refused:
        rows_of(text)
    assert refused.value.line == line
    assert refused.value.fix


CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
WRITTEN = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8)


def through(body, delimiter=None):
    """Read bytes as the import commands do."""
    encoding = detect_encoding([body])
    stream = io.TextIOWrapper(io.BytesIO(body), encoding=encoding.codec, newline="")
    return read_table(read_lines(stream.readline), delimiter)


@given(
    WRITTEN,
    st.sampled_from(DELIMITERS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_rows_in_any_encoding_round_trip_or_are_refused(written, delimiter, codec, end, quoting):
    out = io.StringIO(newline="")
    if any({"\r", "\n"} & set(cell) for cells in written for cell in cells):  # not always quoted by this writer itself
        quoting = csv.QUOTE_ALL
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("nom", "courriel", "texte"), *written])
    body = out.getvalue().encode(codec, "ignore")
    expected = [
        tuple(cell.encode(codec, "ignore").decode(codec).strip() for cell in cells)
        for cells in written
        if any(cell.encode(codec, "ignore").decode(codec).strip() for cell in cells)
    ]
    rows, line = outcome(lambda: through(body, delimiter).rows)
    if codec in ("latin-1", "cp1252"):  # some bytes of these are also UTF-8, or speak against every encoding
        assert rows is not None or line >= 1
        return
    assert through(body).delimiter == delimiter
    assert [row.cells for row in rows if row.error is None] == [c for c in expected if "\0" not in "".join(c)]
    assert len(rows) == len(expected)


def outcome(read):
    """Return the rows, or the line of the error."""
    try:
        return list(read()), None
    except InvalidImportFile as refused:
        return None, refused.line


@given(st.binary(max_size=400), st.sampled_from([None, *DELIMITERS]))
def test_any_bytes_are_rows_or_refused_with_a_line(body, delimiter):
    rows, line = outcome(lambda: through(body, delimiter).rows)
    assert line is None or line >= 1
    assert [row.line for row in rows or ()] == sorted({row.line for row in rows or ()})
    assert len({len(row.cells) for row in rows or ()}) <= 1


@given(st.text(max_size=300), st.sampled_from([None, *DELIMITERS]))
def test_any_text_is_rows_or_refused_with_a_line(text, delimiter):
    rows, line = outcome(lambda: table_of(text, delimiter).rows)
    assert line is None or line >= 1
    assert all(row.line >= 2 for row in rows or ())
