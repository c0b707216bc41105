"""``reviewbot doctor`` and ``reviewbot verify``: is the system well, has anybody altered a record."""

import typer
from sqlalchemy.exc import DBAPIError

from reviewbot.commands.base import bring_up, console, opened, plainly, prepared
from reviewbot.commands.doctor import check_system
from reviewbot.database.session import database_is_away
from reviewbot.models.chain import first_break
from reviewbot.queries.cases import events_of, every_case


@plainly
def doctor() -> None:
    """检查配置、数据库、队列、企业微信、病毒扫描、日历；每条发现都写明怎么办。"""
    with opened() as house:
        try:
            bring_up(house, start=False)
        except DBAPIError as wrong:
            if not database_is_away(wrong):
                raise
        findings = check_system(house)
    for finding in findings:
        console.print(f"{'正常' if finding.good else '问题'}　{finding.what}", markup=False)
        if finding.advice:
            console.print(f"　　　{finding.advice}", markup=False)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


@plainly
def verify() -> None:
    """重算每张工单的事件链；有记录被改动则返回非零。"""
    broken = 0
    with prepared() as house, house.database.begin() as session:
        cases = every_case(session)
        for case in cases:
            events = events_of(session, case.id)
            place = first_break(events)
            whole = bool(events) and len(events) == case.event_count and events[-1].hash == case.last_hash
            if place is None and not whole:
                place = len(events) + 1
            if place is not None:
                broken += 1
                console.print(f"工单 {case.number} 第 {place} 条记录起不连续", style="red")
    console.print(f"共 {len(cases)} 张工单，{broken} 张有问题")
    raise typer.Exit(1 if broken else 0)
