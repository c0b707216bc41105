"""The rater's page behind his link: no sign-in, no script; the signed token is both the right and the CSRF token."""

from collections.abc import Awaitable, Callable
from functools import wraps

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reviewbot.actions.take_answer import WORDS, take_answer
from reviewbot.database.session import database_is_away
from reviewbot.errors import Conflict, InvalidInput, NotFound, ReviewbotError, TooLarge
from reviewbot.models.procedure import ApplicationKind
from reviewbot.queries import cases as case_queries
from reviewbot.queries import raters as rater_queries
from reviewbot.queries.calls import called_unseen
from reviewbot.queries.procedure import granted_applications
from reviewbot.queue import TaskName
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.raters import Answer, Concern, open_answers
from reviewbot.web import login, rater_wechat
from reviewbot.web.guards import form_of
from reviewbot.web.login import house_of
from reviewbot.web.rater_views import Story, story_view
from reviewbot.web.rater_wechat import BAD_LINK, link_of
from reviewbot.web.views import render

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
MAX_BODY = 1024 * 1024
"""Far more than anybody types: what is longer than may be kept is read all the same, so that he gets it back."""
Page = Callable[[Request], Response]


def rater_routes() -> list[BaseRoute]:
    """The one address of raters."""
    return [
        Route("/r/{token}", _guarded(rater_page), methods=["GET"]),
        Route("/r/{token}", _posted(answer), methods=["POST"]),
        Route("/r/consent/back", _guarded(rater_wechat.consented), methods=["GET"]),
        Route("/r/{token}/wechat", _guarded(rater_wechat.consent), methods=["GET"]),
        Route("/r/{token}/wechat", _posted(rater_wechat.forget), methods=["POST"]),
    ]


def _guarded(handler: Page) -> Page:
    """Every answer keeps out of caches, search engines and referrers; a refusal says nothing about any case."""

    @wraps(handler)
    def page(request: Request) -> Response:
        try:
            found = handler(request)
        except ReviewbotError as wrong:
            found = _notice(request, wrong.sentence, wrong.status)
        except DBAPIError as wrong:
            if not database_is_away(wrong):
                raise
            found = _notice(request, "系统暂时打不开，请过几分钟再试。", 503)
        found.headers.update(HEADERS)
        return found

    return page


def _posted(handler: Callable[[Request, FormData], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            wrong = TooLarge(f"内容太多，没有提交。请返回上一页，把想补充的话缩短到 {WORDS} 字以内。")
            return await run_in_threadpool(_guarded(_refusing(wrong)), request)
        try:
            async with form_of(request, files=0, fields=5) as form:
                return await run_in_threadpool(_guarded(lambda asked: handler(asked, form)), request)
        except InvalidInput as unread:
            return await run_in_threadpool(_guarded(_refusing(unread)), request)

    return page


def _refusing(wrong: ReviewbotError) -> Page:
    def refuse(_: Request) -> Response:
        raise wrong

    return refuse


def _notice(request: Request, sentence: str, status: int) -> Response:
    """``request.state.words``: what he wrote with it, given back to him."""
    words = getattr(request.state, "words", "")
    return render(request, "rater_notice.html", message=sentence, words=words, status=status)


def rater_page(request: Request) -> Response:
    return _show(request)


def _show(request: Request, *, wrong: ReviewbotError | None = None, words: str = "") -> Response:
    """The story of the case as it stands, and what the rater can say now; ``words``: what he wrote when refused."""
    house, link = house_of(request), link_of(request)
    now = house.clock.now()
    with house.database.begin() as session:
        case = rater_queries.case_behind_link(session, link.case_id)
        if case is None:
            raise NotFound(BAD_LINK)
        answers = rater_queries.answers_of(session, case.id)
        story = Story(
            case=case,
            events=case_queries.events_of(session, case.id),
            due_times=case_queries.due_times_of(session, case.id),
            extensions=granted_applications(session, case.id, ApplicationKind.EXTENSION, round_=case.round),
            answers=answers,
            reveals=rater_queries.reveals_of(session, case.id),
            concern=rater_queries.concern_of(session, case.id, case.round, Concern.NOBODY_CALLED),
            names=rater_queries.staff_names(session, case),
            unseen=bool(called_unseen(session, [case.id])),
        )
        shown = story_view(story, now)
        call_due = rater_queries.call_due_at(session, case)
        wechat = rater_wechat.offer(request, session, case.id)
    mine = next((each for each in answers if each.round == link.round), None)
    choices = open_answers(
        closed_at=case.closed_at if case.status is CaseStatus.CLOSED else None,
        contact_due_at=call_due,
        answered_at=mine.at if mine else None,
        now=now,
    )
    return render(
        request, "rater.html", **shown, words_limit=WORDS,
        choices=[(each.value, each.label) for each in choices] if link.round == case.round else [],
        old_link=link.round != case.round, wechat=wechat, words=words,
        wrong=wrong.sentence if wrong else None, status=wrong.status if wrong else 200,
    )  # fmt: skip


def answer(request: Request, form: FormData) -> Response:
    """One tap. The token in the address is the right to answer; a second tap of the round changes nothing."""
    words = request.state.words = login.text_of(form, "words").replace("\x00", "")
    house, link = house_of(request), link_of(request)
    try:
        said = _chosen(form)
        with house.database.begin() as session:
            taken = take_answer(session, link, said, words, at=house.clock.now(), rulebooks=house.rulebooks)
    except (InvalidInput, Conflict) as wrong:
        return _show(request, wrong=wrong, words=words)
    if taken.again and (words or taken.words) != taken.words:
        told = Conflict(f"您已经回答过“{taken.answer.label}”，每次办理只记一次，这次写的没有记下。")
        return _show(request, wrong=told, words=words)
    if not taken.again:
        house.ring(TaskName.DELIVER)
    return RedirectResponse(request.url.path, status_code=303)


def _chosen(form: FormData) -> Answer:
    try:
        return Answer(login.text_of(form, "answer"))
    except ValueError:
        raise InvalidInput("请选择一个回答。") from None
