"""A review platform with several locations, and helpers of the review tests."""

from __future__ import annotations

from sqlalchemy import select
from support.fake_vendors import FakeReviewPlatform

from nps_connect import ConnectionSettings, Rejected, ReviewDestination, hookimpl
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.review_report import load_review_counts

TWO_PLATFORMS = {
    "connections": {"stars": {"plugin": "stars"}, "other": {"plugin": "stars"}},
    "routes": [
        {"on": "any", "do": "invite_review", "via": "stars"},
        {"on": "any", "do": "invite_review", "via": "other"},
    ],
    "limits": {"cooldown": "1d"},
}
QUIET_LIMITS = {"quiet_hours": "20:00-08:00", "quiet_days": ["saturday", "sunday"]}


class MultiLocationSettings(ConnectionSettings):
    """Settings of a platform with several locations."""

    location_field: str | None = "city"


class MultiLocationReviewPlatform(FakeReviewPlatform):
    """A platform with two locations; an unknown location is rejected."""

    @hookimpl
    def nps_connector(self):
        info = super().nps_connector()
        return info.model_copy(
            update={"settings": MultiLocationSettings, "location_field": lambda settings: settings.location_field}
        )

    @hookimpl
    def nps_review_destination(self, connection, invitation):
        if invitation.location not in ("Lyon", "Paris", None):
            raise Rejected(f"nothing is configured for {invitation.location!r}")
        return ReviewDestination(url=f"https://stars.example.com/{invitation.location or 'all'}", title="Stars")


def review_mails(application):
    return application.post.sent("review_invitation")


def solve_case(application):
    application.run()
    with application.ledger.write() as session:
        case = session.execute(select(CaseRow)).scalar()
        case.state, case.solved_at = "solved", application.clock()


def review_report(application):
    with application.ledger.read() as session:
        return {
            (band.platform, band.segment): (band.responded, band.shown, band.sent, band.opened, band.bot_opened)
            for band in load_review_counts(session)
        }
