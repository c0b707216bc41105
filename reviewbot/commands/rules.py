"""The commands about rules: versions of the policy, versions of the calendar."""

import getpass
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from reviewbot.actions.follow_calendar import Followed, follow_by_id, follow_calendar
from reviewbot.actions.simulate_rules import LABELS, Simulation, simulate_rules
from reviewbot.actions.take_rules import keep_calendar, take_calendar, take_policy
from reviewbot.clock import CHINA, minute
from reviewbot.commands.base import console, new_table, plainly, prepared
from reviewbot.errors import NotFound, SettingError
from reviewbot.models.policy import PolicyVersion
from reviewbot.queries.cases import cases_behind, lock_case_by_id
from reviewbot.queries.rulebooks import (
    applied_calendar,
    calendar_changes,
    policy_versions,
    version_on,
)
from reviewbot.queue import TaskName
from reviewbot.rules.calendar import Calendar
from reviewbot.rules.policy import Policy, parse
from reviewbot.rules.policy_check import Findings, differences, look_through
from reviewbot.rules.reading import Remark
from reviewbot.settings import load_settings
from reviewbot.wiring import House, read_text

policy_app = typer.Typer(no_args_is_help=True, help="规则：检查、推演、施行、版本。")
calendar_app = typer.Typer(no_args_is_help=True, help="工作日历：检查、施行、版本。")
File = Annotated[Path, typer.Argument(help="规则文件，如改好的 policy.toml")]
CalendarOption = Annotated[
    Path | None, typer.Option("--calendar", help="日历：文件夹，或 national.toml、local.toml 之一")
]
Yes = Annotated[bool, typer.Option("--yes", help="不再询问")]


@policy_app.command("check")
@plainly
def policy_check(file: File, calendar: CalendarOption = None) -> None:
    """列出规则文件的全部错误和可疑之处；有错误返回 1。"""
    texts = calendar_texts(calendar, load_settings().calendar)
    try:
        found = look_through(parse(read_text(file), file.name), Calendar.from_texts(*texts))
    except SettingError as wrong:  # what cannot be read at all is the one mistake there is to tell
        console.print(f"错误　{wrong.sentence}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    tell_findings(found)
    raise typer.Exit(1 if found.mistakes else 0)


@policy_app.command("activate")
@plainly
def policy_activate(
    file: File,
    begins: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="施行日")] = None,
    yes: Yes = False,
) -> None:
    """施行一个规则版本：先列出与现行版本的不同；只管此后立案的工单。"""
    text = read_text(file)
    with prepared() as house:
        with house.database.begin() as session:
            calendar = house.today(session).calendar
            now = session.get_one(PolicyVersion, version_on(session, house.clock.now()))
        found = look_through(parse(text, file.name), calendar)
        tell_findings(found)
        if found.policy is None:
            raise typer.Exit(1)
        take = partial(
            take_policy, text=text, at=house.clock.now(), by=_who(), begins=begins.date() if begins else None
        )
        with house.database.begin() as session:  # what would be refused is refused before anybody is asked
            new, starts = take(session), session.get_one(PolicyVersion, found.policy.version).effective_from
            session.rollback()
        if not new:
            console.print("这个版本早已存档，没有改变。")
            return
        console.print(f"现行 {now.version} → {found.policy.version}，自 {starts} 起施行", markup=False)
        tell_differences(now.text, text)
        if not yes and not typer.confirm("施行？"):
            raise typer.Exit(1)
        with house.database.begin() as session:
            take(session)
        waits = starts > house.clock.now().astimezone(CHINA).date()
    console.print(f"已存档，自 {starts} 起施行。" if waits else "已施行。")


