"""Records of raters: ``reviewbot import`` takes a file of them in, ``reviewbot erase`` takes a rater out."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from reviewbot.actions.erase_rater import erase_rater
from reviewbot.actions.follow_source import follow_source
from reviewbot.actions.open_case import open_case
from reviewbot.actions.receive_reviews import RESULT_WORDS, Delivery
from reviewbot.actions.settle_record import SETTLEMENTS
from reviewbot.commands.base import console, new_table, plainly, prepared
from reviewbot.errors import InvalidInput
from reviewbot.queries.counts import Balance, intake_balance
from reviewbot.queries.erasing import reviews_of
from reviewbot.queries.scope import SYSTEM
from reviewbot.sources.profile import REQUIRED_TARGETS, SourceProfile
from reviewbot.sources.record import TextRow
from reviewbot.sources.split import Piece, read_file
from reviewbot.web.intake import receive_and_commit, to_record

IMPORT_BATCH = 1_000
OPENED_TOGETHER = 50


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
        _check_belongs(profile, pieces)
        brought: Counter[str] = Counter()
        for start in track(range(0, len(pieces), IMPORT_BATCH), description="导入", console=console):
            records = [to_record(house, profile, piece) for piece in pieces[start : start + IMPORT_BATCH]]
            received = receive_and_commit(house, Delivery(source, "import", records))
            wanted = received.bad_review_ids  # opened here and now: a file may be read where no worker runs
            for first in range(0, len(wanted), OPENED_TOGETHER):
                with house.database.begin() as session:
                    for ident in wanted[first : first + OPENED_TOGETHER]:
                        open_case(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)
            for ident in received.continued_ids:
                with house.database.begin() as session:
                    open_case(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)
                    follow_source(session, ident, at=house.clock.now(), rulebooks=house.rulebooks)
            brought.update(result.result for result in received.results[0])
            for result in received.results[0]:
                if result.reason and result.result != "duplicate":
                    name = result.external_id or "（无编号）"
                    console.print(f"{RESULT_WORDS[result.result]} {name}：{result.reason}", markup=False)
        told = "，".join(f"{word} {brought[name]}" for name, word in RESULT_WORDS.items() if brought[name])
        console.print(
            f"本文件 {len(pieces)} 条{f'：{told}' if told else '，没有可导入的'}。系统至今：", markup=False
        )
        with house.database.begin() as session:
            print_balance(intake_balance(session, house.clock.now()))


def _check_belongs(profile: SourceProfile, pieces: Sequence[Piece]) -> None:
    """A picture, or a table of something else, is refused whole: its lines would be in the balance for ever."""
    if pieces and all(piece.error for piece in pieces):
        raise InvalidInput(f"文件里没有一条能读的记录（{pieces[0].error}），没有导入。")
    rows = [piece.value for piece in pieces if isinstance(piece.value, TextRow)]
    columns = {name for row in rows for name in row}
    wanted = [profile.fields[target] for target in REQUIRED_TARGETS[profile.kind]]
    missing = [name for name in wanted if name not in columns]
    if rows and missing:
        raise InvalidInput(
            f"文件里没有一行写有 {'、'.join(missing)}，没有导入；请核对表头和来源（{profile.title}）。"
        )


_STATES = {
    "owed": "待发送", "held": "待合并或待上班", "sending": "发送中", "sent": "已送达", "suppressed": "没有发出",
}  # fmt: skip


def print_balance(told: Balance) -> None:
    """The balance sheet as a table with its verdict."""
    table = new_table("项目", "数量", title="收支平衡表")
    table.columns[1].justify = "right"
    table.add_row("收到", str(told.received))
    for name, count in told.results.items():
        table.add_row(f"　{RESULT_WORDS[name]}", str(count))
        if name == "duplicate" and told.continued:
            table.add_row("　　其中工单后续记录", str(told.continued))
    for how, count in sorted(told.settled.items()):
        table.add_row(f"　　其中{SETTLEMENTS.get(how, how)}", str(count))
    table.add_row("差评", str(told.bad_reviews))
    if told.work_orders:
        table.add_row("其他工单", str(told.work_orders))
    table.add_row("　已立案", str(told.cases))
    table.add_row("　待立案", str(told.unrouted))
    for state, count in sorted(told.messages.items()):
        table.add_row(f"消息　{_STATES.get(state, state)}", str(count))
    console.print(table)
    console.print("收支平衡" if told.adds_up else "收支不平衡！", style="green" if told.adds_up else "red")


@plainly
def erase(
    who: Annotated[str, typer.Argument(help="工单号、评价编号，或评价人留下的号码")],
    reason: Annotated[str, typer.Option(help="依据，如：本人申请")],
    source: Annotated[str | None, typer.Option(help="评价来源；几个来源用同一评价编号时写明")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False,
) -> None:
    """删除评价人的姓名、号码、评价文字和原始记录；统计和办理记录不变，删除本身有记录。"""
    with prepared() as house:
        with house.database.begin() as session:
            found = [review.external_id for review in reviews_of(session, who.strip(), source)]
        if found and not yes:
            typer.confirm(
                f"将删除 {len(found)} 条评价的评价人信息（{'、'.join(found[:5])}），不能恢复。继续？",
                abort=True,
            )
        with house.database.begin() as session:
            erased = erase_rater(session, who, reason, SYSTEM, at=house.clock.now(), source=source)
    console.print(f"已删除 {len(erased)} 条评价的评价人信息。")
