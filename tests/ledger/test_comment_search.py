"""The search index of comments on both databases, compared with a search word by word in Python."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update
from sqlmodel import col
from support.clean_db import delete_all_rows

from nps_connect.ledger.columns import Base
from nps_connect.ledger.comment_search import SQLITE_TRIGGERS, comment_matches
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.rules.folded_text import split_words
from nps_connect.rules.search_query import matches_terms, parse_search

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
NUMBERS = count(1)


def store(ledger: Ledger, *comments: str | None) -> list[int]:
    """Store responses with these comments; returns their ids."""
    ids = []
    with ledger.write() as session:
        contact = ContactRow(connection="crm", vendor_id=str(next(NUMBERS)), record={})
        session.add(contact)
        session.flush()
        for comment in comments:
            number = next(NUMBERS)
            invitation = InvitationRow(
                survey="s", touchpoint="t", trigger="x", contact_id=contact.id, language="fr", created_at=NOW,
                due_at=NOW, expires_at=NOW, public_id=str(number),
            )  # fmt: skip
            session.add(invitation)
            session.flush()
            response = ResponseRow(
                public_id=f"r{number}", invitation_id=invitation.id, contact_id=contact.id, survey="s", touchpoint="t",
                revision=1, score=5, comment=comment, language="fr", answered_at=NOW,
            )  # fmt: skip
            session.add(response)
            session.flush()
            ids.append(response.id)
    return ids


def search(ledger: Ledger, query: str) -> set[int]:
    with ledger.read() as session:
        return set(session.execute(select(col(ResponseRow.id)).where(comment_matches(query))).scalars())


WORDS = st.sampled_from(
    ["livraison", "Livré", "ÉTÉ", "ete", "cœur", "l'équipe", "late", "LATE!", "a_b", "12", "prix", "-", "x2y"]
)
COMMENTS = st.lists(WORDS, max_size=5).map(" ".join)
HOSTILE = st.text(alphabet="ab é\"'*-^():&|!<>\\{}%;\0NEAR", max_size=12)
SEARCHES = COMMENTS | HOSTILE | COMMENTS.map(lambda words: f'"{words}"') | COMMENTS.map(lambda words: f"-{words} livr*")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(COMMENTS | HOSTILE.map(lambda text: text.replace("\0", "")), min_size=1, max_size=5),
    st.lists(SEARCHES, min_size=3, max_size=6),
)
def test_every_search_finds_what_a_search_word_by_word_finds_and_is_never_an_error(ledger, comments, searches):
    delete_all_rows(ledger)
    ids = store(ledger, *comments)
    for query in searches:
        terms = parse_search(query)
        expected = {
            row for row, comment in zip(ids, comments, strict=True) if matches_terms(terms, split_words(comment))
        }
        assert search(ledger, query) == expected, query


def test_the_index_follows_every_change_of_a_comment(ledger):
    first, second, third = store(ledger, "Livraison lente", None, "Très bien")
    with ledger.write() as session:
        session.execute(update(ResponseRow).where(col(ResponseRow.id) == first).values(comment="Colis perdu"))
        session.execute(update(ResponseRow).where(col(ResponseRow.id) == second).values(comment="Livraison rapide"))
        session.execute(update(ResponseRow).where(col(ResponseRow.id) == third).values(score=9))
    assert search(ledger, "livraison") == {second}
    assert search(ledger, "tres bien") == {third}
    with ledger.write() as session:
        session.execute(update(ResponseRow).where(col(ResponseRow.id) == second).values(comment=None))
        session.execute(delete(ResponseRow).where(col(ResponseRow.id) == third))
    assert search(ledger, "livraison") == search(ledger, "bien") == set()
    assert search(ledger, "colis") == {first}


def test_a_comment_that_is_rolled_back_is_not_found(ledger):
    [row] = store(ledger, "avant")
    with ledger.read() as session:  # rolled back at its end
        session.execute(update(ResponseRow).where(col(ResponseRow.id) == row).values(comment="après"))
        assert session.execute(select(col(ResponseRow.id)).where(comment_matches("apres"))).scalars().all() == [row]
    assert search(ledger, "avant") == {row}
    assert search(ledger, "apres") == set()


def catalog(ledger: Ledger) -> set[str]:
    """Return the definitions of triggers and functions."""
    if ledger.is_sqlite:
        query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' OR name = 'comment_search'"
    else:
        query = "SELECT prosrc FROM pg_proc WHERE proname = 'comment_words'"
    with ledger.engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


def test_the_migrations_leave_the_triggers_that_a_new_schema_has(ledger, tmp_path):
    """A migration that builds `responses` anew would lose them."""
    migrated = catalog(ledger)
    assert migrated
    if ledger.is_sqlite:
        declared = Ledger(f"sqlite:///{tmp_path / 'declared.db'}", create=True)
        Base.metadata.create_all(declared.engine)
        assert catalog(declared) == migrated
        assert len(migrated) == len(SQLITE_TRIGGERS) + 1
        declared.close()
