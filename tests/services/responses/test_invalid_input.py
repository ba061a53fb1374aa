"""Invalid requests to the survey pages get a client error, never a server error, and store nothing."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import select
from support.asgi import AsgiClient

from nps_connect.ledger.tables import ResponseRow, RevisionRow
from nps_connect.services.links import Links, ReviewLink
from nps_connect.web.app import create_app

URL = "https://nps.example.com"
RIGHT_TO_LEFT = "\u202e"


def call(application, *calls) -> list[int]:
    """Send requests one after the other, flush the batchers, and return the status codes."""

    async def send_requests():
        app = create_app(application.backend, clock=application.clock)
        client = AsgiClient(app)
        statuses = [await client.status(*arguments) for arguments in calls]
        await app.site.close()
        return statuses

    return asyncio.run(send_requests())


def submission(token, **form):
    return ("POST", f"{URL}/s/{token}", urlencode(form, doseq=True).encode())


def stored_responses(application) -> list[tuple[int, int | None, str | None]]:
    with application.ledger.read() as session:
        rows = session.execute(select(ResponseRow).order_by(ResponseRow.id)).scalars()
        return [(row.revision, row.score, row.comment) for row in rows]


def count_revisions(application) -> int:
    with application.ledger.read() as session:
        return len(session.execute(select(RevisionRow)).all())


@pytest.mark.parametrize("score", ["11", "-1", "9 ", " 9", "9.5", "", "nine", "\u0669", "9\x00", ["9", "8"]])
def test_an_invalid_score_is_rejected(application, score):
    token = application.surveyed()
    assert call(application, submission(token, score=score), submission(token, send=score)) == [422, 422]
    array = ("POST", f"{URL}/s/{token}", urlencode({"score[]": score}, doseq=True).encode())
    opened = ("GET", f"{URL}/s/{token}?{urlencode({'score': score}, doseq=True)}")
    assert call(application, array, opened) == [422, 200]
    assert stored_responses(application) == []


def test_tampered_foreign_and_expired_links_are_rejected(application):
    token = application.surveyed()
    other = Links(URL, ["another-key"]).survey(application.ctx.links.read_survey(token))
    tampered = [token[:-1], token + "A", token.swapcase(), token.partition(".")[0], "x" * 5000, "", other]
    foreign = [
        application.token("marie@example.com", "u"),
        application.ctx.links.review(ReviewLink("r-unknown", "stars", "mail")),
    ]
    for invalid_token in (*tampered, *foreign):
        path = quote(invalid_token, safe="")
        statuses = call(
            application, submission(path, send="9"), ("GET", f"{URL}/s/{path}?score=9"), ("HEAD", f"{URL}/s/{path}")
        )
        assert set(statuses) <= {404}
    for invalid_token in (token, *tampered):
        path = quote(invalid_token, safe="")
        assert set(call(application, ("GET", f"{URL}/u/{path}"), ("POST", f"{URL}/u/{path}"))) == {404}
    application.clock.forward("400d")
    assert call(application, submission(token, send="9"), ("GET", f"{URL}/s/{token}?score=9")) == [410, 410]
    assert stored_responses(application) == []


def test_any_comment_is_accepted_and_sanitized(application):
    token = application.surveyed()
    comments = [
        "x" * 100_000,
        "\x00\x07\x1b[31m",
        "<script>alert(1)</script>",
        f"a{RIGHT_TO_LEFT}b",
        "\N{GRINNING FACE}",
    ]
    for comment in comments:
        application.clock.forward("1m")
        assert call(application, submission(token, send="3", comment=comment)) == [303]
        assert call(application, ("GET", f"{URL}/s/{token}")) == [200]
        stored = stored_responses(application)[0][2]
        assert len(stored) <= 5000
        assert stored.isprintable()
        assert RIGHT_TO_LEFT not in stored


def test_a_double_submit_is_stored_once(application):
    token = application.surveyed()
    assert call(application, submission(token, send="9", comment="ok"), submission(token, send="9", comment="ok")) == [
        303,
        303,
    ]
    assert stored_responses(application) == [(1, 9, "ok")]
    assert count_revisions(application) == 1


def test_the_later_submission_of_two_tabs_wins(application):
    token = application.surveyed()
    call(
        application,
        ("GET", f"{URL}/s/{token}?score=9"),
        ("GET", f"{URL}/s/{token}?score=2"),
        submission(token, send="9"),
    )
    application.clock.forward("1m")
    assert call(application, submission(token, send="2")) == [303]
    assert stored_responses(application) == [(2, 2, None)]


def test_the_back_button_shows_the_form_and_changes_nothing(application):
    token = application.surveyed()
    call(application, ("GET", f"{URL}/s/{token}?score=9"), submission(token, send="9"))
    application.clock.forward("1m")
    assert call(application, ("GET", f"{URL}/s/{token}?score=9"), ("GET", f"{URL}/s/{token}?score=1")) == [200, 200]
    assert stored_responses(application) == [(1, 9, None)]


def test_a_submission_from_another_origin_is_rejected(application):
    token = application.surveyed()
    for headers in ({"origin": "https://evil.example.net"}, {"sec-fetch-site": "cross-site"}):
        assert call(application, (*submission(token, send="9"), headers)) == [403]
    assert stored_responses(application) == []
