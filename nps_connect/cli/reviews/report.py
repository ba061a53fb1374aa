"""``nps-connect reviews report``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

if TYPE_CHECKING:
    from nps_connect.ledger.review_report import ReviewCounts

SCORES = {"promoter": "9-10", "passive": "7-8", "detractor": "0-6"}
COUNTS = ("answered", "shown", "sent", "opened", "machine")


@command
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def report(options: Options, as_json: bool, as_csv: bool) -> None:
    """Count review links by platform and score band.

    Each person counts once per platform and band: responded, was shown the link on the thank-you page, was sent it by
    mail, opened it. Suspected bot visits are counted separately. An opened link means that the person reached the
    platform, not that a review was written.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are mutually exclusive")
    from nps_connect.ledger.review_report import load_review_counts

    with options.open_ledger() as (ledger, _settings), ledger.read() as session:
        bands = sorted(load_review_counts(session), key=lambda band: (band.platform, list(SCORES).index(band.segment)))
    rows = [_band_json(band) for band in bands]
    if as_csv:
        writer = csv.DictWriter(sys.stdout, ["platform", "band", "scores", *COUNTS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        print_list(rows, COLUMNS, empty="no responses with a review route", as_json=as_json)


def _band_json(band: ReviewCounts) -> dict[str, Any]:
    counts = (band.responded, band.shown, band.sent, band.opened, band.bot_opened)
    labels = {"platform": band.platform, "band": band.segment, "scores": SCORES[band.segment]}
    return {**labels, **dict(zip(COUNTS, counts, strict=True))}


def _with_share(name: str) -> Callable[[Any], str]:
    return lambda row: f"{row[name]} ({row[name] / row['answered']:.0%})"


COLUMNS = {
    "platform": "platform",
    "band": "band",
    "scores": "scores",
    "responded": "answered",
    "shown": _with_share("shown"),
    "sent": _with_share("sent"),
    "opened": _with_share("opened"),
    "bot visits": "machine",
}
