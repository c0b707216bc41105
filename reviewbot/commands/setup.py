"""What an operator sets up: the city, tokens of programs, the menu in WeCom."""

from pathlib import Path
from typing import Annotated

import typer

from reviewbot.actions.create_token import create_token
from reviewbot.actions.load_city import CityChange, load_city
from reviewbot.commands.base import console, into_new, plainly, prepared
from reviewbot.errors import InvalidInput
from reviewbot.simulator.city import write_city

MENU = ("我的待办", "帮助", "整改率")
token_app = typer.Typer(no_args_is_help=True, help="API 令牌。")
city_app = typer.Typer(no_args_is_help=True, help="城市目录：单位、事项、人员。")
wecom_app = typer.Typer(no_args_is_help=True, help="企业微信应用。")


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


@city_app.command("make")
@plainly
def city_make(
    folder: Annotated[Path, typer.Argument(help="写到哪个文件夹")],
    seed: Annotated[int, typer.Option(help="换一个数，换一批人名")] = 1,
) -> None:
    """写一套虚构的城市目录（CSV），照样子改成自己的，再用 city load 载入。"""
    for name in into_new(folder, lambda made: write_city(made, seed)):
        typer.echo(name)


def _show_change(change: CityChange) -> None:
    for line in change.lines[:50]:
        console.print(line, markup=False)
    if len(change.lines) > 50:
        console.print(f"……共 {len(change.lines)} 处")
    if not change.lines:
        console.print("没有变化。")
    for note in change.notes:
        console.print(f"（{note}）", markup=False)


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


@wecom_app.command("menu")
@plainly
def wecom_menu() -> None:
    """Create the menu below the chat: 我的待办, 帮助, 整改率."""
    with prepared() as house:
        if house.wecom is None:
            raise InvalidInput("未配置企业微信：设置 REVIEWBOT_WECOM__BASE_URL 等。")
        house.wecom.create_menu(MENU)
    console.print(f"已建立菜单：{'、'.join(MENU)}。")
