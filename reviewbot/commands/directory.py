"""``reviewbot directory sync``: read WeCom's address book, show what would change, then change it."""

from typing import Annotated

import typer
from rich.console import Console

from reviewbot.actions.sync_directory import abandon_sync, begin_sync, plan_sync, sync_directory
from reviewbot.commands.base import console, plainly, prepared
from reviewbot.errors import SettingError
from reviewbot.queries.directory import unit_labels
from reviewbot.rules.directory_plan import describe
from reviewbot.wecom.address_book import read_address_book
from reviewbot.wiring import House

directory_app = typer.Typer(no_args_is_help=True, help="企业微信通讯录。")


@directory_app.command("sync")
@plainly
def directory_sync(yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False) -> None:
    """与企业微信通讯录核对：先显示会改变什么；新成员和部门变更留给管理员在 /directory 决定。"""
    with prepared() as house:
        sync(house, console, yes=yes)


def sync(house: House, console: Console, *, yes: bool) -> None:
    """Somebody looks on, so many missing at once are shown and, if he agrees, gone."""
    if house.wecom is None:
        raise SettingError("没有配置企业微信，不能核对通讯录。")
    with house.database.begin() as session:
        begun = begin_sync(session, at=house.clock.now(), actor="cli")
    seen = read_address_book(house.wecom, house.contacts)
    with house.database.begin() as session:
        plan = plan_sync(session, seen, leave_share=1.0)
        names = unit_labels(session)
    for note in seen.notes:
        console.print(f"提示　{note}", markup=False)
    read = f"读到 {len(seen.members)} 人、{len(seen.parties)} 个部门"
    console.print(read if seen.complete else f"{read}；不完整，缺少的人不算离开", markup=False)
    for change in plan.safe:
        console.print(f"更改　{describe(change.kind, change.facts, names)}", markup=False)
    for change in plan.waiting:
        console.print(f"待定　{describe(change.kind, change.facts, names)}", markup=False)
    if not plan.safe and not plan.waiting:
        console.print("没有变化。")
    agreed = not plan.safe or yes or typer.confirm("按此更改？")
    with house.database.begin() as session:
        if not agreed:
            abandon_sync(session, begun, seen)
            return
        told = sync_directory(session, begun, seen, leave_share=1.0, at=house.clock.now())
    if plan.safe:
        console.print(f"已更改 {told.done} 处。")
    if told.waiting:
        console.print(f"{told.waiting} 项待管理员在 {house.settings.address}/directory 决定。", markup=False)