@policy_app.command("simulate")
@plainly
def policy_simulate(
    file: File,
    calendar: CalendarOption = None,
    months: Annotated[int, typer.Option(min=1, max=120, help="重放最近几个月立案的工单")] = 12,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """用规则草案重放过去的工单，按单位与现行规则对比；什么也不写。"""
    with prepared() as house:
        policy = Policy.from_table(parse(read_text(file), file.name))
        texts = calendar_texts(calendar, house.settings.calendar) if calendar else None
        until = house.clock.now()
        with house.database.begin() as session:
            told = simulate_rules(
                session, house.rulebooks, policy, Calendar.from_texts(*texts) if texts else None,
                first=until - timedelta(days=months * 365.25 / 12), until=until,
            )  # fmt: skip
    tell_simulation(told, as_json=as_json)


@policy_app.command("list")
@plainly
def policy_list() -> None:
    """全部规则版本：施行日、何时由谁启用。"""
    with prepared() as house, house.database.begin() as session:
        in_force = version_on(session, house.clock.now())
        rows = policy_versions(session)
    table = new_table("版本", "施行日", "启用", "由谁", "SHA-256", "")
    for row in rows:
        table.add_row(
            row.version, str(row.effective_from), minute(row.taken_at), row.taken_by, row.sha256[:12],
            "现行" if row.version == in_force else "",
        )  # fmt: skip
    console.print(table)


@policy_app.command("show")
@plainly
def policy_show(version: str) -> None:
    """一个规则版本的全文。"""
    with prepared() as house, house.database.begin() as session:
        row = session.get(PolicyVersion, version)
    if row is None:
        raise NotFound(f"没有规则版本 {version}，reviewbot policy list 列出全部版本。")
    typer.echo(row.text, nl=False)


@calendar_app.command("check")
@plainly
def calendar_check(
    folder: Annotated[Path | None, typer.Argument(help="文件夹，或其中一个文件")] = None,
) -> None:
    """日历文件若施行，会移动哪些工单的哪些时限，为什么；什么也不改。"""
    with prepared() as house:
        told = foresee(house, calendar_texts(folder, house.settings.calendar))
        tell_foreseen(told)


@calendar_app.command("apply")
@plainly
def calendar_apply(
    folder: Annotated[Path | None, typer.Argument(help="文件夹，或其中一个文件")] = None, yes: Yes = False
) -> None:
    """施行日历：重算全部在办时限，撤回因此不对的警示牌和公文草稿，告知经办人、拟稿人和评价人。"""
    with prepared() as house:
        texts = calendar_texts(folder, house.settings.calendar)
        told = foresee(house, texts)
        tell_foreseen(told)
        if told.version == told.in_force and not told.done:
            return
        if not yes and not typer.confirm("施行？"):
            raise typer.Exit(1)
        now = house.clock.now()
        with house.database.begin() as session:
            take_calendar(session, *texts, at=now, by=_who())
        followed = 0
        while behind := _behind(house):
            for case_id in behind:
                with house.database.begin() as session:
                    follow_by_id(session, case_id, now=now, rulebooks=house.rulebooks)
            followed += len(behind)
        house.ring(TaskName.DELIVER)
    console.print(f"已施行 {told.version}，{followed} 件在办工单已按其重算。", markup=False)


@calendar_app.command("list")
@plainly
def calendar_list() -> None:
    """日历的历次施行，最近的在前。"""
    with prepared() as house, house.database.begin() as session:
        rows = calendar_changes(session)
    table = new_table("版本", "施行", "由谁")
    for row in rows:
        table.add_row(row.version, minute(row.at), row.by)
    console.print(table)


@dataclass(frozen=True)
class Foreseen:
    """What a calendar would do."""

    in_force: str
    version: str
    done: list[Followed]


def foresee(house: House, texts: tuple[str, str]) -> Foreseen:
    """Let every open case follow, each in a transaction of its own that is rolled back."""
    calendar = Calendar.from_texts(*texts)
    with house.database.begin() as session:
        keep_calendar(session, *texts, at=house.clock.now())
        in_force, behind = applied_calendar(session), cases_behind(session, calendar.version)
        session.rollback()
    return Foreseen(in_force, calendar.version, [_would_do(house, case_id, calendar) for case_id in behind])


def _would_do(house: House, case_id: int, calendar: Calendar) -> Followed:
    with house.database.begin() as session:
        case = lock_case_by_id(session, case_id)
        done = follow_calendar(session, case, house.rulebooks, now=house.clock.now(), calendar=calendar)
        session.rollback()
    return done


def _behind(house: House) -> list[int]:
    with house.database.begin() as session:
        return cases_behind(session, applied_calendar(session), 200)


def calendar_texts(given: Path | None, standing: Path) -> tuple[str, str]:
    """National and local: a folder of both, or one file in the place of its namesake in force."""
    if given is None or given.is_dir():
        folder = given or standing
        return read_text(folder / "national.toml"), read_text(folder / "local.toml")
    text = read_text(given)
    if "office_hours" in parse(text, given.name):
        return read_text(standing / "national.toml"), text
    return text, read_text(standing / "local.toml")


def tell_findings(found: Findings) -> None:
    for kind, remarks in (("错误", found.mistakes), ("可疑", found.oddities)):
        for remark in remarks:
            console.print(_line(kind, remark), markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(found.mistakes)} 处错误，{len(found.oddities)} 处可疑")


def _line(kind: str, remark: Remark) -> str:
    hint = "应为" if kind == "错误" else "是否想写"
    return f"{kind}　{remark.key}　{remark.wrong}{f'；{hint} {remark.allowed.strip()}' if remark.allowed else ''}"


def tell_differences(old: str, new: str) -> None:
    """Key by key, but for the day: whoever activates may name another one than the file."""
    found = [row for row in differences(parse(old, ""), parse(new, "")) if row[0] != "effective_from"]
    for key, before, after in found:
        console.print(f"　{key}　{before or '（无）'} → {after or '（无）'}", markup=False, highlight=False)
    if not found:
        console.print("　没有不同。")


def tell_simulation(told: Simulation, *, as_json: bool) -> None:
    """Beside each other: in force → draft, and the difference."""
    if as_json:
        units = [{"department": name} | _beside(row, told.draft[name]) for name, row in told.in_force.items()]
        issued = {
            name: {
                "replayed": {key: told.replayed[key] for key in keys},
                "issued": {key: told.issued[key] for key in keys},
            }
            for name, keys in (("cards", ("yellow", "red")), ("letters", ("letters", "reports")))
        }
        about = {
            "first": told.first.isoformat(), "until": told.until.isoformat(), "policy": told.policy,
            "calendar": told.calendar, "total": _beside(*told.total),
        }  # fmt: skip
        typer.echo(json.dumps(about | {"departments": units} | issued, ensure_ascii=False, indent=2))
        return
    console.print(
        f"{minute(told.first)} 以来立案的工单，重放至 {minute(told.until)}。"
        "现行：各件立案时的规则和算得其时限的日历；"
        f"草案：规则 {told.policy}，日历 {told.calendar}。",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    table = new_table("单位", *LABELS.values(), title="现行 → 草案（差）")
    for name, row in told.in_force.items():
        table.add_row(name, *_cells(row, told.draft[name]))
    table.add_section()
    table.add_row("合计", *_cells(*told.total))
    console.print(table)
    if told.replayed != told.issued:
        console.print(
            f"提示：按现行规则重放得{_listed(told.replayed)}，"
            f"实际为{_listed(told.issued)}（停机期间办结的不补发）。"
        )


def _beside(row: dict[str, int], draft: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"in_force": row, "draft": draft, "difference": {key: draft[key] - row[key] for key in row}}


def _cells(row: dict[str, int], draft: dict[str, int]) -> list[str]:
    return [
        str(row[key]) if row[key] == draft[key] else f"{row[key]}→{draft[key]}（{draft[key] - row[key]:+d}）"
        for key in LABELS
    ]


def _listed(counts: Mapping[str, int]) -> str:
    return "、".join(f"{LABELS[key]} {count}" for key, count in counts.items())


def tell_foreseen(told: Foreseen) -> None:
    console.print(f"现行 {told.in_force} → {told.version}", markup=False)
    for one in told.done:
        for shift in one.shifts:
            console.print(
                f"　{shift.number}　{shift.sentence}", markup=False, highlight=False, soft_wrap=True
            )
    shifts = [shift for one in told.done for shift in one.shifts]
    moved = {shift.number for shift in shifts if shift.moved}
    final = sum(shift.became_final and not shift.moved for shift in shifts)
    cards = [colour for one in told.done for colour in one.cards]
    console.print(
        f"共 {len(moved)} 件工单的时限移动，另有 {final} 个时限由暂定转为确定；"
        f"撤回黄牌 {cards.count('yellow')} 张、红牌 {cards.count('red')} 张，"
        f"撤回公文草稿 {sum(one.letters for one in told.done)} 份、"
        f"重拟 {sum(one.redrafted for one in told.done)} 份，"
        f"{sum(one.rearmed for one in told.done)} 级催办重新等候，"
        f"告知评价人 {sum(one.rater_told for one in told.done)} 人"
    )


def _who() -> str:
    """Who runs the command, as the machine knows him."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "命令行"
