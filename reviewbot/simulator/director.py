"""Plays the demonstration: pushes reviews by signed webhook, acts as staff on the virtual phones, moves the clock.

It knows the system only from outside: HTTP, the phones, and the file of the rehearsal clock.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from standardwebhooks import Webhook

from reviewbot.clock import CHINA, set_rehearsal
from reviewbot.simulator.pages import AtPages, PlayFailed

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Stage:
    """Where everything is: addresses, the token of an observer, the clock's file, the senders' secret."""

    web: str
    phones: str
    token: str
    clock: Path
    secret: str

    def at(self, moment: datetime, *, rate: float = 0) -> None:
        set_rehearsal(self.clock, moment, rate=rate)

    def push(self, source: str, records: Iterable[bytes]) -> list[dict[str, Any]]:
        """One signed NDJSON call; the results in order."""
        body = b"\n".join(records)
        ident = f"msg_{time.time_ns()}"
        now = datetime.now(UTC)
        signature = Webhook(self.secret).sign(ident, now, body.decode())
        answer = requests.post(
            f"{self.web}/webhooks/reviews/{source}",
            data=body,
            headers={
                "webhook-id": ident,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signature,
                "content-type": "application/x-ndjson",
            },
            timeout=60,
        )
        answer.raise_for_status()
        results: list[dict[str, Any]] = answer.json()
        return results

    def get(self, path: str, **query: object) -> Any:
        answer = requests.get(
            f"{self.web}/api/v1/{path}",
            params={name: str(value) for name, value in query.items()},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    def cases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: int | None = None
        while True:
            page = self.get("cases", limit=200, **({"after": after} if after else {}))
            found += page["cases"]
            after = page["next"]
            if after is None:
                return found

    def say(self, userid: str, content: str) -> None:
        self._phone(userid, "text", json={"content": content})

    def photo(self, userid: str) -> None:
        self._phone(userid, "photo", files={"file": ("现场照片.png", PNG, "image/png")})

    def press(self, userid: str, number: str, verb: str) -> bool:
        """Press the button of the newest card about a case; False when this phone has none."""
        inbox = requests.get(f"{self.phones}/sim/phones/{userid}/messages", timeout=30).json()["messages"]
        for message in reversed(inbox):
            card = (message.get("content") or {}) if isinstance(message.get("content"), dict) else {}
            card = card.get("template_card") or card
            for button in card.get("button_list") or []:
                if str(button.get("key", "")).startswith(f"{verb}:{number}:"):
                    self._phone(userid, "press", json={"task_id": card["task_id"], "key": button["key"]})
                    return True
        return False

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise PlayFailed(f"等不到：{what}")
            time.sleep(0.1)

    def settle(self) -> None:
        """Until nothing waits: no bad review without a case, no due rung, no callback, no message."""

        def settled() -> bool:
            told = self.get("balance")
            waiting = told["unrouted"] + told["due_waiting"] + told["callbacks_waiting"]
            return not waiting and not told["messages"].get("owed") and not told["messages"].get("sending")

        self.wait("全部处理完毕", settled)

    def _phone(self, userid: str, act: str, **content: Any) -> None:
        answer = requests.post(f"{self.phones}/sim/phones/{userid}/{act}", timeout=60, **content).json()
        if not answer.get("delivered"):
            raise PlayFailed(f"{userid} 的手机没有送达：{answer}")


@dataclass(frozen=True)
class People:
    """Who plays: the dispatcher, two supervisors, and the heads of units by unit code."""

    desk: str
    supervisor: str
    second_supervisor: str
    heads: dict[str, str]


UNREASONABLE, NO_BASIS, MISRATED = "0018", "0019", "0020"
LEFT_OPEN = ("0016", "0024")
UNSIGNED = ("0015",)


def scene(stage: Stage, at: datetime, what: str, say: Callable[[str], None], *, act: str = "") -> None:
    """The clock is set, and the hour that is announced is the clock's."""
    stage.at(at)
    say(f"{act}{at.astimezone(CHINA):%H:%M} {what}")


