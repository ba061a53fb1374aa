"""CPU time of moving in: pages of an API with responses, people and opt-outs, planned and stored in an empty ledger."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from time import process_time

from benchmarks._fixtures import START, application_at
from nps_connect.rules.imports.columns import find_columns
from nps_connect.rules.imports.fields import FIELDS_BY_KIND
from nps_connect.rules.imports.layouts import LAYOUTS, recognize_layout
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.imports.archive import ArchiveFile, build_steps
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import iter_batches, open_import_file
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.moments import MomentParser
from nps_connect.services.imports.people_index import PeopleIndex

RESPONSES = 100_000
BATCH_SIZE = 500
SOURCE = "delighted"
DAY = 86_400


def measure(responses: int = RESPONSES) -> Iterator[tuple[str, int, float, str]]:
    """Return the CPU time of reading an archive completely, and of reading it again and storing it on SQLite."""
    with tempfile.TemporaryDirectory() as folder, application_at(f"sqlite:///{folder}/ledger.db") as application:
        files = [_open(path) for path in _write(Path(folder), responses)]
        target = ImportTarget("after-purchase", "mail", lookup_enabled=False)
        with DedupStore() as dedup_store, PeopleIndex() as people:
            begin = process_time()
            steps = build_steps(application.ctx, target, files, dedup_store, people)
            rows = sum(1 for step in steps for _ in step.read(RowErrors(), lambda _done, _total: None))
            planned = process_time() - begin
            yield f"plan {responses:,} responses", responses, planned, f"{rows:,} rows of all kinds"
            for step in steps:
                for batch in iter_batches(step.read(RowErrors(), lambda _done, _total: None), BATCH_SIZE):
                    step.store(batch, Counter(), RowErrors())
            yield f"migrate {responses:,} responses", responses, process_time() - begin, "CPU time with the plan"


def _write(folder: Path, responses: int) -> Iterator[Path]:
    """Write an archive with half as many people as responses, of whom one in 25 has opted out."""
    now, people = int(START.timestamp()) - DAY, responses // 2
    rows = {
        "people": [
            {"id": str(n), "email": f"p{n}@example.com", "name": f"P {n}", "last_sent_at": now - n % 400 * DAY}
            for n in range(people)
        ],
        "responses": [
            {"id": str(n), "person": str(n % people), "survey_type": "nps", "score": n % 11, "comment": "Très bien",
             "created_at": now - n % 700 * DAY, "tags": ["vip"] if n % 10 == 0 else [], "notes": []}
            for n in range(responses)
        ],
        "unsubscribes": [{"email": f"p{n}@example.com", "unsubscribed_at": now} for n in range(0, people, 25)],
    }  # fmt: skip
    for name, objects in rows.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(objects), encoding="utf-8")
        yield path


def _open(path: Path) -> ArchiveFile:
    file = open_import_file(path)
    layout = recognize_layout(LAYOUTS, SOURCE, file.header)
    if layout is None:
        raise ValueError(f"{path.name} is not recognised")
    columns = find_columns(file.header, FIELDS_BY_KIND[layout.kind], {}, layout.columns)
    return ArchiveFile(layout, file, columns, MomentParser(None, UTC, START))
