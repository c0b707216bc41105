"""The second act of the demonstration: what a real bureau lives with besides simple cases.

A bounce, an arbitration that becomes a rule, a joint case, an extension, an appeal upheld and one refused, a rater
who cannot be reached, a reopening on the rater's word, a case nobody touches until its ladder ends in a report, its
letters on their way from draft to receipt, and the independent re-call of a month's sample.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reviewbot.clock import CHINA
from reviewbot.simulator.director import NO_BASIS, People, Stage, scene
from reviewbot.simulator.pages import AtPages, PlayFailed

BOUNCE, ARBITRATION, JOINT, EXTENSION, UPHELD, REFUSED, UNREACHABLE, REOPENED, SILENT = (
    f"YL2026{number:04d}" for number in range(1, 10)
)
ITEMS = {
    BOUNCE: "灵活就业人员参保登记",
    ARBITRATION: "城乡居民养老保险缴费",
    JOINT: "失业保险金申领",
    EXTENSION: "养老保险关系转移接续",
    UPHELD: "社会保障卡申领",
    REFUSED: "社会保障卡补换",
    UNREACHABLE: "工伤认定申请",
    REOPENED: "企业职工退休核准",
    SILENT: "个人权益记录查询打印",
}

RECALLED = "2026-12"
"""The month whose sample is worked: the cases of this act were closed in it."""


@dataclass
class Act:
    """The stage with the script's own hour and the cases by the number their reviews carry."""

    stage: Stage
    people: People
    at: datetime
    cases: dict[str, dict[str, Any]]

    def pass_time(self, **length: float) -> None:
        self.at += timedelta(**length)
        self.stage.at(self.at)
        self.stage.settle()

    def number(self, review: str) -> str:
        return str(self.cases[review]["number"])

    def look(self, review: str) -> dict[str, Any]:
        self.cases[review] = found = self.stage.get(f"cases/{self.number(review)}")
        return found  # type: ignore[no-any-return]

    def handler_says(self, review: str, words: str) -> None:
        """The handler of the case types; {n} is its number."""
        self.say(str(self.look(review)["handler"]), review, words)

    def say(self, userid: str, review: str, words: str) -> None:
        self.stage.say(userid, words.format(n=self.number(review)))
        self.stage.settle()

    def look_up_number(self, review: str) -> None:
        """Its handler looks at the rater's number on the call-back sheet."""
        AtPages(self.stage.web, str(self.look(review)["handler"])).look_up_number(self.number(review))

    def head(self, review: str) -> str:
        return self.people.heads[str(self.look(review)["department_code"])]

    def expect(self, review: str, status: str) -> None:
        if (found := self.look(review)["status"]) != status:
            raise PlayFailed(f"{review} 应为 {status}，却是 {found}")


def play_procedure(stage: Stage, people: People, monday: datetime, say: Callable[[str], None]) -> None:
    """From a Monday morning until the ladder of the silent case has ended, three months after its limit; every case is
    brought to where the script says.
    """
    scene(stage, monday, "九件不寻常的差评", say, act="第二幕 ")
    stage.push("standard", [_record(ident, monday) for ident in ITEMS])
    stage.settle()
    cases = {case["external_id"]: case for case in stage.cases() if case["external_id"] in ITEMS}
    act = Act(stage, people, monday, cases)
    for play in (_bounce, _arbitrate, _share_work, _extend, _appeal, _miss_the_rater):
        say((play.__doc__ or "").strip())
        play(act)
    for play in (_reopen, _leave_alone, _write_letters, _call_again):
        say((play.__doc__ or "").strip())
        play(act)


def _record(ident: str, now: datetime) -> bytes:
    record = {
        "external_id": ident, "rating": 1, "reviewed_at": (now - timedelta(hours=1)).isoformat(),
        "channel": "mobile", "department": "SOC", "item": ITEMS[ident], "comment": "等了很久没有结果",
        "reason_codes": ["209"],
        "rater": {"kind": "person", "name": "林**", "phone": "13800001234", "anonymous": False},
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False).encode()


def _bounce(act: Act) -> None:
    """退回一次：社保局说明应由医保分局办理，派单员改派"""
    act.handler_says(BOUNCE, "退回 {n} 应由医保分局办理，见权责清单第十二项")
    act.expect(BOUNCE, "awaiting_dispatch")
    act.say(act.people.desk, BOUNCE, "派单 {n} 医保分局 同意改派")
    act.expect(BOUNCE, "awaiting_sign")
    _bring_to_its_end(act, BOUNCE)