def play_day(
    stage: Stage, people: People, morning: datetime, samples: Path, stream: Iterable[dict[str, Any]],
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """One scripted day from a Monday morning on, and the working week in which its cases fall due."""
    scene(stage, morning, "省平台推送评价样例，本地平台推送当日评价", say)
    stage.push("province_a", (samples / "province_a.ndjson").read_bytes().splitlines())
    stage.push("province_a", (samples / "malformed.ndjson").read_bytes().splitlines())
    stage.push("standard", [json.dumps(record, ensure_ascii=False).encode() for record in stream])
    stage.settle()
    cases = {case["number"]: case for case in stage.cases()}
    say(f"已立案 {len(cases)} 件")

    scene(stage, morning + timedelta(minutes=40), "派单员处理目录中找不到单位的评价", say)
    at_desk = [number for number, case in cases.items() if case["status"] == "awaiting_dispatch"]
    for number in sorted(at_desk)[:-1]:
        stage.say(people.desk, f"派单 {number} 社保局")
    stage.settle()

    scene(stage, morning + timedelta(hours=1), "经办人在企业微信中签收、回访、认定", say)
    cases = {case["number"]: case for case in stage.cases()}
    mine = [
        case for case in cases.values()
        if case["handler"] and case["status"] == "awaiting_sign" and not case["external_id"].endswith(UNSIGNED)
    ]  # fmt: skip
    for case in mine:
        if not stage.press(case["handler"], case["number"], "sign"):
            raise PlayFailed(f"{case['handler']} 的手机上没有工单 {case['number']} 的卡片")
    stage.settle()
    stage.at(morning + timedelta(hours=2))
    _call_back(stage, mine)
    for case in mine:
        stage.say(case["handler"], f"认定 {case['number']} {_verdict(case)}")
    stage.settle()

    scene(stage, morning + timedelta(hours=6, minutes=30), "整改、解释，负责人审核", say)
    acting = [case for case in mine if not case["external_id"].endswith(LEFT_OPEN)]
    for case in acting:
        _handle(stage, case)
    stage.settle()
    _decide(stage, people, acting)

    scene(stage, morning + timedelta(hours=8), "向评价人反馈，工单办结", say)
    for case in acting:
        stage.say(case["handler"], f"反馈 {case['number']} 电话 已告知处理结果")
    stage.settle()
    left = {case["number"] for case in acting} & {
        case["number"] for case in stage.cases() if case["status"] != "closed"
    }
    if left:
        raise PlayFailed(f"应已办结而没有办结：{'、'.join(sorted(left))}")
    say("此后一周：催办、到期、超期")
    for day in (1, 2, 3, 4, 7):
        for hour in (4, 9.5):
            stage.at(morning + timedelta(days=day, hours=hour))
            stage.settle()
    stage.say(people.supervisor, "整改率 2026-12")
    stage.settle()


def _call_back(stage: Stage, mine: list[dict[str, Any]]) -> None:
    """Every handler looks up the number, where there is one, and tells what came of the call."""
    for case in mine:
        if case["real_name"]:
            AtPages(stage.web, case["handler"]).look_up_number(case["number"])
        stage.say(case["handler"], f"回访 {case['number']} 已接通 已核实情况，评价人说明了经过")
    stage.settle()


def _decide(stage: Stage, people: People, acting: list[dict[str, Any]]) -> None:
    """Heads approve what their unit did; an appeal is decided by two supervisors."""
    for case in acting:
        head = people.heads[case["department_code"]]
        if _verdict(case) == "误评" or head == case["handler"]:
            head = people.supervisor
        stage.say(head, f"通过 {case['number']}{'' if _verdict(case) == '属实' else ' 无附件'}")
    stage.settle()
    for case in acting:
        if _verdict(case) == "误评":
            stage.say(people.second_supervisor, f"同意 {case['number']} 无附件")
    stage.settle()


def _verdict(case: dict[str, Any]) -> str:
    for suffix, verdict in ((UNREASONABLE, "政策不支持"), (NO_BASIS, "无法定依据"), (MISRATED, "误评")):
        if case["source"] == "province_a" and case["external_id"].endswith(suffix):
            return verdict
    return "属实"


def _handle(stage: Stage, case: dict[str, Any]) -> None:
    number, handler = case["number"], case["handler"]
    match _verdict(case):
        case "误评":
            return
        case "属实":
            stage.say(handler, number)  # puts the case in focus for the photograph
            stage.wait("焦点", lambda: stage.get("balance")["callbacks_waiting"] == 0)
            stage.photo(handler)
            stage.wait("照片", lambda: stage.get("balance")["callbacks_waiting"] == 0)
            stage.say(handler, f"整改 {number} 已当场改正，并在窗口公示了办理时限")
        case _:
            stage.say(handler, f"解释 {number} 依据：办事指南第三条 说明：不符合受理条件，已说明政策")


def play_on(stage: Stage, samples: Path, stream: Iterable[dict[str, Any]], rate: float) -> None:
    """The visitor's demonstration: the samples at once, then the stream as the rehearsal clock passes."""
    stage.push("province_a", (samples / "province_a.ndjson").read_bytes().splitlines())
    stage.push("province_a", (samples / "malformed.ndjson").read_bytes().splitlines())
    batch: list[bytes] = []
    pause = max(0.2, 600 / rate)  # ten rehearsed minutes between two pushes
    for record in stream:
        batch.append(json.dumps(record, ensure_ascii=False).encode())
        if len(batch) == 20:
            stage.push("standard", batch)
            batch = []
            time.sleep(pause)
    if batch:
        stage.push("standard", batch)
