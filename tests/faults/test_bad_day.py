"""A day of many cases on a bad day of WeCom: every message on its phone exactly once, or suppressed with a reason.

``make test`` plays a part of the day, ``make bad-day`` the whole of 1,000 cases (REVIEWBOT_TEST_CASES).
"""

import json
import os
import sys
import time
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
    Recorder,
    bad_reviews,
    free_port,
    push,
    secret_of,
    serving,
    staff,
    start_system,
    told_to_children,
    wait_for,
)

from reviewbot.commands.processes import Processes
from reviewbot.settings import Settings

CASES = int(os.environ.get("REVIEWBOT_TEST_CASES", "120"))
PATIENCE = 60 + 2 * CASES
"""Seconds, on a machine that has other things to do; alone it takes a tenth."""
WEATHER = {
    "busy_rate": 0.05,
    "kill_token_every": 50,
    "burst": 6,
    "burst_every": 150,
    "late_rate": 0.02,
    "late_seconds": 1.6,
    "callback_copies": 3,
    "callback_reorder": 0.3,
    "per_minute": 1_000_000,
    "per_hour": 1_000_000,
}
"""5 % -1, a token killed every 50 calls, bursts of 45033, 2 % answered after the client gave up, every callback
three times and out of order. Our client waits one second (TIMEOUT_SECONDS)."""


