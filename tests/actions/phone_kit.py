"""The house behind its real web door, a simulated WeCom with everybody's phone, and the tasks done by hand."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import requests
import uvicorn
from case_kit import case_of, events
from pydantic import SecretStr
from sqlalchemy import select

from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.fetch_media import MAX_BYTES, fetch_media
from reviewbot.actions.release_reminders import release_reminders
from reviewbot.actions.renew_cards import renew_cards
from reviewbot.actions.scan_evidence import scan_evidence
from reviewbot.conversation.answer import answer_callback
from reviewbot.conversation.turn import Talk
from reviewbot.inbox import waiting
from reviewbot.models.people import Staff
from reviewbot.queries.cases import evidence_of
from reviewbot.simulator.server import Agent, Member, SimulatorConfig, create_simulator
from reviewbot.web.app import create_app
from reviewbot.web.pages import page_routes
from reviewbot.wiring import build_house

CORP, AGENT, SECRET = "wwphones00000001", 1000002, "app-secret-of-the-phones"
TOKEN, AES_KEY = "tokenofthephones", "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEA"
PATIENCE = 30


@contextmanager
def serving_on(app, listener):
    config = uvicorn.Config(app, lifespan="auto", log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        thread.join(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()


def new_listener():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def phones(settings, clock, **quirks):
    """A town of phones on the house's database; it ends with the block."""
    with ExitStack() as ends:
        web, web_url = new_listener()
        sim, sim_url = new_listener()
        told = settings.wecom.model_copy(
            update={
                "base_url": sim_url, "corp_id": CORP, "agent_id": AGENT, "secret": SecretStr(SECRET),
                "callback_token": TOKEN, "callback_aes_key": SecretStr(AES_KEY),
            }
        )  # fmt: skip
        wired = settings.model_copy(update={"wecom": told, "public_url": web_url})
        house = replace(build_house(wired), clock=clock, ring=lambda *_: None)
        ends.callback(house.database.dispose)
        with house.database.begin() as session:
            members = [Member(one.userid, one.name) for one in session.scalars(select(Staff))]
        config = SimulatorConfig(
            CORP, (Agent(AGENT, SECRET),), callback_url=f"{web_url}/wecom/callback", callback_token=TOKEN,
            callback_aes_key=AES_KEY, members=members,
        )  # fmt: skip
        for name, value in quirks.items():
            setattr(config.quirks, name, value)
        app = create_simulator(config)
        ends.enter_context(serving_on(app, sim))
        ends.enter_context(serving_on(create_app(house, page_routes()), web))
        yield Town(house, app.state.platform, sim_url, web_url)


class Town:
    """Everybody's phone."""

    def __init__(self, house, platform, sim_url, web_url):
        self.house, self.platform, self.sim_url, self.web_url = house, platform, sim_url, web_url

    @property
    def talk(self):
        return Talk(
            database=self.house.database, now=self.house.clock.now, rulebooks=self.house.rulebooks,
            focus=timedelta(minutes=30), choice=timedelta(hours=24), folder=self.house.settings.data_dir,
        )  # fmt: skip

    def download(self, media_id):
        media = self.house.wecom.download_media(media_id, MAX_BYTES)
        return media.data, media.filename

    def fetch(self):
        folder, now = self.house.settings.data_dir, self.house.clock.now()
        while fetch_media(self.house.database, self.download, folder, at=now):
            pass
        if self.house.scanner is not None:
            scan_evidence(self.house.database, self.house.scanner, folder, at=now)

    def work(self):
        """What the tasks do, until nothing waits."""
        with self.house.database.begin() as session:
            items = waiting(session, 200)
        for item_id in items:
            answer_callback(self.talk, item_id)
        self.fetch()
        self.deliver()

    def deliver(self):
        with self.house.database.begin() as session:
            release_reminders(session, at=self.house.clock.now(), above=5, rulebooks=self.house.rulebooks)
        while deliver_messages(self.house.database, self.house.channels, at=self.house.clock.now()):
            pass

    def sweep(self):
        """The beat's sweep of dead cards."""
        with self.house.database.begin() as session:
            found = renew_cards(session, at=self.house.clock.now(), rulebook=self.house.today(session))
        self.deliver()
        return found

    def act(self, userid, act, **content):
        answer = requests.post(
            f"{self.sim_url}/sim/phones/{userid}/{act}", timeout=PATIENCE, **content
        ).json()
        assert answer["delivered"], answer
        return answer

    def browser(self, userid):
        """The browser on this member's phone, signed in by WeCom."""
        phone = requests.Session()
        asked = phone.get(f"{self.web_url}/login?next=/h5", allow_redirects=False, timeout=PATIENCE)
        there = asked.headers["location"].partition("#")[0]
        home = phone.get(f"{there}&as={userid}", timeout=PATIENCE)
        assert (home.status_code, home.url) == (200, f"{self.web_url}/h5"), home.text
        return phone

    def say(self, userid, words):
        before = len(self.texts(userid))
        self.act(userid, "text", json={"content": words})
        self.work()
        return self.texts(userid)[before:]

    def press(self, userid, card, text, *, work=True):
        """Press the button with this text (or the submit button) on one card of a phone."""
        (key,) = [b["key"] for b in card.content.get("button_list", []) if b["text"] == text]
        before = len(self.texts(userid))
        self.act(userid, "press", json={"task_id": card.task_id, "key": key})
        if work:
            self.work()
        return self.texts(userid)[before:]

    def choose(self, userid, card, option):
        key, question = card.content["submit_button"]["key"], card.content["checkbox"]["question_key"]
        before = len(self.texts(userid))
        picked = {question: [option]}
        self.act(userid, "press", json={"task_id": card.task_id, "key": key, "selected": picked})
        self.work()
        return self.texts(userid)[before:]

    def inbox(self, userid):
        return [one for one in self.platform.inbox(userid) if one.from_app and not one.recalled]

    def texts(self, userid):
        return [one.content["content"] for one in self.inbox(userid) if one.kind == "text"]

    def cards(self, userid, number=""):
        """The cards on a phone, oldest first, as they look now."""
        return [
            one for one in self.inbox(userid)
            if one.kind == "template_card" and number in one.content["main_title"]["title"]
        ]  # fmt: skip


def buttons(card):
    """The texts of the buttons that can still be pressed."""
    return [] if card.replace_name else [one["text"] for one in card.content.get("button_list", [])]


def remarks(town, number):
    return [event for event in events(town.house, number) if event.move == "remark"]


def files(town, number):
    with town.house.database.begin() as session:
        return evidence_of(session, case_of(town.house, number).id)
