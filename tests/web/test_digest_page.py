"""The page on which a member of staff leaves a digest."""

from __future__ import annotations


def test_opening_the_link_changes_nothing_and_asks(client, backend):
    assert client.request("HEAD", "/d/digest").status_code == 200
    page = client.get("/d/digest")
    assert not backend.has_left_digest
    assert "Ne plus recevoir cette synthèse" in page.text
    assert 'action="./digest?lang=fr"' in page.text
    assert "c***@example.com" in page.text


def test_one_click_of_a_mail_program_leaves_without_a_cookie_and_without_a_redirect(client, backend):
    response = client.post(
        "/d/digest", content="List-Unsubscribe=One-Click", headers={"origin": "https://mail.example.com"}
    )
    assert (response.status_code, backend.has_left_digest) == (200, True)
    assert "set-cookie" not in response.headers
    assert "Vous ne recevrez plus cette synthèse" in response.text


def test_a_mistake_is_undone_on_the_same_page(client, backend):
    left = client.post("/d/digest?lang=en")
    assert "That was a mistake: keep sending it" in left.text
    assert "rejoin=1" in left.text
    again = client.post("/d/digest?lang=en&rejoin=1")
    assert not backend.has_left_digest
    assert "Leave this weekly digest?" in again.text


def test_an_unknown_link_is_not_found_in_the_language_of_the_visitor(client, backend):
    for response in (client.get("/d/nobody"), client.post("/d/nobody")):
        assert response.status_code == 404
    assert not backend.has_left_digest
