"""The re-call samples on the command line: draw a month, show what is published of it, do the sum again."""

import json
from typing import Annotated

import typer
from rich.console import Console

from reviewbot.actions.draw_recalls import draw_recalls
from reviewbot.actions.report_recalls import report_recalls, verify_recalls
from reviewbot.clock import CHINA
from reviewbot.commands.base import console, plainly, prepared
from reviewbot.errors import ReviewbotError
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.rates import display, is_small, share, small_note
from reviewbot.rules.recall import Finding
from reviewbot.web.recall_api import sample_data
from reviewbot.wiring import House

recalls_app = typer.Typer(no_args_is_help=True, help="抽查回访：抽取、公布、复算。")
MONTH = Annotated[str, typer.Option(help="月份，如 2026-10")]


@recalls_app.command("draw")
@plainly
def recalls_draw(month: MONTH) -> None:
    """抽取一个已结束月份的回访样本；已抽取的不变。"""
    with prepared() as house:
        draw(house, month, console)


@recalls_app.command("show")
@plainly
def recalls_show(month: MONTH, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """样本的承诺值、总体、种子、编号和结果。"""
    with prepared() as house:
        show(house, month, console, as_json=as_json)


@recalls_app.command("verify")
@plainly
def recalls_verify(month: MONTH) -> None:
    """重新计算样本；与公布的不符则返回非零。"""
    with prepared() as house:
        verify(house, month, console)


class SampleAltered(ReviewbotError):
    """The sample does not follow from what was published."""

    code = "sample_altered"


def draw(house: House, month: str, console: Console) -> None:
    """Draw a month, once, and print what was drawn."""
    with house.database.begin() as session:
        new = draw_recalls(session, month, now=house.clock.now(), rulebook=house.today(session))
    console.print(f"{month} {'已抽取' if new else '早已抽取，没有改变'}。")
    show(house, month, console, as_json=False)


def show(house: House, month: str, console: Console, *, as_json: bool) -> None:
    """Everything of a month: commitment, population, seed, numbers, results."""
    with house.database.begin() as session:
        policy = house.today(session).policy
        told = report_recalls(session, SYSTEM, month, at=house.clock.now())
    if as_json:
        console.print_json(json.dumps(sample_data(told, policy.rounding), ensure_ascii=False, default=str))
        return
    drawn = told.draw
    committed = f"{drawn.committed_at.astimezone(CHINA):%Y-%m-%d}"
    lines = [
        f"承诺值　{drawn.commitment}（{committed} 公布{'' if told.in_time else '，晚于月初'}）",
        f"总体　　{told.population_count} 件，SHA-256 {drawn.population_sha256 or '—'}",
        f"密钥　　{told.secret or '—'}",
        f"种子　　{told.seed or '—'}",
        f"样本　　{told.sample} 件（{drawn.percent or '—'}%），完成 {told.concluded} 件",
    ]
    for row in told.rows:
        found = Finding(row.recall.finding).label if row.recall.finding else "待回访"
        lines.append(f"　{row.number} {row.unit}　{found}　{row.caller.name if row.caller else '没有回访人'}")
    lines += [
        f"{one.unit}：完成 {display(one.done, policy.rounding)}，"
        f"属实 {share(one.confirmed, policy.rounding, policy.small_below)}"
        for one in (*told.units, told.total)
    ]
    if any(is_small(one.confirmed, policy.small_below) for one in (*told.units, told.total)):
        lines.append(small_note(policy.small_below))
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def verify(house: House, month: str, console: Console) -> None:
    """Say that all agrees. Raises SampleAltered with everything that does not."""
    with house.database.begin() as session:
        wrong = verify_recalls(session, month)
    if wrong:
        raise SampleAltered("\n".join(wrong))
    console.print(f"{month} 的样本与承诺值、总体清单、事件链一致。")
