"""The web and a simulated WeCom on real ports, and the sizes of window people use."""

import shutil
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from door_kit import record, route_all, send
from pydantic import SecretStr
from sqlalchemy import select

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.models.people import Staff
from reviewbot.queries.cases import find_case
from reviewbot.queries.scope import SYSTEM
from reviewbot.simulator.server import Agent, Member, SimulatorConfig, create_simulator
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wiring import House, build_house

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
OLD_PHONE, PHONE, DESK = (
    {"width": 360, "height": 640}, {"width": 390, "height": 844}, {"width": 1200, "height": 900},
)  # fmt: skip
PATIENCE_MS = 30_000
PHOTO = Path(__file__).parents[1] / "data" / "photo.png"
OTHER_PHOTO = PHOTO.with_name("second.png")
HEAD, SUPERVISOR, DISPATCHER, AGENT = "wangzehao01", "wanghailing01", "chenjiafeng01", 7
FAINT_TEXT = Path(__file__).with_name("faint_text.js").read_text(encoding="utf-8")


@dataclass
class Town:
    """The web and the simulated WeCom on real ports, worked by hand: no queue, a standing clock."""

    house: House
    web: str
    phones: str

    def receive(self, **facts: Any) -> str:
        """A bad review by the signed webhook, routed and told to whoever is next; the number of its case."""
        assert send(self.web, [record(**facts)]).status_code == 202
        (number,) = route_all(self.house)
        deliver_messages(self.house.database, self.house.channels, at=self.house.clock.now())
        return number

    def handler(self, number: str) -> str:
        with self.house.database.begin() as session:
            return find_case(session, number, SYSTEM).handler.userid

    def entry(self, userid: str, path: str) -> str:
        """A page of the web as this member opens it from his phone: signed in by the simulator's OAuth."""
        return f"{self.phones}/sim/phones/{userid}/open?url={quote(self.web + path, safe='')}"


@contextmanager
def running(app: Any, listener: socket.socket):
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


@contextmanager
def open_town(house: House):
    with ExitStack() as open_things:
        doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        web, phones = (f"http://127.0.0.1:{door.getsockname()[1]}" for door in doors)
        wecom = house.settings.wecom.model_copy(
            update={
                "base_url": phones, "corp_id": f"ww{doors[1].getsockname()[1]}", "agent_id": AGENT,
                "secret": SecretStr("app-secret"), "callback_token": "token",
                "callback_aes_key": SecretStr("cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEA"),
            }
        )  # fmt: skip
        settings = house.settings.model_copy(update={"public_url": web, "wecom": wecom})
        wired = replace(build_house(settings), clock=house.clock, ring=house.ring)
        simulator = create_simulator(
            SimulatorConfig(
                wecom.corp_id, (Agent(AGENT, "app-secret", home_url=web),), callback_url=f"{web}/wecom/callback",
                callback_token="token", callback_aes_key=wecom.callback_aes_key.get_secret_value(),
                members=[Member(userid, userid) for userid in _staff(house)],
            )
        )  # fmt: skip
        open_things.enter_context(running(simulator, doors[1]))
        open_things.enter_context(running(create_app(wired, page_routes()), doors[0]))
        yield Town(wired, web, phones)


def _staff(house: House) -> list[str]:
    with house.database.begin() as session:
        return list(session.scalars(select(Staff.userid)))
