"""What is published of a month's re-call sample: how it was drawn, what was drawn, what came of it; and the proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.clock import CHINA
from reviewbot.errors import NotFound
from reviewbot.models.oversight import Recall, RecallDraw
from reviewbot.queries.directory import unit_labels
from reviewbot.queries.recalls import (
    OVERSEERS,
    RecallRow,
    all_recalls,
    closing_hashes,
    find_draw,
    recall_events,
    recalls_seen_by,
)
from reviewbot.queries.scope import Viewer
from reviewbot.rules.rates import Figure
from reviewbot.rules.recall import Finding, digest, draw_sample, month_days, population_of, seed_of


@dataclass(frozen=True)
class UnitFigures:
    """``done``: concluded of drawn; ``confirmed``: of those who answered, with what else was found beside it."""

    unit: str
    done: Figure
    confirmed: Figure


@dataclass(frozen=True)
class SampleReport:
    """A month as one viewer may see it. ``secret`` and ``seed`` are empty until they are revealed to him."""

    draw: RecallDraw
    in_time: bool
    """Whether the commitment was made before the month began."""
    population_count: int
    sample: int
    concluded: int
    secret: str
    seed: str
    rows: Sequence[RecallRow]
    units: Sequence[UnitFigures]
    total: UnitFigures


def report_recalls(session: Session, viewer: Viewer, period: str, *, at: datetime) -> SampleReport:
    """Raises InvalidInput, NotFound. A unit sees what is concluded of its own, an overseer everything."""
    first, _ = month_days(period)
    draw = find_draw(session, period)
    if draw is None:
        raise NotFound(f"{period} 没有抽查回访的承诺值。")
    everything = [recall for recall, _ in all_recalls(session, period)]
    concluded = sum(recall.concluded_at is not None for recall in everything)
    open_to_all = draw.drawn_at is not None and concluded == len(everything)
    revealed = draw.drawn_at is not None and (open_to_all or bool(viewer.roles & OVERSEERS))
    rows = recalls_seen_by(session, viewer, at, period=period)
    seen = [row.recall for row in rows]
    names = unit_labels(session)
    units = {recall.department_id for recall in seen}
    return SampleReport(
        draw=draw,
        in_time=draw.committed_at.astimezone(CHINA).date() < first,
        population_count=(draw.population or "").count("\n"),
        sample=len(everything),
        concluded=concluded,
        secret=draw.secret if revealed else "",
        seed=draw.seed or "" if revealed else "",
        rows=rows,
        units=[
            _figures(name, [one for one in seen if one.department_id == ident])
            for ident, name in names.items()
            if ident in units
        ],
        total=_figures("合计", seen),
    )


def _figures(name: str, recalls: Sequence[Recall]) -> UnitFigures:
    found = [Finding(recall.finding) for recall in recalls if recall.finding]
    counts = {finding.value: found.count(finding) for finding in Finding}
    answers = sum(finding.is_answer for finding in found)
    return UnitFigures(
        name,
        Figure("recall_done", len(found), len(recalls)),
        Figure("recall_confirmed_rate", counts[Finding.CONFIRMED], answers, counts),
    )


def verify_recalls(session: Session, period: str) -> list[str]:
    """Do the sum again; one sentence for everything that does not agree, nothing where all is as it was drawn.

    Raises InvalidInput, NotFound.
    """
    month_days(period)
    draw = find_draw(session, period)
    if draw is None or draw.drawn_at is None:
        raise NotFound(f"{period} 还没有抽取回访样本。")
    text = draw.population or ""
    wrong = []
    if digest(draw.secret) != draw.commitment:
        wrong.append("密钥与事先公布的承诺值不符。")
    if digest(text) != draw.population_sha256:
        wrong.append("总体清单与其 SHA-256 不符。")
    if seed_of(draw.secret, digest(text)) != draw.seed:
        wrong.append("种子不是由密钥和总体清单得出的。")
    sample = {number: recall for recall, number in all_recalls(session, period)}
    try:
        members = population_of(text)
    except ValueError:
        return [*wrong, "总体清单格式不对。"]
    expected = [one.number for one in draw_sample(members, draw.seed or "", draw.percent or 0)]
    if list(sample) != expected:
        wrong.append(f"样本与重算不符：应为 {'、'.join(expected) or '无'}。")
    standing = closing_hashes(session, [one.number for one in members])
    gone = [one.number for one in members if one.closing not in standing.get(one.number, set())]
    if gone:
        wrong.append(f"总体清单中这些工单的办结记录已不是当时的：{'、'.join(gone)}。")
    return wrong + _against_the_chains(session, draw, sample)


def _against_the_chains(session: Session, draw: RecallDraw, sample: dict[str, Recall]) -> list[str]:
    """The chains of the cases keep seed, population and finding of every concluded re-call."""
    told = {
        number: (event.data["finding"], event.data["seed"], event.data["population"])
        for number, event in recall_events(session, draw.period)
        if "finding" in event.data
    }
    kept = {
        number: (recall.finding, draw.seed, draw.population_sha256)
        for number, recall in sample.items()
        if recall.concluded_at is not None
    }
    differing = sorted(number for number in told.keys() | kept.keys() if told.get(number) != kept.get(number))
    return [f"回访结果与工单的事件链不符：{'、'.join(differing)}。"] if differing else []
