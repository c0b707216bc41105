"""The command line: start, import, ask, check."""

import json
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track
from rich.table import Table

from reviewbot import address_book, demonstration, samples
from reviewbot.actions.create_token import create_token
from reviewbot.actions.erase_rater import erase_rater
from reviewbot.actions.load_city import CityChange, load_city
from reviewbot.actions.open_case import open_case
from reviewbot.actions.receive_reviews import RESULT_WORDS, Delivery
from reviewbot.actions.report_rates import report_assistance, report_rates, this_month
from reviewbot.actions.settle_record import SETTLEMENTS
from reviewbot.checkup import check_system
from reviewbot.command import console, plainly, prepare, prepared
from reviewbot.embedded import start_embedded, stop_embedded
from reviewbot.errors import InvalidInput
from reviewbot.logs import configure_logs
from reviewbot.models.chain import first_break
from reviewbot.papers import write_letters
from reviewbot.processes import (
    Processes,
    beat_command,
    free_port_or_fail,
    sender_command,
    web_command,
    worker_command,
)
from reviewbot.queries.cases import events_of, every_case
from reviewbot.queries.counts import Balance, intake_balance
from reviewbot.queries.erasing import reviews_of
from reviewbot.queries.scope import SYSTEM
from reviewbot.rule_commands import calendar_app, policy_app
from reviewbot.rules.diagram import diagram
from reviewbot.rules.kinds import ORDERS, Kind
from reviewbot.rules.rates import METRICS, apart_line, is_small, share, small_note
from reviewbot.settings import load_settings
from reviewbot.simulator.alone import simulator
from reviewbot.sources.split import read_file
from reviewbot.web.api import assistance_data, rates_data
from reviewbot.web.intake import receive_and_commit, to_record

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="差评工单：收评价、派单、催办、办结、问整改率。"
)
token_app = typer.Typer(no_args_is_help=True, help="API 令牌。")
city_app = typer.Typer(no_args_is_help=True, help="城市目录：单位、事项、人员。")
recalls_app = typer.Typer(no_args_is_help=True, help="抽查回访：抽取、公布、复算。")
wecom_app = typer.Typer(no_args_is_help=True, help="企业微信应用。")
directory_app = typer.Typer(no_args_is_help=True, help="企业微信通讯录。")
app.add_typer(directory_app, name="directory")
app.add_typer(wecom_app, name="wecom")
app.add_typer(token_app, name="token")
app.add_typer(recalls_app, name="recalls")
app.add_typer(city_app, name="city")
app.add_typer(policy_app, name="policy")
app.add_typer(calendar_app, name="calendar")
IMPORT_BATCH = 1_000
OPENED_TOGETHER = 50


app.command()(plainly(simulator))


@app.command()
@plainly
def up() -> None:
    """启动网页、工作进程和定时器；没有配置地址的 PostgreSQL、Redis 用内置的。"""
    settings = load_settings()
    free_port_or_fail(settings.bind)
    settings = start_embedded(settings)
    configure_logs(settings.log_format)
    prepare(settings).database.dispose()
    children = Processes(settings)
    try:
        children.start("web", *web_command(settings))
        children.start("worker", *worker_command(settings))
        children.start("sender", *sender_command(settings))
        children.start("beat", *beat_command(settings))
        console.print(f"网页：{settings.address}　（Ctrl-C 停止）")
        stopping = _on_signals()
        while not stopping():
            time.sleep(0.5)
            children.restart_dead()
    finally:
        children.stop()
        stop_embedded(settings.data_dir)


def _on_signals() -> Callable[[], bool]:
    """A question that turns true once somebody asked the process to stop."""
    asked: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: asked.append(number))
    return lambda: bool(asked)


@app.command("import")
@plainly
def import_file(
    file: Annotated[Path, typer.Argument(help="NDJSON、JSON、CSV 或 XLSX")],
    source: Annotated[str, typer.Option(help="评价来源，config/sources 下的名字")],
) -> None:
    """把一个文件从与接口相同的门导入，并打印收支。"""
    if not file.is_file():
        raise InvalidInput(f"没有文件 {file}。")
    with prepared() as house:
        profile = house.profiles.get(source)
        if profile is None:
            raise InvalidInput(f"没有评价来源“{source}”；可用：{'、'.join(sorted(house.profiles))}。")
        pieces = list(read_file(file))
        for start in track(range(0, len(pieces), IMPORT_BATCH), description="导入", console=console):
            records = [to_record(house, profile, piece) for piece in pieces[start : start + IMPORT_BATCH]]
            received = receive_and_commit(house, Delivery(source, "import", records))
            wanted = received.bad_review_ids  # opened here and now: a file may be read where no worker runs
            for first in range(0, len(wanted), OPENED_TOGETHER):
                with house.database.begin() as session:
                    for ident in wanted[first : first + OPENED_TOGETHER]:
                        open_case(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)
            for result in received.results[0]:
                if result.reason:
                    name = result.external_id or "（无编号）"
                    console.print(f"{RESULT_WORDS[result.result]} {name}：{result.reason}", markup=False)
        with house.database.begin() as session:
            print_balance(intake_balance(session, house.clock.now()))


