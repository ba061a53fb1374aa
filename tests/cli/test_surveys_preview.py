"""`nps-connect surveys preview`: every mail that a survey leads to, before customers see it."""

import json
import os
import re
import select
from pathlib import Path

import pytest
from support.sample_mails import dark_logo

REVIEWS = {
    "NPS_CONNECT_CONNECTIONS__DIRECTORY__PLUGIN": "review_link",
    "NPS_CONNECT_CONNECTIONS__DIRECTORY__TITLE": "Annuaire",
    "NPS_CONNECT_CONNECTIONS__DIRECTORY__POLICY": "ask-everyone",
    "NPS_CONNECT_CONNECTIONS__DIRECTORY__URL": "https://directory.example.com/review?lang={language}",
    "NPS_CONNECT_ROUTES": '[{"on": "any", "do": "invite_review", "via": "directory", "delay": "2h"}]',
    "plugins": "alerts,email,review_link",
}


@pytest.fixture
def preview(configured):
    """The HTML and the text part of a preview, with the address of each link in it."""

    def write(mail, *arguments, **environ):
        told = configured(
            "surveys", "preview", "after-purchase", "--json", "--mail", mail, "--folder", "out", *arguments, **environ
        )
        assert told.code == 0, told.err
        files = json.loads(told.out)
        html, text = (Path(configured.folder, files[part]).read_text(encoding="utf-8") for part in ("html", "text"))
        return files["html"], html, text

    return write


def test_each_mail_gets_a_file_of_its_own(preview, configured):
    names = [preview(mail, **REVIEWS)[0] for mail in ("survey", "reminder", "confirm", "review", "help")]
    assert names == [
        "out/after-purchase-fr.html",
        "out/after-purchase-reminder-fr.html",
        "out/after-purchase-confirm-fr.html",
        "out/after-purchase-review-fr.html",
        "out/after-purchase-help-fr.html",
    ]
    assert not (configured.folder / "nps-connect.db").exists()


def test_the_reminder(preview):
    _, html, text = preview("reminder", "--language", "en")
    assert text.startswith("Subject: [Test] Reminder: Would you recommend Exemple SA?\n")
    for part in (html, text):
        assert "We asked you a question a few days ago." in part


def test_the_request_to_confirm_a_low_score(preview):
    _, html, text = preview("confirm", "--language", "en")
    assert text.startswith("Subject: [Test] You chose 2: please confirm\n")
    assert re.search(r'<a class="label" href="[^"]*/s/[^"]*score=2"[^>]*>Confirm my score: 2</a>', html)


@pytest.mark.parametrize(
    ("mail", "subject"), [("review", "Thank you! Would you share your experience of Exemple SA?"), ("help", "Thank you for")]
)
def test_the_mail_after_an_answer_leads_to_the_review_page(preview, mail, subject):
    _, html, text = preview(mail, "--language", "en", **REVIEWS)
    assert text.startswith(f"Subject: {subject}")
    assert "Write a review on Annuaire" in html
    assert "https://directory.example.com/review?lang=en" in text


def test_where_every_shop_has_a_page_of_its_own_the_link_leads_to_the_test_page(preview):
    shops = {
        "NPS_CONNECT_CONNECTIONS__DIRECTORY__URL": "https://directory.example.com/{location}/review",
        "NPS_CONNECT_CONNECTIONS__DIRECTORY__LOCATION_FIELD": "shop",
        "NPS_CONNECT_CONNECTIONS__DIRECTORY__LOCATIONS": '{"paris": "p-1"}',
    }
    _, html, _ = preview("review", **{**REVIEWS, **shops})
    assert re.search(r'<a class="label" href="https://nps.example.com/s/[^"]*"', html)
    assert "directory.example.com" not in html


def test_without_a_review_route_there_is_no_such_mail(configured):
    told = configured("surveys", "preview", "after-purchase", "--mail", "review")
    assert (told.code, told.out) == (1, "")
    assert told.err == 'Error: no route leads to a review page; add one with do = "invite_review"\n'


def test_another_word_is_refused(configured):
    assert configured("surveys", "preview", "after-purchase", "--mail", "invoice").code == 2


def test_the_logo_and_the_signature_are_those_of_the_language(preview, configured):
    (configured.folder / "logo.png").write_bytes(dark_logo())
    environ = {
        "NPS_CONNECT_CORE__LOGO": "logo.png",
        "NPS_CONNECT_SURVEYS__AFTER_PURCHASE__SIGNED_BY": '{"fr": "Claire, relations clients", "en": "Claire, care"}',
    }
    _, html, text = preview("survey", "--language", "en", **environ)
    assert "data:image/png;base64," in html
    assert "Thank you,\nClaire, care\n" in text
    assert "Merci,\nClaire, relations clients\n" in preview("survey", **environ)[2]


@pytest.fixture
def opener(tmp_path, monkeypatch):
    """A harmless program in the place of the one that opens files; gives what it was asked to open."""
    told, folder = tmp_path / "opened", tmp_path / "programs"
    os.mkfifo(told)
    folder.mkdir()
    for name in ("xdg-open", "open"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{told}"\n')
        program.chmod(0o755)
    reading = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def opened():
        assert select.select([reading], [], [], 10)[0], "nothing was opened"
        return os.read(reading, 4096).decode()

    yield opened
    os.close(reading)


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # click starts the program and leaves it alone
@pytest.mark.parametrize("mail", ["survey", "reminder"])
def test_it_is_opened_where_that_is_asked_for(preview, configured, opener, mail):
    name, _, _ = preview(mail, "--open")
    assert opener() == str((configured.folder / name).resolve())


def test_where_nothing_can_open_it_its_place_is_told(configured, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    told = configured("surveys", "preview", "after-purchase", "--open")
    assert told.code == 0
    assert told.err == "note: no program to open it with was found; open after-purchase-fr.html yourself\n"
