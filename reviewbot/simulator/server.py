"""The fake WeCom as an ASGI application: the platform's endpoints, the virtual phones and the console."""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reviewbot.simulator.attacks import ATTACKS, fire
from reviewbot.simulator.config import Account, Agent, Callback, Member, SimulatorConfig
from reviewbot.simulator.doors.accounts import AccountDoor
from reviewbot.simulator.doors.answers import PHONES, Handler, unknown
from reviewbot.simulator.doors.console import Console
from reviewbot.simulator.doors.gateway import Gateway
from reviewbot.simulator.doors.login import Login
from reviewbot.simulator.doors.phones import Phones
from reviewbot.simulator.doors.programs import Programs
from reviewbot.simulator.events import Event
from reviewbot.simulator.hand import Hand
from reviewbot.simulator.platform import Platform
from reviewbot.simulator.pushing import Pusher
from reviewbot.simulator.quirks import Quirks
from reviewbot.simulator.scenes import SCENES, play

__all__ = ["Account", "Agent", "Callback", "Member", "Quirks", "SimulatorConfig", "create_simulator"]


def create_simulator(config: SimulatorConfig, more: Sequence[Route] = ()) -> Starlette:
    config = replace(config, quirks=replace(config.quirks))  # two simulators never share their switches
    platform = Platform(config)
    pusher = Pusher(config, platform.now, platform.log)
    hand = Hand(platform, pusher)
    pusher.after += [_odd_company(hand), _attackers(hand)]
    app = Starlette(
        routes=[
            *Programs(platform).routes(),
            *Login(platform).routes(),
            *AccountDoor(platform).routes(),
            *Phones(platform, hand).routes(),
            *Console(platform, hand, texts=bool(more)).routes(),
            *more,
            Mount("/phones", StaticFiles(directory=PHONES)),
            Route("/{path:path}", _not_here(platform), methods=["GET", "POST", "PUT", "DELETE"]),
        ],
        middleware=[Middleware(Gateway, quirks=config.quirks)],
    )
    app.state.platform = platform
    app.state.pusher = pusher
    return app


def _not_here(platform: Platform) -> Handler:
    """A call of the real platform that is not played here is told in the log: its bot should know why it fails."""

    async def answer(request: Request) -> Response:
        if "/cgi-bin/" in request.url.path:
            platform.log(request.method, request.url.path, "404：这里没有模拟这个接口", 404)
        return await unknown(request)

    return answer


def _odd_company(hand: Hand) -> Any:
    """Every n-th callback is followed by an unusual one (Q16)."""
    platform = hand.platform

    def follow(number: int, told: Event) -> Coroutine[Any, Any, Any] | None:
        every = platform.quirks.odd_callback_every
        member = platform.people.find(str(told.get("FromUserName") or ""))
        if not every or number % every or member is None:
            return None
        scene = platform.dice.choice(
            [scene for scene in SCENES.values() if scene.q == 16 and not scene.contacts]
        )
        return play(hand, scene, member)

    return follow


def _attackers(hand: Hand) -> Any:
    """Every n-th callback is followed by an attack made from it (Q17)."""
    platform = hand.platform

    async def attack(told: Event) -> None:
        name = platform.dice.choice(list(ATTACKS))
        verdict = await fire(hand.pusher, name, int(told.get("AgentID") or 0), told)
        platform.log(
            "ATTACK", name, ("正确：" if verdict.good else "有问题：") + verdict.remark, verdict.status
        )

    def follow(number: int, told: Event) -> Coroutine[Any, Any, Any] | None:
        every = platform.quirks.attack_every
        return attack(told) if every and number % every == 0 else None

    return follow
