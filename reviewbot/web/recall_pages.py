"""抽查回访: the sample of a month with its proof, and the page on which its caller works."""

from datetime import datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from reviewbot.actions.record_recall import NOTE_LIMIT, RecallIn, record_recall
from reviewbot.actions.report_recalls import SampleReport, UnitFigures, report_recalls
from reviewbot.actions.reveal_phone import Revealed, reveal_for_recall
from reviewbot.clock import CHINA
from reviewbot.errors import InvalidInput, NotAllowed, NotFound, ReviewbotError
from reviewbot.queries.cases import events_of
from reviewbot.queries.recalls import (
    attempts_of,
    case_of_recall,
    committed_periods,
    find_draw,
    recall_of_caller,
    recalls_seen_by,
)
from reviewbot.queries.scope import Viewer
from reviewbot.queue import TaskName
from reviewbot.rules.call_back import Outcome
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.policy import Policy
from reviewbot.rules.rates import display, share, small_note
from reviewbot.rules.recall import SAYABLE, Finding, month_days, month_of
from reviewbot.web import login, views
from reviewbot.web.login import house_of, poster

_RECORD = frozenset(
    {
        Move.RECORD_CALL, Move.CONCLUDE_JUSTIFIED, Move.CONCLUDE_UNJUSTIFIED, Move.SUBMIT_MEASURES,
        Move.SUBMIT_EXPLANATION, Move.RECORD_FEEDBACK,
    }
)  # fmt: skip
"""What the rater is asked about: what the record says was done."""
MISSED = "missed"


def sample(request: Request, viewer: Viewer) -> Response:
    """What this person has to call, and the sample of a month: the last one that was drawn unless told."""
    house = house_of(request)
    now, asked = house.clock.now(), request.query_params.get("month", "")
    with house.database.begin() as session:
        owed = recalls_seen_by(session, viewer, now, owed=True)
        months = committed_periods(session)
        if asked:
            month_days(asked)
        past = [month for month in months if month < month_of(now.astimezone(CHINA).date())]
        month = asked or (past or months or [""])[0]
        known = find_draw(session, month) is not None
        told = report_recalls(session, viewer, month, at=now) if known else None
        policy = house.today(session).policy
    return views.render(
        request, "recalls.html", owed=owed, months=months, month=month,
        told=_published(told, policy) if told else None,
    )  # fmt: skip


def _published(told: SampleReport, policy: Policy) -> dict[str, Any]:
    draw = told.draw
    return {
        "commitment": draw.commitment, "committed": views.moment(draw.committed_at), "in_time": told.in_time,
        "drawn": views.moment(draw.drawn_at) if draw.drawn_at else "", "percent": draw.percent,
        "population": told.population_count, "population_sha256": draw.population_sha256,
        "sample": told.sample, "concluded": told.concluded, "secret": told.secret, "seed": told.seed,
        "units": [_figures(one, policy) for one in (*told.units, told.total)],
        "small_note": small_note(policy.small_below),
        "rows": [
            {
                "number": row.number, "unit": row.unit, "caller": row.caller.name if row.caller else "—",
                "finding": Finding(row.recall.finding).label if row.recall.finding else "待回访",
                "contradicts": bool(row.recall.finding and Finding(row.recall.finding).contradicts),
                "concluded": views.moment(row.recall.concluded_at) if row.recall.concluded_at else "",
            }
            for row in told.rows
        ],
    }  # fmt: skip


def _figures(one: UnitFigures, policy: Policy) -> dict[str, Any]:
    parts = [(Finding(name).label, count) for name, count in one.confirmed.parts.items() if count]
    return {
        "unit": one.unit, "done": display(one.done, policy.rounding),
        "confirmed": share(one.confirmed, policy.rounding, policy.small_below),
        "parts": "，".join(f"{label} {count}" for label, count in parts),
    }  # fmt: skip


def population(request: Request, viewer: Viewer) -> Response:
    """The list the sample was drawn from, byte for byte as it was hashed: numbers, units, hashes, no content."""
    with house_of(request).database.begin() as session:
        month = request.query_params.get("month", "")
        month_days(month)
        draw = find_draw(session, month)
    if draw is None or draw.population is None:
        raise NotFound(f"{month} 还没有抽取回访样本。")
    return PlainTextResponse(draw.population)


def call(request: Request, viewer: Viewer) -> Response:
    return _show(request, viewer, done="done" in request.query_params)


def _show(
    request: Request,
    viewer: Viewer,
    *,
    wrong: ReviewbotError | None = None,
    kept: dict[str, str] | None = None,
    revealed: Revealed | None = None,
    done: bool = False,
) -> Response:
    """One re-call, to its caller alone."""
    house = house_of(request)
    with house.database.begin() as session:
        found = recall_of_caller(session, _ident(request), viewer, house.clock.now())
        if found is None:
            raise NotFound("没有这件抽查回访，或不由您回访。")
        recall, number = found
        case = case_of_recall(session, recall)
        rater = case.review.rater_name
        events = [views.event_view(one, rater) for one in events_of(session, case.id) if one.move in _RECORD]
        attempts = [_attempt(one.at, one.outcome, one.note, rater) for one in attempts_of(session, recall.id)]
        review = views.review_view(case.review)
        unit = case.department.short_name if case.department else "—"
    return views.render(
        request, "recall.html", status=wrong.status if wrong else 200, ident=recall.id, number=number,
        period=recall.period, item=mask_personal(case.review.item or "未写明事项", rater), unit=unit, review=review,
        events=events, attempts=attempts, revealed=revealed, kept=kept or {}, limit=NOTE_LIMIT, missed=MISSED,
        finding=Finding(recall.finding).label if recall.finding else "", note=mask_personal(recall.note, rater),
        findings=[(one.value, one.label) for one in SAYABLE], wrong=wrong.sentence if wrong else None, done=done,
    )  # fmt: skip


def _ident(request: Request) -> int:
    """Ids are 32 bits wide; what is beyond names nothing."""
    return min(int(request.path_params["ident"]), 2**31 - 1)


def _attempt(at: datetime, outcome: str, note: str, rater: str | None) -> dict[str, str]:
    return {"at": views.moment(at), "outcome": Outcome(outcome).label, "note": mask_personal(note, rater)}


def record(request: Request, form: FormData) -> Response:
    """The number, shown once, or what came of the call."""
    house, viewer, ident = house_of(request), poster(request, form), _ident(request)
    found = login.text_of(form, "finding")
    note = login.text_of(form, "note").replace("\x00", "")
    now = house.clock.now()
    try:
        if login.text_of(form, "act") == "reveal":
            with house.database.begin() as session:
                shown = reveal_for_recall(session, ident, viewer, at=now)
            return _show(request, viewer, revealed=shown)
        if found not in {MISSED, *SAYABLE}:
            raise InvalidInput("请选择回访结果。")
        said = RecallIn(None if found == MISSED else Finding(found), note)
        with house.database.begin() as session:
            record_recall(session, ident, said, viewer, at=now, rulebooks=house.rulebooks)
    except (NotFound, NotAllowed):
        raise
    except ReviewbotError as wrong:
        return _show(request, viewer, wrong=wrong, kept={"finding": found, "note": note})
    house.ring(TaskName.DELIVER)
    return RedirectResponse(f"/recalls/{ident}?done=1", status_code=303)
