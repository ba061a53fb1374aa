"""``nps-connect reviews report``."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table

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
    if as_json:
        print_json([_band_json(band) for band in bands])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["platform", "band", "scores", *COUNTS])
        writer.writerows(
            [row["platform"], row["band"], row["scores"], *(row[name] for name in COUNTS)]
            for row in map(_band_json, bands)
        )
    else:
        print_table(
            ["platform", "band", "scores", "responded", "shown", "sent", "opened", "bot visits"],
            [_row(band) for band in bands],
            empty="no responses with a review route",
        )


def _band_json(band: ReviewCounts) -> dict[str, Any]:
    counts = (band.responded, band.shown, band.sent, band.opened, band.bot_opened)
    labels = {"platform": band.platform, "band": band.segment, "scores": SCORES[band.segment]}
    return {**labels, **dict(zip(COUNTS, counts, strict=True))}


def _row(band: ReviewCounts) -> tuple[object, ...]:
    return (
        band.platform,
        band.segment,
        SCORES[band.segment],
        band.responded,
        *(f"{count} ({count / band.responded:.0%})" for count in (band.shown, band.sent, band.opened)),
        band.bot_opened,
    )
