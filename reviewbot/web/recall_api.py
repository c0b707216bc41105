"""Re-call samples for programs: a month as published, and the list it was drawn from."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse

from reviewbot.actions.report_recalls import SampleReport, UnitFigures, report_recalls
from reviewbot.errors import NotFound
from reviewbot.queries.recalls import committed_periods, find_draw
from reviewbot.rules.rates import Figure, Rounding, value
from reviewbot.rules.recall import month_days
from reviewbot.web.api import FIGURE, Caller, house_of

recalls_router = APIRouter(prefix="/api/v1/recalls", dependencies=FIGURE)
Month = Annotated[str, Query(max_length=20, description="2026-10")]


@recalls_router.get("")
def get_recalls(request: Request, viewer: Caller, month: Month | None = None) -> dict[str, Any]:
    """The sample of a month as this caller may see it; without ``month`` the months there is a commitment for."""
    house = house_of(request)
    with house.database.begin() as session:
        if month is None:
            return {"months": committed_periods(session)}
        told = report_recalls(session, viewer, month, at=house.clock.now())
        rounding = house.today(session).policy.rounding
    return sample_data(told, rounding)


@recalls_router.get("/population", response_class=PlainTextResponse)
def get_population(request: Request, _: Caller, month: Month) -> PlainTextResponse:
    """Byte for byte as it was hashed."""
    month_days(month)
    with house_of(request).database.begin() as session:
        draw = find_draw(session, month)
    if draw is None or draw.population is None:
        raise NotFound(f"{month} 还没有抽取回访样本。")
    return PlainTextResponse(draw.population)


def sample_data(told: SampleReport, rounding: Rounding) -> dict[str, Any]:
    """A report as data; ``secret`` and ``seed`` are null until they are revealed to this viewer."""
    draw = told.draw
    return {
        "month": draw.period, "commitment": draw.commitment, "committed_at": draw.committed_at,
        "committed_before_the_month": told.in_time, "drawn_at": draw.drawn_at, "percent": draw.percent,
        "policy_version": draw.policy_version,
        "population": {"count": told.population_count, "sha256": draw.population_sha256},
        "secret": told.secret or None, "seed": told.seed or None,
        "sample": told.sample, "concluded": told.concluded,
        "figures": [_figures(one, rounding) for one in (told.total, *told.units)],
        "cases": [
            {
                "number": row.number, "department": row.unit, "place": row.recall.place,
                "round": row.recall.round, "caller": row.caller.userid if row.caller else None,
                "finding": row.recall.finding, "concluded_at": row.recall.concluded_at,
            }
            for row in told.rows
        ],
    }  # fmt: skip


def _figures(one: UnitFigures, rounding: Rounding) -> dict[str, Any]:
    return {
        "department": one.unit,
        "done": _fraction(one.done, rounding),
        "confirmed": _fraction(one.confirmed, rounding),
    }


def _fraction(figure: Figure, rounding: Rounding) -> dict[str, Any]:
    return {
        "numerator": figure.numerator, "denominator": figure.denominator, "value": value(figure, rounding),
        "parts": dict(figure.parts),
    }  # fmt: skip
