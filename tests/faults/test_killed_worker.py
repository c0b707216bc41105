"""Real processes, killed without warning in the middle of their work: nothing is lost, nothing happens twice."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from fault_stage import (
    MONDAY,
    answers,
    bad_reviews,
    free_port,
    push,
    secret_of,
    staff,
    start_system,
    told_to_children,
    wait_for,
)

from reviewbot.commands.processes import Processes
from reviewbot.database.session import Database
from reviewbot.queries.counts import Balance, intake_balance
from reviewbot.settings import Settings


@dataclass
class Town:
    """A whole system of processes, seen from outside and through its database."""

    settings: Settings
    children: Processes
    web: str
    phones: str

    def push(self, records: list[dict[str, Any]]) -> requests.Response:
        return push(self.web, records, secret_of(self.settings))

    def kill(self, name: str) -> None:
        """SIGKILL for the process and everything it has forked."""
        os.killpg(self.children.pid(name), signal.SIGKILL)

    def restart(self, name: str) -> None:
        wait_for(f"{name} is dead", lambda: name in self.children.restart_dead(to_file=True), 20)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def count(self, rest: str) -> int:
        return self.ask(f"SELECT count(*) FROM {rest}")[0][0]

    def let_leases_run_out(self) -> None:
        """A sender that died holds its messages for 90 seconds; those seconds pass now."""
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            connection.execute("UPDATE messages SET next_try_at = now() WHERE state = 'sending'")

    def balance(self) -> Balance:
        database = Database(self.settings.database_url)
        try:
            with database.begin() as session:
                return intake_balance(session, MONDAY)
        finally:
            database.dispose()

    def cards(self) -> Counter[tuple[str, str]]:
        """How often each phone shows each card, or each text: notices without a card differ by their words."""
        shown: Counter[tuple[str, str]] = Counter()
        for userid in staff():
            answer = requests.get(f"{self.phones}/sim/phones/{userid}/messages", timeout=10)
            answer.raise_for_status()
            shown.update((userid, one["task_id"] or str(one["content"])) for one in answer.json()["messages"])
        return shown


@pytest.fixture
def town(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    bind, phones_port = f"127.0.0.1:{free_port()}", str(free_port())
    phones = f"http://127.0.0.1:{phones_port}"
    settings = told_to_children(settings, monkeypatch, folder=tmp_path, phones=phones, bind=bind)
    children = Processes(settings)
    try:
        children.start(
            "simulator", "uvicorn", "reviewbot.simulator.serve:app", "--host", "127.0.0.1",
            "--port", phones_port, "--no-access-log", "--log-level", "warning", to_file=True,
        )  # fmt: skip
        start_system(children, settings)
        built = Town(settings, children, f"http://{bind}", phones)
        wait_for("the phones answer", lambda: answers(phones + "/sim/status"))
        pace = {"per_minute": 100_000, "per_hour": 100_000}
        requests.post(phones + "/sim/quirks", json=pace, timeout=10).raise_for_status()
        yield built
    finally:
        children.stop()


def assert_quiet_and_exact(town: Town, bad: int) -> None:
    """Every bad review has its one case and every message has gone out or says why not, once to each phone."""
    wait_for("every bad review has a case", lambda: town.count("cases") >= bad)
    wait_for(
        "every message is sent or suppressed",
        lambda: not town.count("messages WHERE state IN ('owed', 'sending')"),
    )
    balance = town.balance()
    assert balance.adds_up
    assert (balance.reviews, balance.bad_reviews, balance.cases, balance.unrouted) == (bad, bad, bad, 0)
    assert town.count("(SELECT DISTINCT review_id FROM cases) AS one") == bad
    assert set(balance.messages) <= {"sent", "suppressed"}
    assert not town.count("messages WHERE state = 'suppressed' AND coalesce(reason, '') = ''")
    shown = town.cards()
    assert {card: times for card, times in shown.items() if times > 1} == {}
    assert len(shown) == balance.messages["sent"]


def test_a_worker_killed_in_the_middle_leaves_one_case_for_every_bad_review_and_one_card_on_every_phone(
    town: Town,
) -> None:
    # killed while it opens cases
    assert town.push(bad_reviews(1, 150)).status_code == 202
    wait_for("some cases exist", lambda: town.count("cases") >= 10)
    town.kill("worker")
    opened = town.count("cases")
    assert 10 <= opened < 150

    # more comes while nobody works
    assert town.push(bad_reviews(2, 50)).status_code == 202
    town.let_leases_run_out()
    town.restart("worker")

    # the sender killed while it sends messages
    before = town.count("messages WHERE state = 'sent'")
    wait_for("more is sent", lambda: town.count("messages WHERE state = 'sent'") >= before + 5)
    town.kill("sender")
    assert town.count("messages WHERE state IN ('owed', 'sending')") + 200 - town.count("cases") > 0
    town.let_leases_run_out()
    town.restart("sender")

    assert_quiet_and_exact(town, 200)


def test_a_web_killed_while_senders_push_loses_nothing_once_they_send_again_what_was_not_answered(
    town: Town,
) -> None:
    records = bad_reviews(3, 160)
    calls = [records[start : start + 4] for start in range(0, len(records), 4)]
    answered: list[int] = []
    unanswered: list[int] = []

    def send(number: int) -> None:
        try:
            answer = town.push(calls[number])
        except requests.RequestException:
            unanswered.append(number)
        else:
            (answered if answer.status_code == 202 else unanswered).append(number)

    with ThreadPoolExecutor(4) as senders:
        sending = [senders.submit(send, number) for number in range(len(calls))]
        wait_for("some calls were answered", lambda: len(answered) >= 5)
        town.kill("web")
        for one in sending:
            one.result()
    assert unanswered

    town.restart("web")
    wait_for("the web answers again", lambda: answers(town.web + "/readyz"))
    results = []
    for number in unanswered:
        answer = town.push(calls[number])
        assert answer.status_code == 202
        results += [one["result"] for one in answer.json()]

    assert set(results) <= {"accepted", "duplicate"}
    assert len(answered) + len(unanswered) == len(calls)
    assert_quiet_and_exact(town, len(records))
