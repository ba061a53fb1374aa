"""Cost and memory of reading a file of contacts, with ten thousand and with a million lines."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time

import psutil

from nps_connect.rules.imports.columns import find_columns
from nps_connect.rules.imports.fields import PEOPLE_FIELDS
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import open_import_file
from nps_connect.services.imports.people import read_people

SIZES = (10_000, 1_000_000)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the lines read, checked and compared with all earlier lines, with CPU time and peak memory."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for lines in SIZES:
            path = Path(folder) / f"{lines}.csv"
            _write(path, lines)
            ours, theirs = spawn.Pipe()
            reader = spawn.Process(target=_read_in_process, args=(str(path), theirs))
            reader.start()
            seconds, grown = ours.recv()
            reader.join()
            yield f"lines of a file of {lines:,}", lines, seconds, f"{grown / 2**20:.1f} MiB more than before"


def _write(path: Path, lines: int) -> None:
    with path.open("w", encoding="cp1252", newline="") as stream:
        stream.write("Prénom;Nom;Adresse e-mail;Ville\r\n")
        for number in range(lines):
            stream.write(f"Zoé;Lefèvre {number};p{number}@example.com;Évry\r\n")


def _read_in_process(path: str, result_pipe: Connection) -> None:
    """Run in a separate process, so that nothing else counts."""
    process = psutil.Process()
    before, begin = process.memory_info().rss, process_time()
    source = open_import_file(Path(path))
    columns, most = find_columns(source.header, PEOPLE_FIELDS, {}, {}), before
    with DedupStore() as dedup_store:
        for number, _ in enumerate(read_people(source.rows(), columns, dedup_store, RowErrors(), allow_ids=False)):
            if number % 10_000 == 0:
                most = max(most, process.memory_info().rss)
    result_pipe.send((process_time() - begin, max(most, process.memory_info().rss) - before))
