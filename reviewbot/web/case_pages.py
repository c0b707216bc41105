"""One case: its page, the forms that move it, its files."""

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from reviewbot.actions.add_evidence import MAX_BYTES, add_evidence, evidence_path
from reviewbot.actions.make_move import make_move
from reviewbot.actions.reveal_phone import Revealed, may_reveal, reveal_phone
from reviewbot.actions.rights import possible_moves
from reviewbot.actions.scan_evidence import is_shown
from reviewbot.actions.step import Verb
from reviewbot.errors import Conflict, InvalidInput, NotFound, ReviewbotError
from reviewbot.files.plain import FORMATS, plain_copy
from reviewbot.models.case import Safety
from reviewbot.queries import cases as case_queries
from reviewbot.queries import pages as page_queries
from reviewbot.queries.calls import called_unseen
from reviewbot.queries.cards import list_cards
from reviewbot.queries.directory import handling_units
from reviewbot.queries.health import lost_replies
from reviewbot.queries.kept import settlements
from reviewbot.queries.letters import readable_letters
from reviewbot.queries.raters import told_to_rater
from reviewbot.queries.scope import Viewer
from reviewbot.queries.time_shares import time_shares
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.raters import Purpose
from reviewbot.web import forms, login, views
from reviewbot.web.bases import bases_for
from reviewbot.web.beside import beside_view, waiting_words
from reviewbot.web.lines import case_line
from reviewbot.web.login import house_of, poster


def case_page(request: Request, viewer: Viewer) -> Response:
    return show_case(request, viewer, done=request.query_params.get("done", ""))


def show_case(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    kept: dict[str, str] | None = None,
    done: str = "",
    revealed: Revealed | None = None,
) -> Response:
    house, number = house_of(request), request.path_params["number"]
    now = house.clock.now()
    with house.database.begin() as session:
        case = case_queries.find_case(session, number, viewer)
        if case is None:
            raise NotFound(f"没有工单 {number[:20]}，或您无权查看。")
        events = case_queries.events_of(session, case.id)
        calls, files = case_queries.calls_of(session, case.id), case_queries.evidence_of(session, case.id)
        rater = case.review.rater_name
        people = {call.staff_id for call in calls if call.staff_id} | {file.staff_id for file in files}
        names = page_queries.names_of(session, people)
        moves = possible_moves(session, case, viewer)
        units = handling_units(session)
        revealable = may_reveal(session, case, viewer, now)
        limit = case_queries.desk_limits(session, [case.id]).get(case.id)
        letters = readable_letters(session, (e.data["letter"] for e in events if "letter" in e.data), viewer)
        unseen = bool(called_unseen(session, [case.id]))
        later = case_queries.later_ratings(session, case.review)
        settled = settlements(session, [case.review.id, *(each.id for each in later)])
        values = {
            "forms": forms.move_forms(
                moves,
                units,
                has_evidence=case_queries.count_evidence(session, case) > 0,
                waiting=waiting_words(session, case, viewer),
            ),
            "bases": bases_for(session, case),
            "beside": beside_view(session, case, viewer, now),
            "review": views.review_view(case.review, settled.get(case.review.id)),
            "later": [views.review_view(each, settled.get(each.id)) for each in later],
            "due_times": [views.due_view(due, now) for due in case_queries.due_times_of(session, case.id)],
            "lost": [
                (one.name, views.moment(one.at), one.why) for one in lost_replies(session, case_id=case.id)
            ],
            "told": [views.told_view(one) for one in told_to_rater(session, case.id)],
            "times": views.time_view(
                time_shares(session, case, house.rulebooks.of(session, case).calendar, now),
                house.rulebooks.on(session, now).policy.rounding,
            ),
            "appeal_stops_clock": house.rulebooks.of(session, case).policy.appeals.stop_clock,
            "cards": [views.card_view(card, viewer) for card in list_cards(session, viewer, case_id=case.id)],
        }
    return views.render(
        request, "case.html", status=wrong.status if wrong else 200, case=case,
        line=case_line(case, now, limit, unseen=unseen),
        events=[views.event_view(event, rater) for event in reversed(events)], letters=letters,
        calls=[views.call_view(call, names, rater) for call in calls],
        evidence=[views.evidence_view(each, names, rater, scanning=house.scanner is not None) for each in files],
        may_add=Move.ADD_EVIDENCE in moves,
        wrong=wrong.sentence if wrong else None, kept=kept or {}, revealed=revealed, revealable=revealable,
        purposes=[purpose for purpose in Purpose if purpose is not Purpose.RECALL],
        case_due=views.moment(case.due_at), original_due=views.moment(case.original_due_at),
        done=forms.done_words(case, events, done), **values,
    )  # fmt: skip


