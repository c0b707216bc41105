"""The pages people open: their routes, the overview; plain handlers, no SELECT."""

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from reviewbot.actions.report_rates import report_assistance, report_rates
from reviewbot.actions.waiting_work import letters_waiting_for, waiting_letters
from reviewbot.clock import CHINA
from reviewbot.queries import cases as case_queries
from reviewbot.queries import pages as page_queries
from reviewbot.queries.directory import UnitName
from reviewbot.queries.listings import Wanted, count_by_family
from reviewbot.queries.procedure import Assisted
from reviewbot.queries.scope import Viewer
from reviewbot.rules.kinds import BOTH, Family
from reviewbot.rules.lifecycle import CaseStatus
from reviewbot.rules.listings import LISTINGS
from reviewbot.rules.policy import Policy
from reviewbot.rules.rates import (
    METRICS,
    ROUNDING_NAMES,
    Figure,
    Rounding,
    display,
    is_small,
    metrics_of,
    told_apart,
    value,
)
from reviewbot.web import (
    card_pages,
    case_pages,
    intake_pages,
    letter_pages,
    list_pages,
    login,
    policy_pages,
    problem_pages,
    recall_pages,
    routing_pages,
    supervision_pages,
    views,
)
from reviewbot.web.directory_pages import directory_routes
from reviewbot.web.guards import Static, compressed, guarded, posted, signed_in
from reviewbot.web.h5_pages import h5_routes
from reviewbot.web.health_pages import health_routes
from reviewbot.web.login import house_of
from reviewbot.web.rater_pages import rater_routes

BARS = 12


def page_routes() -> list[BaseRoute]:
    """Every page, and the files they load."""
    get, post = ["GET"], ["POST"]
    return compressed([
        Route("/", guarded(signed_in(overview)), methods=get),
        Route("/fragments/overview", guarded(signed_in(overview_fragment)), methods=get),
        Route("/cases", guarded(signed_in(list_pages.case_list)), methods=get),
        Route("/cases/{number}", guarded(signed_in(case_pages.case_page)), methods=get),
        Route("/cases/{number}/moves", posted(case_pages.move), methods=post),
        Route("/cases/{number}/evidence", posted(case_pages.upload), methods=post),
        Route("/cases/{number}/cards/{ident:ident}", posted(card_pages.card), methods=post),
        Route("/cards/{ident:ident}", guarded(signed_in(card_pages.card_page)), methods=get),
        Route("/evidence/{ident:ident}", guarded(signed_in(case_pages.evidence_file)), methods=get),
        Route("/intake", guarded(signed_in(intake_pages.intake)), methods=get),
        Route("/intake/{ident:ident}", posted(intake_pages.settle), methods=post),
        Route("/cases/{number}/phone", posted(case_pages.reveal), methods=post),
        Route("/supervision", guarded(signed_in(supervision_pages.supervision)), methods=get),
        Route("/supervision/{ident:ident}", posted(supervision_pages.settle), methods=post),
        Route("/routing", guarded(signed_in(routing_pages.routing)), methods=get),
        Route("/routing/{ident:ident}", posted(routing_pages.end), methods=post),
        Route("/letters", guarded(signed_in(letter_pages.letter_list)), methods=get),
        Route("/letters", posted(letter_pages.draft), methods=post),
        Route("/letters/{ident:ident}", guarded(signed_in(letter_pages.letter_page)), methods=get),
        Route("/letters/{ident:ident}", posted(letter_pages.act), methods=post),
        Route("/letters/{ident:ident}/file", guarded(signed_in(letter_pages.letter_file)), methods=get),
        Route("/problems", guarded(signed_in(problem_pages.problem_list)), methods=get),
        Route("/problems/{ident:ident}", guarded(signed_in(problem_pages.problem_page)), methods=get),
        Route("/problems/{ident:ident}", posted(problem_pages.act), methods=post),
        Route("/policy", guarded(signed_in(policy_pages.policies)), methods=get),
        Route("/recalls", guarded(signed_in(recall_pages.sample)), methods=get),
        Route("/recalls/population", guarded(signed_in(recall_pages.population)), methods=get),
        Route("/recalls/{ident:ident}", guarded(signed_in(recall_pages.call)), methods=get),
        Route("/recalls/{ident:ident}", posted(recall_pages.record), methods=post),
        Route("/login", guarded(login.login), methods=get),
        Route("/login/callback", guarded(login.callback), methods=get),
        Route("/logout", posted(_logout), methods=post),
        Mount("/static", Static(views.STATIC)),
        *h5_routes(),
        *directory_routes(),
        *health_routes(),
        *rater_routes(),
    ])  # fmt: skip


def _logout(request: Request, form: FormData) -> Response:
    return login.sign_out(request, login.text_of(form, "csrf"))


def overview(request: Request, viewer: Viewer) -> Response:
    house = house_of(request)
    now = house.clock.now()
    with house.database.begin() as session:  # not with every beat of the figures: each letter's case is asked
        letters = waiting_letters(letters_waiting_for(session, viewer, now), now)
    return views.render(request, "overview.html", letters=letters, **_overview(request, viewer))


def overview_fragment(request: Request, viewer: Viewer) -> Response:
    return views.render(request, "live.html", **_overview(request, viewer))