@app.command()
@plainly
def rates(
    by: Annotated[str | None, typer.Option(help="department = 按单位")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    metric: Annotated[list[str] | None, typer.Option(help="指标，可重复")] = None,
    kind: Annotated[str, typer.Option(help="rating = 差评，orders = 其他来源的工单（12345 等）")] = "rating",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """各项比率，每个都带分子和分母。"""
    if kind not in ("rating", "orders"):
        raise InvalidInput("--kind 只能是 rating 或 orders。")
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
                kinds=ORDERS if kind == "orders" else (Kind.RATING,),
            )
            policy = house.today(session).policy
        if as_json:
            typer.echo(json.dumps(rates_data(rows, start, end, now, policy), ensure_ascii=False, indent=2))
            return
        few = any(is_small(row.figure, policy.small_below) for row in rows)
        table = Table(title=f"{start} 至 {end}", caption=small_note(policy.small_below) if few else None)
        for heading in ("指标", "单位", "数值", "构成"):
            table.add_column(heading)
        for row in rows:
            names = METRICS[row.figure.metric].parts
            parts = "，".join(f"{names[part]} {count}" for part, count in row.figure.parts.items())
            if apart := apart_line(row.figure):
                parts += f"\n另列：{apart}"
            table.add_row(
                METRICS[row.figure.metric].name,
                row.unit.label if row.unit else "全部",
                share(row.figure, policy.rounding, policy.small_below),
                parts,
            )
        console.print(table)


@app.command()
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
    table = Table("单位", "协办", "超期了结", "超期未答复", title=f"协办期限在 {start} 至 {end}")
    for one in found:
        table.add_row(one.unit, str(one.tasks), str(one.late), str(one.overdue))
    console.print(table)


@app.command()
@plainly
def doctor() -> None:
    """检查配置、数据库、队列、企业微信、病毒扫描、日历；每条发现都写明怎么办。"""
    with prepared(start=False) as house:
        findings = check_system(house)
    for finding in findings:
        console.print(f"{'正常' if finding.good else '问题'}　{finding.what}", markup=False)
        if finding.advice:
            console.print(f"　　　{finding.advice}", markup=False)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


@app.command()
@plainly
def verify() -> None:
    """重算每张工单的事件链；有记录被改动则返回非零。"""
    broken = 0
    with prepared() as house, house.database.begin() as session:
        cases = every_case(session)
        for case in cases:
            events = events_of(session, case.id)
            place = first_break(events)
            if place is None and (len(events) != case.event_count or events[-1].hash != case.last_hash):
                place = len(events) + 1
            if place is not None:
                broken += 1
                console.print(f"工单 {case.number} 第 {place} 条记录起不连续", style="red")
    console.print(f"共 {len(cases)} 张工单，{broken} 张有问题")
    raise typer.Exit(1 if broken else 0)


@token_app.command("create")
@plainly
def token_create(
    role: Annotated[str, typer.Option(help="handler head desk supervisor leader auditor admin")],
    name: Annotated[str, typer.Option(help="谁用")],
    department: Annotated[str | None, typer.Option(help="单位；handler、head 必填")] = None,
) -> None:
    """新建 API 令牌，只显示一次。"""
    with prepared() as house, house.database.begin() as session:
        typer.echo(create_token(session, role, name, department=department, at=house.clock.now()))


@city_app.command("load")
@plainly
def city_load(folder: Path, yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False) -> None:
    """载入城市目录；先显示会改变什么。"""
    with prepared() as house:
        with house.database.begin() as session:
            change = load_city(session, folder, at=house.clock.now())
            session.rollback()
        _show_change(change)
        if change.lines and (yes or typer.confirm("按此更改？")):
            with house.database.begin() as session:
                load_city(session, folder, at=house.clock.now())
            console.print("已更改。")


@directory_app.command("sync")
@plainly
def directory_sync(yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False) -> None:
    """与企业微信通讯录核对：先显示会改变什么；新成员和部门变更留给管理员在 /directory 决定。"""
    with prepared() as house:
        address_book.sync(house, console, yes=yes)


def _show_change(change: CityChange) -> None:
    for line in change.lines[:50]:
        console.print(line, markup=False)
    if len(change.lines) > 50:
        console.print(f"……共 {len(change.lines)} 处")
    if not change.lines:
        console.print("没有变化。")


def print_balance(told: Balance) -> None:
    """The balance sheet as a table with its verdict."""
    table = Table(title="收支平衡表")
    table.add_column("项目")
    table.add_column("数量", justify="right")
    table.add_row("收到", str(told.received))
    for name, count in told.results.items():
        table.add_row(f"　{RESULT_WORDS[name]}", str(count))
    for how, count in sorted(told.settled.items()):
        table.add_row(f"　　其中{SETTLEMENTS.get(how, how)}", str(count))
    table.add_row("差评", str(told.bad_reviews))
    if told.work_orders:
        table.add_row("其他工单", str(told.work_orders))
    table.add_row("　已立案", str(told.cases))
    table.add_row("　待立案", str(told.unrouted))
    for state, count in sorted(told.messages.items()):
        table.add_row(f"消息 {state}", str(count))
    console.print(table)
    console.print("收支平衡" if told.adds_up else "收支不平衡！", style="green" if told.adds_up else "red")


@app.command()
@plainly
def erase(
    who: Annotated[str, typer.Argument(help="工单号、评价编号，或评价人留下的号码")],
    reason: Annotated[str, typer.Option(help="依据，如：本人申请")],
    yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False,
) -> None:
    """删除评价人的姓名、号码、评价文字和原始记录；统计和办理记录不变，删除本身有记录。"""
    with prepared() as house:
        with house.database.begin() as session:
            found = [review.external_id for review in reviews_of(session, who.strip())]
        if found and not yes:
            typer.confirm(
                f"将删除 {len(found)} 条评价的评价人信息（{'、'.join(found[:5])}），不能恢复。继续？",
                abort=True,
            )
        with house.database.begin() as session:
            erased = erase_rater(session, who, reason, SYSTEM, at=house.clock.now())
    console.print(f"已删除 {len(erased)} 条评价的评价人信息。")


MONTH = Annotated[str, typer.Option(help="月份，如 2026-10")]


@recalls_app.command("draw")
@plainly
def recalls_draw(month: MONTH) -> None:
    """抽取一个已结束月份的回访样本；已抽取的不变。"""
    with prepared() as house:
        samples.draw(house, month, console)


@recalls_app.command("show")
@plainly
def recalls_show(month: MONTH, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """样本的承诺值、总体、种子、编号和结果。"""
    with prepared() as house:
        samples.show(house, month, console, as_json=as_json)


@recalls_app.command("verify")
@plainly
def recalls_verify(month: MONTH) -> None:
    """重新计算样本；与公布的不符则返回非零。"""
    with prepared() as house:
        samples.verify(house, month, console)


@app.command()
@plainly
def letters(folder: Annotated[Path, typer.Argument(help="写到哪个文件夹")]) -> None:
    """把全部公文（草稿标明未签发）和整改台账写成 docx。"""
    with prepared() as house:
        for name in write_letters(house, folder):
            typer.echo(name)


MENU = ("我的待办", "帮助", "整改率")


@wecom_app.command("menu")
@plainly
def wecom_menu() -> None:
    """Create the menu below the chat: 我的待办, 帮助, 整改率."""
    with prepared() as house:
        if house.wecom is None:
            raise InvalidInput("未配置企业微信：设置 REVIEWBOT_WECOM__BASE_URL 等。")
        house.wecom.create_menu(MENU)
    console.print(f"已建立菜单：{'、'.join(MENU)}。")


@app.command("diagram")
def show_diagram() -> None:
    """状态图（Mermaid），与 README 中的一致。"""
    typer.echo(diagram())


@app.command()
@plainly
def demo(
    once: Annotated[bool, typer.Option(help="演完一天即退出，收支或比率不符则返回非零")] = False,
    rate: Annotated[float, typer.Option(help="演练时钟：每秒过多少秒")] = 60.0,
) -> None:
    """演示：内置服务器、演示城市、企业微信模拟器和虚构的群众。"""
    demonstration.run(once=once, rate=rate, print_balance=print_balance, prepare=prepare, console=console)