def _arbitrate(act: Act) -> None:
    """退回两次：会商裁定，今后同一事项照此派单"""
    act.handler_says(ARBITRATION, "退回 {n} 应由税务局办理，缴费由税务征收")
    act.say(act.people.desk, ARBITRATION, "派单 {n} 税务局")
    act.handler_says(ARBITRATION, "退回 {n} 应由社保局办理，登记信息有误")
    act.expect(ARBITRATION, "in_arbitration")
    act.say(act.people.supervisor, ARBITRATION, "裁定 {n} 社保局 登记信息由社保维护，今后照此派单")
    act.expect(ARBITRATION, "awaiting_sign")
    _bring_to_its_end(act, ARBITRATION)


def _share_work(act: Act) -> None:
    """一家牵头、一家协办，时限不变"""
    _conclude(act, JOINT, "属实")
    act.say(act.people.desk, JOINT, "协办 {n} 税务局 请提供缴费记录")
    helper = act.people.heads["TAX"]
    act.say(helper, JOINT, "协办答复 {n} 缴费记录已核实并抄送社保局")
    _hand_in_and_close(act, JOINT)


def _extend(act: Act) -> None:
    """没有查看号码就登记回访接通，督办看得到；到期前申请延期，督办同意，原期限保留"""
    _conclude(act, EXTENSION, "属实", looked_up=False)
    if not act.look(EXTENSION)["calls"][-1]["number_unseen"]:
        raise PlayFailed("没有查看号码的回访没有留痕")
    before = act.look(EXTENSION)["due_at"]
    act.handler_says(EXTENSION, "延期 {n} 5 需与外省核对缴费年限")
    act.say(act.people.supervisor, EXTENSION, "同意 {n}")
    after = act.look(EXTENSION)
    if not (after["due_at"] > before == after["original_due_at"]):
        raise PlayFailed("延期没有改变期限，或者原期限没有保留")
    _hand_in_and_close(act, EXTENSION)


def _appeal(act: Act) -> None:
    """申诉两件：一件两人同意而成立，一件不成立转整改"""
    _conclude(act, UPHELD, "误评")
    act.say(act.people.supervisor, UPHELD, "同意 {n} 无附件")
    act.say(act.people.second_supervisor, UPHELD, "同意 {n} 无附件")
    act.handler_says(UPHELD, "反馈 {n} 电话 已告知误评处理")
    act.expect(UPHELD, "closed")
    _conclude(act, REFUSED, "恶意差评")
    act.say(act.people.supervisor, REFUSED, "不同意 {n} 录音中诉求明确，不属恶意")
    act.expect(REFUSED, "rectifying")
    _hand_in_and_close(act, REFUSED)


def _miss_the_rater(act: Act) -> None:
    """三个半天都没有联系上评价人"""
    act.handler_says(UNREACHABLE, "签收 {n}")
    for hours, words in ((0, "无人接听"), (6, "关机"), (18, "无人接听")):
        act.pass_time(hours=hours)
        act.look_up_number(UNREACHABLE)
        act.handler_says(UNREACHABLE, "回访 {n} 未接通 " + words)
    act.handler_says(UNREACHABLE, "认定 {n} 属实")
    _hand_in_and_close(act, UNREACHABLE)


def _reopen(act: Act) -> None:
    """办结后评价人仍不满意，督办重开，发整改通知，再次办结"""
    _bring_to_its_end(act, REOPENED)
    act.say(act.people.supervisor, REOPENED, "重开 {n} 评价人反映没有补发差额")
    act.expect(REOPENED, "verifying")
    act.look_up_number(REOPENED)
    act.handler_says(REOPENED, "回访 {n} 已接通 差额已核实")
    act.handler_says(REOPENED, "认定 {n} 属实")
    reason = "差额已核定，至今没有补发。"
    desk = AtPages(act.stage.web, act.people.desk)
    page = desk.send(
        "/letters", "/letters", kind="rectification_notice", number=act.number(REOPENED), reason=reason
    )
    _see_through(act, page, REOPENED)
    _hand_in_and_close(act, REOPENED)


