"""The fake WeCom as an ASGI application: the platform's endpoints, the virtual phones and the console."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reviewbot.simulator.config import Agent, Member, SimulatorConfig
from reviewbot.simulator.doors.answers import PHONES, unknown
from reviewbot.simulator.doors.console import Console
from reviewbot.simulator.doors.phones import Phones
from reviewbot.simulator.doors.programs import Programs
from reviewbot.simulator.platform import Platform
from reviewbot.simulator.pushing import Pusher
from reviewbot.simulator.quirks import Quirks

__all__ = ["Agent", "Member", "Quirks", "SimulatorConfig", "create_simulator"]


def create_simulator(config: SimulatorConfig, more: Sequence[Route] = ()) -> Starlette:
    platform = Platform(config)
    pusher = Pusher(config, platform.log)
    app = Starlette(
        routes=[
            *Programs(platform).routes(),
            *Phones(platform, pusher).routes(),
            *Console(platform, pusher).routes(),
            *more,
            Mount("/phones", StaticFiles(directory=PHONES)),
            Route("/{path:path}", unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )
    app.state.platform = platform
    return app
