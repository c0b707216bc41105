"""Lists of cases by filter: the cases behind a figure, a list that the chat counted, one's own, or any."""

import re
from datetime import date, datetime
from urllib.parse import urlencode

from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from reviewbot.actions.report_rates import this_month
from reviewbot.actions.waiting_work import work_of
from reviewbot.clock import span
from reviewbot.errors import InvalidInput, NotFound
from reviewbot.models.case import Case
from reviewbot.queries import cases as case_queries
from reviewbot.queries import pages as page_queries
from reviewbot.queries.calls import called_unseen
from reviewbot.queries.cohorts import cohort
from reviewbot.queries.directory import DESK, handling_units
from reviewbot.queries.listings import Entry, Wanted, listed
from reviewbot.queries.recalls import recalls_seen_by
from reviewbot.queries.scope import Viewer
from reviewbot.rules.kinds import Family
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.listings import CONCERNS, LISTINGS
from reviewbot.rules.rates import metrics_of
from reviewbot.rules.waiting import by_kind
from reviewbot.web import paging, views
from reviewbot.web.lines import entry_line
from reviewbot.web.login import house_of
from reviewbot.web.paging import case_number, number_in


def period_of(request: Request, now: datetime) -> tuple[date, date]:
    """The days a page is asked for: this month so far unless told."""
    first, last = this_month(now)
    query = request.query_params
    try:
        first = date.fromisoformat(query["from"]) if query.get("from") else first
        last = date.fromisoformat(query["to"]) if query.get("to") else last
    except ValueError:
        raise InvalidInput("日期应写作 2026-11-30。") from None
    if last < first or last.year > 9000 or first.year < 2000:
        raise InvalidInput("起止日期不对：止日不能早于起日。")
    return first, last


def case_list(request: Request, viewer: Viewer) -> Response:
    """A list by the filters of the query, each as the chat and the overview count it."""
    house, query = house_of(request), request.query_params
    now = house.clock.now()
    wanted = {name: word.strip() for name in _FILTERS if (word := query.get(name, "").strip())}
    after, skip = number_in(request, "after"), number_in(request, "skip") or 0
    basis = ""
    above: dict[int, bool] = {}
    entries: list[Entry] = []
    with house.database.begin() as session:
        units = handling_units(session)
        unit_id = _unit(session, wanted.get("department"))
        if "number" in wanted:
            case = case_queries.find_case(session, case_number(wanted["number"]), viewer)
            found = [case] if case else []
        elif "metric" in wanted:
            found, above, basis = _cohort(session, request, viewer, now, unit_id, after)
        elif "list" in wanted:
            entries, basis = _listed(session, request, viewer, now, unit_id, after)
            found = [entry.case for entry in entries]
        elif "mine" in wanted:
            found = case_queries.owed_by(session, viewer, now, skip=skip, limit=paging.PAGE + 1)
        else:
            found = case_queries.list_cases(
                session, viewer, status=_status(wanted.get("status")),
                department_id=unit_id, overdue_at=now if "overdue" in wanted else None,
                open_only="open" in wanted, family=_family(query), after=after, limit=paging.PAGE + 1,
            )  # fmt: skip
        limits = case_queries.desk_limits(session, [case.id for case in found])
        unseen = called_unseen(session, [case.id for case in found])
        recalls = recalls_seen_by(session, viewer, now, owed=True) if "mine" in wanted else []
        beside = work_of(session, viewer, now) if "mine" in wanted else []
        entries = entries or [Entry(case.id, case, open_to=True) for case in found]
    lines = [entry_line(one, now, limits.get(one.case.id), unseen=one.case.id in unseen) for one in entries]
    more, lines = len(lines) > paging.PAGE, lines[: paging.PAGE]
    place = {"skip": skip + paging.PAGE} if "mine" in wanted else {"after": lines[-1].id if lines else 0}
    left = query.get("left", "")
    return views.render(
        request, "cases.html", lines=lines, basis=basis, above=above,
        wanted={name: wanted.get(name, "") for name in _FILTERS},
        units=[(each.code, each.label) for each in units] if viewer.sees_all else [],
        statuses=[(status.value, status.label) for status in CaseStatus],
        families=[(family.value, family.label) for family in Family],
        next="/cases?" + urlencode({**wanted, **place}) if more else None, recalls=recalls,
        beside=by_kind(beside),
        left=left if re.fullmatch(r"[A-Z]\d{4,8}", left) else None,
    )  # fmt: skip


_FILTERS = (
    "status",
    "department",
    "overdue",
    "open",
    "number",
    "metric",
    "part",
    "list",
    "kind",
    "from",
    "to",
    "mine",
)


def _unit(session: Session, code: str | None) -> int | None:
    if code in (None, DESK.code):
        return DESK.id if code else None
    unit = page_queries.department_by_code(session, code or "")
    if unit is None:
        raise NotFound("没有这个单位。")
    return unit.id


def _status(word: str | None) -> CaseStatus | None:
    if word is None:
        return None
    try:
        return CaseStatus(word)
    except ValueError:
        raise InvalidInput("没有这个状态。") from None


def _family(query: QueryParams) -> Family | None:
    """Of which cases a list is; a rate's list without a word on it is of bad ratings, as rates are."""
    word = query.get("kind", "").strip()
    if not word:
        return None
    try:
        return Family(word)
    except ValueError:
        raise NotFound("没有这类工单。") from None


def _cohort(
    session: Session,
    request: Request,
    viewer: Viewer,
    now: datetime,
    department_id: int | None,
    after: int | None,
) -> tuple[list[Case], dict[int, bool], str]:
    """The cases behind a figure, each above the line or not, and the figure's definition in words."""
    family = _family(request.query_params) or Family.RATING
    metric = metrics_of(family).get(request.query_params["metric"])
    if metric is None:
        raise NotFound("没有这个指标。")
    first, last = period_of(request, now)
    members = cohort(metric.key, *span(first, last), now, family.kinds)
    part = request.query_params.get("part") or None
    if part not in (None, "numerator", *metric.parts, *metric.apart):
        raise NotFound("没有这一项。")
    found = page_queries.cohort_cases(
        session, members, viewer, part=part, department_id=department_id, after=after, limit=paging.PAGE + 1
    )
    parts = page_queries.counted_above(session, members, [case.id for case in found])
    counted = {ident for part in parts.values() for ident in part}
    called = f"{metric.name}（{family.label}，{first} 至 {last}）"
    words = f"{called}的分母：{metric.denominator}。计入分子：{metric.numerator}。"
    if part:
        name = (dict(metric.parts) | dict(metric.apart)).get(part, "分子")
        words = f"{called}中的“{name}”。" + words
    return found, {case.id: case.id in counted for case in found}, words


def _listed(
    session: Session,
    request: Request,
    viewer: Viewer,
    now: datetime,
    department_id: int | None,
    after: int | None,
) -> tuple[list[Entry], str]:
    """The entries of a list that the chat or the overview counted, and which it is in words."""
    listing = LISTINGS.get(request.query_params["list"])
    if listing is None or listing is CONCERNS:
        raise NotFound("没有这种清单。")
    dated = bool(request.query_params.get("from") or request.query_params.get("to"))
    period = period_of(request, now) if dated else None
    family = _family(request.query_params)
    wanted = Wanted(listing.key, department_id, period, family)
    words = (
        (listing.label if listing.counted != "件" else f"{listing.label}的工单")
        + (f"（{family.label}）" if family else "")
        + (f"，{listing.dated_label}在 {period[0]} 至 {period[1]}。" if period else "。")
    )
    return listed(session, wanted, viewer, now, after=after, limit=paging.PAGE + 1), words
