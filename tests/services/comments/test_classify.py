"""Themes are found for every comment, once, and again when the comment or the words change."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from sqlmodel import col
from support.application import ApplicationHarness
from support.fake_vendors import EXAMPLE_CONFIGURATION

from nps_connect import CommentThemes, ConnectionSettings, ConnectorInfo, RetryLater, hookimpl
from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.services.comments import classify
from nps_connect.services.comments.classify import classify_comments
from nps_connect.services.comments.follow_up_counts import count_choices
from nps_connect.services.comments.tags import add_tag, has_tag, has_theme, load_tags, remove_tag
from nps_connect.services.comments.theme_shares import load_theme_shares
from nps_connect.services.suppressions.erasure import erase_contacts

ACTOR = Actor("cli", "zoe")


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock)


def answer(application, person: int, score: int, comment: str) -> None:
    application.answer(application.surveyed(str(person), f"p{person}@example.com"), score, comment)


def themes(application) -> list[set[str]]:
    """Return the themes of every response in the order of their ids."""
    with application.ledger.read() as session:
        ids = session.execute(select(col(ResponseRow.id)).order_by(col(ResponseRow.id))).scalars().all()
        rows = session.execute(select(CommentThemeRow)).scalars().all()
    return [{row.theme for row in rows if row.response_id == response_id} for response_id in ids]


def response_ids(application, *conditions) -> list[int]:
    with application.ledger.read() as session:
        return list(session.execute(select(col(ResponseRow.id)).where(*conditions)).scalars())


def test_nps_classify_comments_is_done_by_the_words_unless_a_connection_is_named(application):
    answer(application, 1, 2, "Livraison en retard")
    answer(application, 2, 10, "Parfait")
    answer(application, 3, 9, "")
    progress = {}
    classify_comments(application.ctx, progress)
    assert themes(application) == [{"delivery"}, set(), set()]
    assert response_ids(application, has_theme("delivery")) == response_ids(application)[:1]
    application.answer(application.token("p1@example.com"), 2, "Trop cher")
    classify_comments(application.ctx, progress)
    assert themes(application) == [{"price"}, set(), set()]


def test_nps_classify_comments_of_a_plugin_receives_texts_only_and_its_unknown_themes_are_left_out(ledger, clock):
    received, failures = [], [RetryLater("later")]

    class Classifying:
        @hookimpl
        def nps_connector(self):
            return ConnectorInfo(
                name="third", title="Third", settings=ConnectionSettings, example=EXAMPLE_CONFIGURATION
            )

        @hookimpl
        def nps_classify_comments(self, connection, comments, themes):
            if failures:
                raise failures.pop()
            received.append((connection.name, list(comments), [theme.id for theme in themes]))
            return [CommentThemes(themes=("price", "nonsense")) for _ in comments]

    configuration = {"connections": {"local": {"plugin": "third"}}, "comments": {"classifier": "local"}}
    application = ApplicationHarness(ledger, clock, configuration, third=Classifying())
    answer(application, 1, 2, "Livraison en retard")
    with pytest.raises(RetryLater):
        classify_comments(application.ctx, {})
    assert themes(application) == [set()]
    classify_comments(application.ctx, {})
    assert themes(application) == [{"price"}]
    [(name, comments, offered)] = received
    assert (name, "delivery" in offered) == ("local", True)
    assert [set(comment.model_dump()) for comment in comments] == [{"text", "language"}]


def test_all_comments_are_classified_again_when_the_words_change(application, monkeypatch):
    monkeypatch.setattr(classify, "COMMENTS_PER_STEP", 2)
    for person in range(5):
        answer(application, person, 2, f"Livraison {person}")
    progress: dict[str, object] = {}
    while classify_comments(application.ctx, progress) == classify.STEP_INTERVAL:
        pass
    with application.ledger.write() as session:
        session.execute(update(ResponseRow).values(classified_by="words-of-before"))
        session.execute(CommentThemeRow.__table__.delete())
    progress["done"] = "words-of-before"
    answer(application, 7, 2, "Trop cher")
    steps = 0
    while classify_comments(application.ctx, progress) == classify.STEP_INTERVAL:
        steps += 1
    classify_comments(application.ctx, progress)
    assert themes(application) == [{"delivery"}] * 5 + [{"price"}]
    assert steps >= 2


def test_a_comment_that_is_erased_meanwhile_gets_no_themes(application, monkeypatch):
    answer(application, 1, 2, "Livraison en retard")
    find = classify._find_by_words

    def erase_first(model, comments):
        with application.ledger.write() as session:
            contact = session.execute(select(ContactRow).where(ContactRow.vendor_id == "1")).scalar_one()
            erase_contacts(application.ctx, session, [contact], source="a test")
        return find(model, comments)

    monkeypatch.setattr(classify, "_find_by_words", erase_first)
    classify_comments(application.ctx, {})
    assert themes(application) == [set()]


def test_shares_count_those_who_wrote_by_segment_and_compare_periods(application):
    for person in range(4):
        answer(application, person, 2 if person < 2 else 10, "Livraison lente" if person != 3 else "Bravo")
    answer(application, 5, 9, "")
    classify_comments(application.ctx, {})
    with application.ledger.read() as session:
        [share] = load_theme_shares(session, [], [col(ResponseRow.score) > 8])
        assert load_theme_shares(session, [col(ResponseRow.score) == 7]) == []
    assert (share.theme, share.comments, share.of_comments) == ("delivery", 3, 4)
    assert (share.promoters, share.of_promoters, share.detractors, share.of_detractors) == (1, 2, 2, 2)
    assert share.movement is not None
    assert share.movement.points == 25.0
    assert share.movement.too_small


def test_choices_of_follow_up_questions_are_counted_and_free_texts_are_not(ledger, clock):
    questions = [
        {"name": "why", "on": "any", "question": {"en": "Why?", "fr": "Pourquoi ?"}, "choices": {"en": ["Price", "Wait"], "fr": ["Prix", "Attente"]}},
        {"name": "more", "on": "any", "question": {"en": "More?", "fr": "Autre ?"}},
    ]  # fmt: skip
    application = ApplicationHarness(ledger, clock, {"surveys": {"after-purchase": {"follow_ups": questions}}})
    answer(application, 1, 3, "x")
    answer(application, 2, 3, "y")
    answers = [
        [{"name": "why", "question": "Pourquoi ?", "answer": "Prix"}, {"name": "more", "question": "Autre ?", "answer": "z"}],
        [{"name": "why", "question": "Pourquoi ?", "answer": "Prix"}],
    ]  # fmt: skip
    with application.ledger.write() as session:
        for row, follow_up in zip(session.execute(select(ResponseRow)).scalars().all(), answers, strict=True):
            row.follow_up = follow_up
    with application.ledger.read() as session:
        counted = count_choices(session, application.ctx.settings, [])
    assert [tuple(choice) for choice in counted] == [("Pourquoi ?", "Prix", 2, 2)]


def test_tags_are_added_once_found_counted_removed_and_recorded(application):
    answer(application, 1, 2, "a")
    answer(application, 2, 2, "b")
    now = application.clock()
    with application.ledger.write() as session:
        first, second = session.execute(select(ResponseRow).order_by(ResponseRow.id)).scalars().all()
        assert add_tag(session, first, "  rappeler ", actor=ACTOR, now=now)
        assert add_tag(session, first, "VIP", actor=ACTOR, now=now)
        assert not add_tag(session, first, "vip", actor=ACTOR, now=now)
        assert add_tag(session, second, "VIP", actor=ACTOR, now=now)
        for wrong in ("", " ", "x" * 41):
            with pytest.raises(NpsConnectError, match="1 to 40 characters"):
                add_tag(session, second, wrong, actor=ACTOR, now=now)
    with application.ledger.read() as session:
        assert load_tags(session) == [("VIP", 2), ("rappeler", 1)]
        assert session.execute(select(col(ResponseRow.id)).where(has_tag("rappeler"))).scalars().all() == [first.id]
        assert session.execute(select(col(ResponseRow.id)).where(has_tag("' OR 1=1"))).scalars().all() == []
    with application.ledger.write() as session:
        rows = session.execute(select(ResponseRow).order_by(ResponseRow.id)).scalars().all()
        assert remove_tag(session, rows[1], "vip", actor=ACTOR, now=now)
        assert not remove_tag(session, rows[1], "vip", actor=ACTOR, now=now)
    with application.ledger.read() as session:
        assert load_tags(session) == [("VIP", 1), ("rappeler", 1)]
        commands = session.execute(select(AuditRow.command, AuditRow.object).order_by(AuditRow.id)).all()
    assert [command for command, _ in commands] == ["comments tag"] * 3 + ["comments untag"]
    assert commands[0][1] == f"response:{first.public_id}"
