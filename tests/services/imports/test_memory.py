"""Files are streamed: memory does not grow with their length."""

import json
import tracemalloc

import pytest

from nps_connect.rules.imports.columns import find_columns
from nps_connect.rules.imports.fields import PEOPLE_FIELDS
from nps_connect.rules.imports.row_errors import MAX_KEPT_ERRORS, InvalidImportFile, RowErrors
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import iter_batches, open_import_file
from nps_connect.services.imports.people import read_people


def file_of(folder, lines):
    path = folder / f"{lines}.csv"
    with path.open("w", encoding="cp1252", newline="") as stream:
        stream.write("Prénom;Courriel\r\n")
        for number in range(lines):
            bad = number % 3 == 0
            stream.write(f"Zoé;{'nobody' if bad else f'p{number}@example.com'}\r\n")
    return path


def peak_of(path):
    """Peak of allocated bytes while the file is read twice, as an import does."""
    source = open_import_file(path)
    columns = find_columns(source.header, PEOPLE_FIELDS, {}, {})
    errors, read = RowErrors(), 0
    tracemalloc.start()
    with DedupStore() as dedup_store:
        for collector in (errors, RowErrors()):
            for batch in iter_batches(
                read_people(source.rows(), columns, dedup_store, collector, allow_ids=False), 500
            ):
                read += len(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, read, errors


def test_memory_does_not_grow_with_the_file(tmp_path):
    small, _, _ = peak_of(file_of(tmp_path, 2_000))
    large, read, errors = peak_of(file_of(tmp_path, 20_000))
    assert read == 2 * (20_000 - errors.total)
    assert (errors.total, len(errors.samples)) == (6_667, MAX_KEPT_ERRORS)
    assert large < small * 1.5


def test_file_changed_during_import_is_refused(tmp_path):
    path = file_of(tmp_path, 10)
    source = open_import_file(path)
    path.write_bytes(path.read_bytes() + b"Luc;luc@example.com\r\n")
    with pytest.raises(InvalidImportFile, match="the file was changed while it was read"):
        next(source.rows())


def json_peak_of(folder, entries):
    path = folder / f"{entries}.json"
    rows = ({"id": str(number), "email": f"p{number}@example.com", "tags": ["a"]} for number in range(entries))
    path.write_text("[" + ",".join(map(json.dumps, rows)) + "]", encoding="utf-8")
    source = open_import_file(path)
    tracemalloc.start()
    read = sum(1 for _ in source.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == entries
    return peak


def test_memory_does_not_grow_with_a_json_file(tmp_path):
    assert json_peak_of(tmp_path, 20_000) < json_peak_of(tmp_path, 4_000) * 1.5