def move(request: Request, form: FormData) -> Response:
    """One form of a case page: the same door as a reply in WeCom."""
    house, number = house_of(request), request.path_params["number"].upper()
    viewer = poster(request, form)
    kept = forms.kept_words(form)
    try:
        verb = _verb(form)
        asked = forms.asked_of(form, number, verb)
        with house.database.begin() as session:
            try:
                moved = make_move(session, asked, viewer, at=house.clock.now(), rulebooks=house.rulebooks)
            except InvalidInput as wrong:
                raise forms.by_its_fields(wrong, forms.form_of(verb), kept) from None
            stays = case_queries.find_case(session, moved.number, viewer) is not None
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return show_case(request, viewer, wrong=wrong, kept=kept)
    house.ring("reviewbot.deliver")
    target = f"/cases/{moved.number}?done={moved.move.value}" if stays else f"/cases?left={moved.number}"
    return RedirectResponse(target, status_code=303)


def _verb(form: FormData) -> Verb:
    try:
        return Verb(login.text_of(form, "verb"))
    except ValueError:
        raise InvalidInput("提交的内容无法识别，请刷新页面后再试。") from None


def reveal(request: Request, form: FormData) -> Response:
    """The rater's name and number, on this one answer and never again without another look that is kept (B15)."""
    house, number = house_of(request), request.path_params["number"].upper()
    viewer = poster(request, form)
    try:
        purpose = Purpose(login.text_of(form, "purpose"))
    except ValueError:
        return show_case(request, viewer, wrong=InvalidInput("请选择查看联系方式的用途。"))
    try:
        with house.database.begin() as session:
            shown = reveal_phone(session, number, purpose, viewer, at=house.clock.now())
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return show_case(request, viewer, wrong=wrong)
    return show_case(request, viewer, revealed=shown)


def upload(request: Request, form: FormData) -> Response:
    house, number = house_of(request), request.path_params["number"].upper()
    viewer = poster(request, form)
    sent = form.get("file")
    try:
        if not isinstance(sent, UploadFile) or not sent.size:
            raise InvalidInput("请先选择照片或文件。")
        data = sent.file.read(MAX_BYTES + 1)
        with house.database.begin() as session:
            if case_queries.find_case(session, number, viewer) is None:
                raise NotFound(f"没有工单 {number[:20]}，或您无权查看。")
            add_evidence(
                session, number, data, sent.filename or "附件", viewer,
                at=house.clock.now(), folder=house.settings.data_dir,
            )  # fmt: skip
    except NotFound:
        raise
    except ReviewbotError as wrong:
        return show_case(request, viewer, wrong=wrong)
    return RedirectResponse(f"/cases/{number}?done={Move.ADD_EVIDENCE.value}", status_code=303)


def evidence_file(request: Request, viewer: Viewer) -> Response:
    """A file that has passed the scanner, only to those who may see its case, always as a download.

    A photograph goes without what the telephone wrote into it; its bytes as sent stay in the house as evidence.
    """
    house = house_of(request)
    with house.database.begin() as session:
        found = page_queries.find_evidence(session, min(request.path_params["ident"], 2**31 - 1), viewer)
    if found is None:
        raise NotFound("没有这个附件，或您无权查看。")
    if found.safety is Safety.INFECTED:
        raise Conflict(f"这个附件查出病毒（{found.finding}），已隔离，不能打开。")
    if not is_shown(found, scanning=house.scanner is not None):
        raise Conflict("这个附件正在查毒，通过后才能打开，请稍后再试。")
    place = evidence_path(house.settings.data_dir, found.sha256)
    if not place.is_file():
        raise NotFound("附件文件不在存储目录中，请联系管理员。")
    if found.media_type in FORMATS:
        place = plain_copy(place, found.media_type)
    return FileResponse(place, media_type=found.media_type, filename=mask_personal(found.filename))
