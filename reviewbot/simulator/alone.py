"""The simulator by itself, for whoever wants to try a bot against it: no database, no Redis, no city."""

import tempfile
from pathlib import Path
from socket import socket
from typing import Annotated

import typer
import uvicorn
from rich.console import Console
from starlette.applications import Starlette

from reviewbot.errors import InvalidInput
from reviewbot.simulator.certificates import make_certificates
from reviewbot.simulator.config import SimulatorConfig
from reviewbot.simulator.profiles import PROFILES, Wishes, configure
from reviewbot.simulator.server import create_simulator

NO_CALLBACK = "（没有；用 --callback 给出。没有它，可点击的卡片一律 43012，成员的话无处可送）"
console = Console()


def simulator(
    bind: Annotated[str, typer.Option(help="监听的地址")] = "127.0.0.1:9010",
    callback: Annotated[str, typer.Option(help="接收消息的网址，推送到这里")] = "",
    token: Annotated[str, typer.Option(help="回调 Token；不给就编一个")] = "",
    aes_key: Annotated[str, typer.Option(help="EncodingAESKey；不给就编一个")] = "",
    contact_callback: Annotated[str, typer.Option(help="通讯录变更推送到这里")] = "",
    members: Annotated[
        Path | None, typer.Option(help="成员 CSV：userid,name,department,title,mobile")
    ] = None,
    profile: Annotated[str, typer.Option(help="public 公有云，private 私有部署，mp 公众号")] = "public",
    plain: Annotated[bool, typer.Option("--plain", help="私有部署也用 http，不用私有 CA 的 https")] = False,
    home: Annotated[str, typer.Option(help="应用主页，手机上“进入应用”打开")] = "",
    seed: Annotated[int, typer.Option(help="骰子和编造的密钥的种子")] = 1,
    quirk: Annotated[list[str] | None, typer.Option(help="开关，名字=值，可重复；见 /sim/behaviours")] = None,
) -> None:
    """单独运行的虚拟企业微信：打印密钥和地址，用来测试任何机器人。"""
    if profile not in PROFILES:
        raise InvalidInput(f"--profile 只能是 {'、'.join(PROFILES)}。")
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidInput("--bind 写成 主机:端口。")
    config = configure(
        Wishes(
            profile=profile, callback=callback, token=token, aes_key=aes_key, contact_callback=contact_callback,
            members=members, home=home, seed=seed, quirks=tuple(quirk or ()),
        )
    )  # fmt: skip
    app = create_simulator(config)
    settings = uvicorn.Config(
        app, host=host, port=int(port), log_level="warning", access_log=False, ws="none",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    secure = profile == "private" and not plain
    with tempfile.TemporaryDirectory(prefix="reviewbot-ca-") as folder:
        if secure:
            made = make_certificates(Path(folder), host)
            settings.ssl_certfile, settings.ssl_keyfile = str(made.certificate), str(made.key)
        root = f"http{'s' if secure else ''}://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
        lines = sheet(config, root, profile, Path(folder) / "ca.pem" if secure else None)
        _Server(settings, app, lines).run()


class _Server(uvicorn.Server):
    """Says what is where once it listens, and then checks the callback address as the real console does."""

    def __init__(self, settings: uvicorn.Config, app: Starlette, lines: list[str]) -> None:
        super().__init__(settings)
        self._pusher = app.state.pusher
        self._lines = lines

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        console.print("虚拟企业微信，密钥是编造的，只在这里有效（Ctrl-C 停止）")
        for line in self._lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if self._pusher.app is not None:
            outcome = await self._pusher.verify()
            console.print(f"回调地址检验：{outcome.status}", style="green" if outcome.delivered else "red")


def sheet(config: SimulatorConfig, root: str, profile: str, authority: Path | None) -> list[str]:
    """What somebody needs to point a bot here, one fact a line, ready to be copied."""
    agent, quirks = config.agents[0], config.quirks
    facts: list[tuple[str, object]] = [
        ("虚拟手机", root + "/"),
        ("控制台", root + "/console"),
        ("行为依据", root + "/sim/behaviours"),
        ("接口地址", root + quirks.path_prefix),
    ]
    if quirks.required_header:
        facts.append(("请求头", quirks.required_header))
    if authority:
        facts.append(("要信任的 CA", authority))
    if profile == "mp" and config.account:
        account = config.account
        facts += [
            ("公众号页面", root + "/account"),
            ("appid", account.app_id),
            ("appsecret", account.secret),
            ("模板", " ".join(account.templates)),
            ("粉丝", " ".join(account.followers)),
        ]
        return [f"{name}: {value}" for name, value in facts]
    facts += [
        ("corpid", config.corp_id),
        ("agentid", agent.agent_id),
        ("secret", agent.secret),
        ("通讯录 secret", config.contact_secret),
        ("回调地址", config.callback_url or NO_CALLBACK),
        ("Token", config.callback_token),
        ("EncodingAESKey", config.callback_aes_key),
    ]
    if config.contact_callback:
        facts += [
            ("通讯录 Token", config.contact_callback.token),
            ("通讯录 EncodingAESKey", config.contact_callback.aes_key),
        ]
    return [f"{name}: {value}" for name, value in facts]
