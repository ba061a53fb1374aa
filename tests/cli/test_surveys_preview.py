"""`nps-connect surveys preview`: all mails of a survey."""

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
def preview(configured_cli):
    """Write a preview; returns the path of the HTML file, the HTML part and the text part."""

    def write(mail, *arguments, **environ):
        result = configured_cli(
            "surveys", "preview", "after-purchase", "--json", "--mail", mail, "--folder", "out", *arguments, **environ
        )
        assert result.code == 0, result.err
        files = json.loads(result.out)
        html, text = (Path(configured_cli.folder, files[part]).read_text(encoding="utf-8") for part in ("html", "text"))
        return files["html"], html, text

    return write


def test_each_mail_has_its_own_file(preview, configured_cli):
    names = [preview(mail, **REVIEWS)[0] for mail in ("survey", "reminder", "confirm", "review", "help")]
    assert names == [
        "out/after-purchase-fr.html",
        "out/after-purchase-reminder-fr.html",
        "out/after-purchase-confirm-fr.html",
        "out/after-purchase-review-fr.html",
        "out/after-purchase-help-fr.html",
    ]
    assert not (configured_cli.folder / "nps-connect.db").exists()


def test_reminder_mail(preview):
    _, html, text = preview("reminder", "--language", "en")
    assert text.startswith("Subject: [Test] Reminder: Would you recommend Exemple SA?\n")
    for part in (html, text):
        assert "We asked you a question a few days ago." in part


def test_mail_to_confirm_a_low_score(preview):
    _, html, text = preview("confirm", "--language", "en")
    assert text.startswith("Subject: [Test] You chose 2: please confirm\n")
    assert re.search(r'<a class="label" href="[^"]*/s/[^"]*score=2"[^>]*>Confirm my score: 2</a>', html)


@pytest.mark.parametrize(
    ("mail", "subject"),
    [("review", "Thank you! Would you share your experience of Exemple SA?"), ("help", "Thank you for")],
)
def test_review_mail_links_to_the_review_page(preview, mail, subject):
    _, html, text = preview(mail, "--language", "en", **REVIEWS)
    assert text.startswith(f"Subject: {subject}")
    assert "Write a review on Annuaire" in html
    assert "https://directory.example.com/review?lang=en" in text


def test_review_mail_with_pages_per_location_links_to_the_test_page(preview):
    locations = {
        "NPS_CONNECT_CONNECTIONS__DIRECTORY__URL": "https://directory.example.com/{location}/review",
        "NPS_CONNECT_CONNECTIONS__DIRECTORY__LOCATION_FIELD": "shop",
        "NPS_CONNECT_CONNECTIONS__DIRECTORY__LOCATIONS": '{"paris": "p-1"}',
    }
    _, html, _ = preview("review", **{**REVIEWS, **locations})
    assert re.search(r'<a class="label" href="https://nps.example.com/s/[^"]*"', html)
    assert "directory.example.com" not in html


def test_review_mail_requires_a_review_route(configured_cli):
    result = configured_cli("surveys", "preview", "after-purchase", "--mail", "review")
    assert (result.code, result.out) == (1, "")
    assert result.err == 'Error: no route leads to a review page; add one with do = "invite_review"\n'


def test_unknown_mail_is_a_usage_error(configured_cli):
    assert configured_cli("surveys", "preview", "after-purchase", "--mail", "invoice").code == 2


def test_logo_and_signature_in_the_language_of_the_mail(preview, configured_cli):
    (configured_cli.folder / "logo.png").write_bytes(dark_logo())
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
    """Replace the program that opens files by a stub; returns the path that it was called with."""
    pipe, folder = tmp_path / "opened", tmp_path / "programs"
    os.mkfifo(pipe)
    folder.mkdir()
    for name in ("xdg-open", "open"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{pipe}"\n')
        program.chmod(0o755)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def opened_path():
        assert select.select([reader], [], [], 10)[0], "nothing was opened"
        return os.read(reader, 4096).decode()

    yield opened_path
    os.close(reader)


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # click does not wait for the program
@pytest.mark.parametrize("mail", ["survey", "reminder"])
def test_open_starts_the_browser(preview, configured_cli, opener, mail):
    name, _, _ = preview(mail, "--open")
    assert opener() == str((configured_cli.folder / name).resolve())


def test_open_without_a_browser_prints_the_path(configured_cli, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    result = configured_cli("surveys", "preview", "after-purchase", "--open")
    assert result.code == 0
    assert result.err == "warning: cannot start a browser; open after-purchase-fr.html manually\n"


def test_preview_uses_the_requested_language(configured_cli):
    result = configured_cli("surveys", "preview", "after-purchase", "--language", "en", "--folder", "out")
    assert result.code == 0, result.err
    html = (configured_cli.folder / "out" / "after-purchase-en.html").read_text(encoding="utf-8")
    assert "This is a test." in html
    assert len(re.findall(r'href="[^"]*/s/[^"]*score=\d+"', html)) == 11
    assert "Subject: [Test]" in (configured_cli.folder / "out" / "after-purchase-en.txt").read_text(encoding="utf-8")
    assert not (configured_cli.folder / "nps-connect.db").exists()


def test_preview_embeds_the_logo(configured_cli):
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (200).to_bytes(4, "big") + (80).to_bytes(4, "big") + b"\0" * 20
    (configured_cli.folder / "logo.png").write_bytes(png)
    environ = {"NPS_CONNECT_CORE__LOGO": "logo.png", "NPS_CONNECT_CORE__COLOUR": "#aa0033"}
    assert configured_cli("surveys", "preview", "after-purchase", **environ).code == 0
    html = (configured_cli.folder / "after-purchase-fr.html").read_text(encoding="utf-8")
    assert '<img src="data:image/png;base64,' in html
    assert 'width="100" height="40" alt="Exemple SA"' in html
    assert "#aa0033" in html


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"<svg/>", "neither PNG, JPEG nor GIF"),
        (b"GIF8" + b"\0" * 30_000, "larger than 8 KB"),
    ],
)
def test_invalid_logo_is_rejected(configured_cli, content, message):
    if content is not None:
        (configured_cli.folder / "logo").write_bytes(content)
    refused = configured_cli("config", "check", NPS_CONNECT_CORE__LOGO="logo")
    assert refused.code == 2
    assert "core.logo" in refused.err
    assert message in refused.err