@dataclass
class Day:
    """The whole system in processes of its own, its WeCom in this one, where every byte sent is kept."""

    settings: Settings
    web: str
    phones: str
    wecom: Recorder

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def count(self, rest: str) -> int:
        return self.ask(f"SELECT count(*) FROM {rest}")[0][0]

    def bubbles(self) -> list[tuple[str, dict[str, Any]]]:
        """Everything the application has put on anybody's phone."""
        return [
            (userid, message)
            for userid in staff()
            for message in self.get(f"/sim/phones/{userid}/messages")["messages"]
            if message["from_app"]
        ]

    def get(self, path: str) -> Any:
        answer = requests.get(self.phones + path, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def act(self, userid: str, what: str, body: dict[str, Any]) -> None:
        requests.post(f"{self.phones}/sim/phones/{userid}/{what}", json=body, timeout=60)

    def is_quiet(self) -> bool:
        """Nothing waits any more: no review, no callback, no message."""
        waiting = "messages WHERE state IN ('owed', 'sending')"
        return not self.count("inbox WHERE state = 'new'") and not self.count(waiting)


@pytest.fixture
def day(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    bind = f"127.0.0.1:{free_port()}"
    wecom = Recorder(staff(), f"http://{bind}/wecom/callback")
    with serving(wecom) as phones:
        settings = told_to_children(
            settings, monkeypatch, folder=tmp_path, phones=phones, bind=bind, WECOM__TIMEOUT_SECONDS="1"
        )
        children = Processes(settings)
        try:
            start_system(children, settings)
            built = Day(settings, f"http://{bind}", phones, wecom)
            requests.post(phones + "/sim/quirks", json=WEATHER, timeout=10).raise_for_status()
            yield built
        finally:
            children.stop()


def sign_button(message: dict[str, Any]) -> str | None:
    buttons = message["content"].get("button_list") or ()
    return next((button["key"] for button in buttons if button["text"] == "签收"), None)


def play(day: Day) -> tuple[int, dict[str, float]]:
    """Reviews arrive, handlers sign what they get and ask what they owe; the number of acts on phones, and the
    seconds each part of the day took."""
    began, took = time.monotonic(), {}
    records = bad_reviews(7, CASES)
    for start in range(0, CASES, 50):
        assert push(day.web, records[start : start + 50], secret_of(day.settings)).status_code == 202
    wait_for("every bad review has its case", lambda: day.count("cases") >= CASES, PATIENCE, pause=0.5)
    wait_for("the cards are out", day.is_quiet, PATIENCE, pause=0.5)
    took["cards"] = time.monotonic() - began
    presses = [
        (userid, "press", {"task_id": message["task_id"], "key": key})
        for userid, message in day.bubbles()
        if (key := sign_button(message)) and not message["replace_name"]
    ]
    questions = [(userid, "text", {"content": "我的待办"}) for userid in staff()[: CASES // 10]]
    began = time.monotonic()
    with ThreadPoolExecutor(6) as people:
        list(people.map(lambda act: day.act(*act), presses + questions))
    wait_for(
        "every act has come", lambda: day.count("inbox") >= len(presses) + len(questions), PATIENCE, pause=0.5
    )
    wait_for("nothing waits any more", day.is_quiet, PATIENCE, pause=0.5)
    took["acts"] = time.monotonic() - began
    return len(presses) + len(questions), took


def test_a_bad_day_ends_with_every_message_on_its_phone_exactly_once_or_suppressed_with_a_reason(
    day: Day, capsys: pytest.CaptureFixture[str]
) -> None:
    acts, took = play(day)

    rows = day.ask("SELECT id, userid, kind, state, reason, msgid, attempts, unsure_since, key FROM messages")
    staff_rows = [row for row in rows if row[1]]
    shown = Counter((userid, message["msgid"]) for userid, message in day.bubbles())
    sends = Counter(day.wecom.bodies)
    calls = {path: count for path, count in day.wecom.calls.items() if path.startswith(("message/", "gett"))}
    late = day.get("/sim/status")["counts"].get("late")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{CASES} cases, {acts} acts, {len(staff_rows)} messages {dict(Counter(row[3] for row in staff_rows))}, "
            f"{ {name: round(seconds) for name, seconds in took.items()} } s, "
            f"{len(staff_rows) / sum(took.values()):.1f} messages/s; {calls}, {late} answered late, "
            f"tries {dict(Counter(row[6] for row in staff_rows))}, "
            f"sends of one message {dict(Counter(sends.values()))}; "
            f"suppressed {dict(Counter((row[2], row[4]) for row in staff_rows if row[3] == 'suppressed'))}\n"
        )

    # One case for every review, one record of every callback, although each came three times.
    assert day.count("cases") == CASES
    assert day.count("(SELECT DISTINCT review_id FROM cases) AS one") == CASES
    assert day.count("inbox") == acts
    assert day.count("inbox WHERE state <> 'done'") == 0

    # Exactly one bubble for everything that was sent, none twice, none that nobody owed.
    of_cards = {"card_update", "card_recall"}
    sent = [row for row in staff_rows if row[3] == "sent" and row[2] not in of_cards]
    assert {row[3] for row in staff_rows} <= {"sent", "suppressed"}
    # Nobody's second message was taken for a repeat of his first.
    assert len({(row[1], row[5]) for row in sent}) == len(sent)
    assert [row for row in sent if shown[row[1], row[5]] != 1] == []
    owed = {(row[1], row[5]) for row in sent}
    unexplained = Counter(userid for (userid, msgid) in shown if (userid, msgid) not in owed)
    # Given up after a try that nobody answered: it may have arrived, once, and its reason says so.
    unsure = Counter(
        row[1] for row in staff_rows if row[3] == "suppressed" and row[7] and "可能已经送达" in row[4]
    )
    assert unexplained - unsure == Counter()
    assert max(shown.values()) == 1

    # What did not go out says why; what was tried three times in vain was told to somebody else.
    suppressed = [row for row in staff_rows if row[3] == "suppressed"]
    assert [row for row in suppressed if not row[4]] == []
    assert len([row for row in suppressed if row[2] not in of_cards]) <= max(2, len(sent) // 100)

    # No call more often than W9 (three tries) and W2 (two sends a try) allow, and always the same bytes.
    assert max(row[6] for row in staff_rows) <= 3
    assert max(sends.values()) <= 6
    by_card: dict[str, set[bytes]] = {}
    for body in day.wecom.bodies:
        if task_id := json.loads(body).get("template_card", {}).get("task_id"):
            by_card.setdefault(task_id, set()).add(body)
    assert [task_id for task_id, bodies in by_card.items() if len(bodies) > 1] == []

    # Tokens: one fetch for each one that was killed, whoever noticed first.
    authenticated = sum(count for path, count in day.wecom.calls.items() if path.startswith("message/"))
    assert day.wecom.calls["gettoken"] <= authenticated // WEATHER["kill_token_every"] + 2
