"""``reviewbot rates`` and ``reviewbot assistance``: figures with what they are made of."""

import json
from datetime import datetime
from typing import Annotated

import typer

from reviewbot.actions.report_rates import report_assistance, report_rates, this_month
from reviewbot.clock import minute
from reviewbot.commands.base import console, new_table, plainly, prepared
from reviewbot.errors import InvalidInput
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.kinds import Family
from reviewbot.rules.rates import ROUNDING_NAMES, apart_line, is_small, share, small_note
from reviewbot.web.api import assistance_data, rates_data


@plainly
def rates(
    by: Annotated[str | None, typer.Option(help="department = 按单位")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    metric: Annotated[list[str] | None, typer.Option(help="指标，可重复")] = None,
    kind: Annotated[
        Family, typer.Option(help="rating = 差评，orders = 其他来源的工单（12345 等），或其中一类")
    ] = Family.RATING,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """各项比率，每个都带分子和分母。"""
    if by not in (None, "department"):
        raise InvalidInput("--by 只能是 department。")
    with prepared() as house:
        now = house.clock.now()
        start, end = this_month(now)
        start, end = first.date() if first else start, last.date() if last else end
        with house.database.begin() as session:
            rows = report_rates(
                session,
                SYSTEM,
                first=start,
                last=end,
                now=now,
                metrics=metric,
                by_department=bool(by),
                family=kind,
            )
            policy = house.today(session).policy
        if as_json:
            typer.echo(
                json.dumps(rates_data(rows, start, end, now, policy, kind), ensure_ascii=False, indent=2)
            )
            return
        notes = [f"截至 {minute(now)}", f"百分数{ROUNDING_NAMES[policy.rounding]}"]
        if any(is_small(row.figure, policy.small_below) for row in rows):
            notes.append(small_note(policy.small_below))
        table = new_table(
            "指标", "单位", "数值", "构成", title=f"{kind.label}　{start} 至 {end}", caption="；".join(notes)
        )
        for row in rows:
            names = row.metric.parts
            parts = "，".join(f"{names[part]} {count}" for part, count in row.figure.parts.items())
            if apart := apart_line(row.figure):
                parts += f"\n另列：{apart}"
            if row.unit is None:
                parts += f"\n不计：{'、'.join(row.metric.exclusions)}"
            table.add_row(
                row.metric.name,
                row.unit.label if row.unit else "全部",
                share(row.figure, policy.rounding, policy.small_below),
                parts,
            )
        console.print(table)


@plainly
def assistance(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """各单位的协办事项：共几项，几项超期才了结，几项超期未答复。"""
    with prepared() as house, house.database.begin() as session:
        now = house.clock.now()
        start, end = this_month(now)
        start, end = first.date() if first else start, last.date() if last else end
        found = report_assistance(session, SYSTEM, first=start, last=end, now=now)
    if as_json:
        typer.echo(json.dumps(assistance_data(found, start, end, now), ensure_ascii=False, indent=2))
        return
    table = new_table("单位", "协办", "超期了结", "超期未答复", title=f"协办期限在 {start} 至 {end}")
    for one in found:
        table.add_row(one.unit, str(one.tasks), str(one.late), str(one.overdue))
    console.print(table)