def _leave_alone(act: Act) -> None:
    """一件无人办理：催办、黄牌、红牌、督办函拟稿、三个月后专报拟稿"""
    due = datetime.fromisoformat(act.look(SILENT)["due_at"])
    morning = due.astimezone(CHINA).replace(hour=9, minute=30)  # the office is open
    for days in (1, 4, 8, 92):
        act.at = morning + timedelta(days=days)
        act.pass_time()
    act.pass_time(hours=1.5)  # nobody gets more than five reminders an hour; the rest come with the next
    act.stage.wait("上一小时攒下的催办", lambda: not act.stage.get("balance")["messages"].get("held"))
    events = act.look(SILENT)["events"]
    climbed = [event["data"]["rung"] for event in events if event["data"].get("stage") == "handling"]
    if climbed[-4:] != ["yellow", "red", "letter", "report"]:
        raise PlayFailed(f"台阶没有走完：{climbed}")


def _write_letters(act: Act) -> None:
    """公文：督办函一人审核、另一人签发编文号、单位签收；拟解释说明告知书一份，专报仍是草稿"""
    events = act.look(SILENT)["events"]
    ident = next(event["data"]["letter"] for event in events if event["data"].get("rung") == "letter")
    _see_through(act, f"/letters/{ident}", SILENT)
    desk = AtPages(act.stage.web, act.people.desk)
    explained = next(
        case["number"] for case in act.stage.cases()
        if case["source"] == "province_a" and case["external_id"].endswith(NO_BASIS)
    )  # fmt: skip
    desk.send("/letters", "/letters", kind="explanation_notice", number=explained, reason="")
    act.stage.settle()


def _see_through(act: Act, page: str, review: str) -> None:
    """A draft is reviewed by one, issued by another and received by the head of the unit."""
    steps = (
        (act.people.supervisor, "review"),
        (act.people.second_supervisor, "issue"),
        (act.head(review), "receive"),
    )
    for userid, step in steps:
        AtPages(act.stage.web, userid).send(page, page, act=step)
    moves = [event["move"] for event in act.look(review)["events"]]
    if moves[-2:] != ["issue_letter", "receive_letter"]:
        raise PlayFailed(f"公文没有走完：{moves[-2:]}")


def _call_again(act: Act) -> None:
    """抽查回访：十二月办结件按事先承诺的密钥抽取，由没有经手的人再次回访，一件没人联系转督办"""
    act.stage.wait("抽取回访样本", lambda: bool(act.stage.get("recalls", month=RECALLED)["drawn_at"]))
    act.stage.settle()
    drawn = act.stage.get("recalls", month=RECALLED)["cases"]
    for place, case in enumerate(drawn):
        said = "属实 评价人称已接到电话，问题已解决" if place else "没人联系 评价人称一直没有接到电话"
        act.stage.say(case["caller"], f"抽查 {case['number']} {said}")
    act.stage.settle()
    told = act.stage.get("recalls", month=RECALLED)
    if (
        not drawn
        or told["concluded"] != told["sample"]
        or told["figures"][0]["confirmed"]["denominator"] != len(drawn)
    ):
        raise PlayFailed(f"抽查回访没有做完：{told['concluded']}/{told['sample']}")


def _bring_to_its_end(act: Act, review: str) -> None:
    _conclude(act, review, "属实")
    _hand_in_and_close(act, review)


def _conclude(act: Act, review: str, conclusion: str, *, looked_up: bool = True) -> None:
    act.handler_says(review, "签收 {n}")
    if looked_up:
        act.look_up_number(review)
    act.handler_says(review, "回访 {n} 已接通 已向评价人了解情况")
    act.handler_says(review, "认定 {n} " + conclusion + " 经核实")


def _hand_in_and_close(act: Act, review: str) -> None:
    handler = str(act.look(review)["handler"])
    act.handler_says(review, "{n}")  # puts the case in focus for the photograph
    act.stage.photo(handler)
    act.stage.settle()
    act.handler_says(review, "整改 {n} 已补办并公示办理时限")
    head = act.head(review)
    act.say(act.people.supervisor if head == handler else head, review, "通过 {n}")
    act.handler_says(review, "反馈 {n} 电话 已告知处理结果")
    act.expect(review, "closed")
