"""Comments: search, themes with their shares, tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import Session, col
from starlette.responses import Response

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.tables import ResponseRow
from nps_connect.rendering.figure_texts import format_percent, round_half_away
from nps_connect.rules.nps_arithmetic import Difference
from nps_connect.rules.page_cursor import encode_cursor
from nps_connect.services.comments.follow_up_counts import count_choices
from nps_connect.services.comments.tags import MAX_TAG_LENGTH, add_tag, load_labels, load_tags, remove_tag
from nps_connect.services.comments.theme_shares import ThemeShare, load_theme_shares
from nps_connect.services.reports.counts import count_scores
from nps_connect.services.reports.filters import FilterQueryError, ResponseFilter, restrict
from nps_connect.services.reports.response_list import load_response_page
from nps_connect.web.console.access import AnyUserPage, CaseWorkerPage
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.figure_values import FigureValues
from nps_connect.web.console.filter_form import build_filter_form, refuse_filter
from nps_connect.web.console.page_filter import PageFilter, read_page_filter
from nps_connect.web.console.responses import CURSOR_KIND, ResponseEntry, build_entry, read_cursor
from nps_connect.web.console.theme_labels import theme_labels

COMMENTS_PATH = "/console/comments"
COMMENTS_PER_PAGE = 30
MAX_THEMES = 16
MAX_TAGS_SHOWN = 20

router = APIRouter()


@dataclass(frozen=True)
class ThemeLine:
    """A theme with its figures in words.

    Attributes:
        theme: its id.
        name: for people.
        link: to the comments with it, or without this filter if it is chosen.
        is_chosen: only comments with it are shown.
        comments: how many.
        share: of the comments, from 0 to 100: the width of its bar.
        promoters, detractors: the share among them in words; empty where there are none.
        movement: how far the share moved, in words; empty where there are too few to compare.
        has_moved: the movement is beyond noise.
    """

    theme: str
    name: str
    link: str
    is_chosen: bool
    comments: int
    share: int
    promoters: str
    detractors: str
    movement: str
    has_moved: bool


@dataclass(frozen=True)
class CommentEntry:
    """A comment in the list, with the names of its themes and its tags."""

    response: ResponseEntry
    themes: Sequence[str]
    tags: Sequence[str]


@router.get(COMMENTS_PATH)
def list_comments(page: AnyUserPage) -> Response:
    """Show the comments that a filter accepts, what they are about, and how often it occurs."""
    zone, names = page.ctx.settings.core.zone, theme_labels(page)
    with page.ctx.ledger.read() as session:
        try:
            shown = read_page_filter(page, session)
            after = read_cursor(page.query.get("after"))
        except FilterQueryError as error:
            return refuse_filter(page, error, COMMENTS_PATH)
        commented = replace(shown.responses, has_comment=True)
        listed = load_response_page(session, commented.conditions(), limit=COMMENTS_PER_PAGE, after=after)
        labels = load_labels(session, [response.public_id for response in listed.responses])
        entries = [
            CommentEntry(
                response=build_entry(page, response),
                themes=[names[theme] for theme in names if theme in labels[response.public_id].themes],
                tags=labels[response.public_id].tags,
            )
            for response in listed.responses
        ]
        total = count_scores(session, zone, commented).responses
        themes = _load_themes(session, shown, names)
        wide = replace(shown.responses, tag=None)
        tags = load_tags(session, *wide.conditions())[:MAX_TAGS_SHOWN]
        choices = count_choices(session, page.ctx.settings, shown.responses.conditions())
        form = build_filter_form(session, shown)
    older = encode_cursor(CURSOR_KIND, listed.end)
    return page.render(
        "comments.html.j2",
        area="comments",
        form=form,
        shown=shown,
        total=total,
        entries=entries,
        themes=themes,
        theme_name=names.get(shown.chosen.theme or "", shown.chosen.theme),
        without_theme=_link(shown, theme=None),
        tags=[(tag, count, _link(shown, tag=None if tag == shown.chosen.tag else tag)) for tag, count in tags],
        choices=choices,
        clear=shown.link(COMMENTS_PATH, replace(shown.chosen, text=None)),
        kept=_kept_parameters(page, "theme", "tag", "q"),
        search_kept=_kept_parameters(page, *(name for name in page.query if name not in ("q", "after", "lang"))),
        may_tag=page.viewer.has_role("case_worker"),
        max_tag_length=MAX_TAG_LENGTH,
        older=shown.link(COMMENTS_PATH, after=older) if older else None,
        first_page=shown.link(COMMENTS_PATH) if after else None,
        figures=FigureValues(page.language, zone, page.now),
    )


def _kept_parameters(page: ConsolePage, *names: str) -> dict[str, str]:
    return {name: page.query[name] for name in names if page.query.get(name)}


def _link(shown: PageFilter, **changes: str | None) -> str:
    """Return the link to the comments with other restrictions."""
    return shown.link(COMMENTS_PATH, replace(shown.chosen, **changes))  # type: ignore[arg-type]  # names of its fields


def _load_themes(session: Session, shown: PageFilter, names: dict[str, str]) -> list[ThemeLine]:
    """Return the themes that occur, whichever of them is chosen."""

    def conditions(responses: ResponseFilter) -> list[object]:
        return list(replace(responses, theme=None).conditions())

    shares = load_theme_shares(session, conditions(shown.responses), conditions(shown.earlier))  # type: ignore[arg-type]
    lines = [_theme_line(shown, share, names[share.theme]) for share in shares if share.theme in names]
    return [line for line in lines if line.comments or line.is_chosen][:MAX_THEMES]


def _theme_line(shown: PageFilter, share: ThemeShare, name: str) -> ThemeLine:
    is_chosen, language = shown.chosen.theme == share.theme, shown.page.language

    def part(count: int, whole: int) -> str:
        return format_percent(count / whole, language) if whole else ""

    return ThemeLine(
        theme=share.theme,
        name=name,
        link=_link(shown, theme=None if is_chosen else share.theme),
        is_chosen=is_chosen,
        comments=share.comments,
        share=round(100 * share.comments / share.of_comments) if share.of_comments else 0,
        promoters=part(share.promoters, share.of_promoters),
        detractors=part(share.detractors, share.of_detractors),
        movement=_movement_text(shown.page, share.movement),
        has_moved=share.movement is not None and share.movement.is_beyond_noise,
    )


def _movement_text(page: ConsolePage, movement: Difference | None) -> str:
    _ = page.gettext
    if movement is None or movement.too_small or movement.points is None:
        return ""
    points = round_half_away(movement.points)
    if not movement.is_beyond_noise:
        return _("within noise")
    return (_("up %(points)s points") if points > 0 else _("down %(points)s points")) % {"points": abs(points)}


@router.post(COMMENTS_PATH + "/{public_id}/tags")
def change_tags(public_id: str, page: CaseWorkerPage) -> Response:
    """Add or remove a tag of a response that the user may see."""
    _ = page.gettext
    back = page.form.get("back", "")
    target = back if back.startswith(COMMENTS_PATH + "?") or back == COMMENTS_PATH else COMMENTS_PATH
    visible = restrict(ResponseFilter(), page.viewer).conditions()
    label, is_removal = page.form.get("tag", ""), "remove" in page.form
    with page.ctx.ledger.write() as session:
        query = select(ResponseRow).where(col(ResponseRow.public_id) == public_id, *visible)
        response = session.execute(query).scalar_one_or_none()
        if response is None:
            return page.refuse()
        change = remove_tag if is_removal else add_tag
        try:
            change(session, response, label, actor=page.actor, now=page.now)
        except NpsConnectError:
            reason = _("A tag has up to %(number)s characters, and a response up to 20 tags.")
            return page.redirect(target, reason % {"number": MAX_TAG_LENGTH})
    return page.redirect(target, _("The tag was removed.") if is_removal else _("The tag was added."))