def _overview(request: Request, viewer: Viewer) -> dict[str, Any]:
    house = house_of(request)
    now = house.clock.now()
    first, last = list_pages.period_of(request, now)
    midnight = datetime.combine(now.astimezone(CHINA).date(), time(), CHINA)
    with house.database.begin() as session:
        counts = case_queries.status_counts(session, viewer)
        pressing = {key: count_by_family(session, Wanted(key), viewer, now) for key in ("open", "overdue")}
        policy = house.today(session).policy
        found = {family: _figures(session, viewer, first, last, now, family) for family in BOTH}
        helpers = report_assistance(session, viewer, first=first, last=last, now=now)
        today = daily = None
        if viewer.sees_all:
            today = page_queries.intake_between(session, midnight, midnight + timedelta(days=1))
            daily = _daily(session, midnight)
    return {
        "period": {"first": first.isoformat(), "last": last.isoformat()},
        "rates": [_rates(figures, family, first, last, policy) for family, figures in found.items()],
        "bars": _bars(found[Family.RATING], policy.rounding),
        "pressing": [
            {
                "label": LISTINGS[key].label,
                "kinds": [(family, counts[family], _opens(key, family)) for family in BOTH],
            }
            for key, counts in pressing.items()
            if counts[Family.ORDERS]
        ],
        "rounding": ROUNDING_NAMES[policy.rounding],
        "small_below": policy.small_below,
        "now": views.moment(now),
        "today": today,
        "result_labels": views.RESULT_LABELS,
        "statuses": [
            {"key": status.value, "label": status.label, "count": counts.get(status, 0)}
            for status in CaseStatus
        ],
        "open_count": sum(count for status, count in counts.items() if status.is_open),
        "overdue": sum(pressing["overdue"].values()),
        "helpers": [
            {
                "unit": one.unit,
                "tasks": one.tasks,
                "late": one.late,
                "overdue": one.overdue,
                "all": _helped("assisted", one, first, last),
                "delays": _helped("late_assistance", one, first, last),
            }
            for one in helpers
        ],
        "daily": daily,
        "fragment": f"/fragments/overview?{urlencode({'from': first, 'to': last})}",
    }


Figures = dict[UnitName | None, dict[str, Figure]]


def _figures(
    session: Session, viewer: Viewer, first: date, last: date, now: datetime, family: Family
) -> Figures:
    """By unit, and under None for all, from the one formula."""
    found: Figures = {}
    for split in (True, False):
        for row in report_rates(
            session, viewer, first=first, last=last, now=now, by_department=split, family=family
        ):
            found.setdefault(row.unit, {})[row.figure.metric] = row.figure
    return found


def _rates(found: Figures, family: Family, first: date, last: date, policy: Policy) -> dict[str, Any]:
    """The table of units, every figure of one kind of cases and opening exactly these."""
    metrics = metrics_of(family)
    table, idle = [], []
    for unit, figures in found.items():
        if unit and not any(figure.denominator or any(figure.apart.values()) for figure in figures.values()):
            idle.append(unit.label)
            continue
        cells = []
        for key, metric in metrics.items():
            figure = figures[key]
            query = {
                "metric": key, "department": unit.code if unit else "", "from": first, "to": last,
                "kind": family.value,
            }  # fmt: skip
            link = "/cases?" + urlencode({name: word for name, word in query.items() if word})
            cells.append({
                "metric": metric.name, "text": display(figure, policy.rounding), "link": link,
                "few": is_small(figure, policy.small_below), "none": not figure.denominator,
                # Three lines of noughts under every unit would hide the figures; the total says that there are none.
                "apart": [
                    (name, count, f"{link}&part={part}")
                    for part, name, count in told_apart(figure)
                    if unit is None or any(figure.apart.values())
                ],
            })  # fmt: skip
        table.append({"unit": unit.label if unit else "合计", "cells": cells, "total": unit is None})
    return {
        "key": family.value, "label": family.label, "metrics": list(metrics.values()), "table": table, "idle": idle,
    }  # fmt: skip


def _opens(listing: str, family: Family) -> str:
    return "/cases?" + urlencode({"list": listing, "kind": family.value})


def _helped(listing: str, one: Assisted, first: date, last: date) -> str:
    return "/cases?" + urlencode({"list": listing, "department": one.code, "from": first, "to": last})


def _bars(found: Figures, rounding: Rounding) -> dict[str, Any]:
    """The units with most cases due, most first: a bar over nothing, or forty of them, would tell nothing."""
    keys = ("rectification_rate", "on_time_rectification_rate")
    due = {unit: figures[keys[0]].denominator for unit, figures in found.items() if unit}
    ranked = sorted((unit for unit, count in due.items() if count), key=lambda unit: -due[unit])
    shown = ranked[:BARS]
    return {
        "units": [f"{unit.label}（{due[unit]}）" for unit in shown],
        "left_out": len(ranked) - len(shown),
        "series": [
            {
                "name": METRICS[key].name,
                "values": [value(found[unit][key], rounding) for unit in shown],
            }
            for key in keys
        ],
    }


def _daily(session: Session, midnight: datetime) -> dict[str, Any]:
    start = midnight - timedelta(days=13)
    taken = page_queries.taken_by_day(session, start, midnight + timedelta(days=1))
    days = [(start + timedelta(days=step)).date() for step in range(14)]
    told = [taken.get(day, page_queries.Taken()) for day in days]
    return {
        "days": [f"{day:%m-%d}" for day in days],
        "ratings": [day.ratings for day in told],
        "bad": [day.bad for day in told],
        "orders": [day.orders for day in told],
    }
