"""What a message to staff says. Never the rater's identity, phone or comment (F19): number, item, time, link.

Words typed by people travel with their personal numbers covered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reviewbot.rules.buttons import Button, buttons_for
from reviewbot.rules.call_back import UNSEEN
from reviewbot.rules.lifecycle import CaseStatus, Move
from reviewbot.rules.masking import mask_personal

Body = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """The facts of a case that may travel in a message."""

    number: str
    round: int
    item: str
    department: str
    status: str
    due_at: datetime | None
    link: str
    rater: str | None = None
    """His name, so that it can be covered where somebody wrote it; it never travels itself (F19)."""


BUTTON_WORDS = 20
"""Characters that fit where a card's buttons were."""


@dataclass(frozen=True)
class Done:
    """The last step of a case: who took it and when (local time). In full in the text of a card."""

    name: str
    at: datetime
    act: str

    def __str__(self) -> str:
        return f"已由{self.name} {when(self.at)} {self.act}"

    @property
    def on_button(self) -> str:
        """What fits in the place of the buttons: the moment goes first, then the end of the name, never the act."""
        if len(str(self)) <= BUTTON_WORDS:
            return str(self)
        room = BUTTON_WORDS - len("已由") - len(self.act)
        name = self.name if len(self.name) <= room else self.name[: room - 1] + "…"
        return f"已由{name}{self.act}"


def when(moment: datetime | None) -> str:
    """A moment as a clerk reads it; the caller hands in local time."""
    return moment.strftime("%m-%d %H:%M") if moment else "—"


def thread(number: str, round_: int) -> str:
    """What every message of one round of a case carries, so that they are seen to belong together."""
    return f"差评工单 {number} · 第 {round_} 轮"


def new_case(facts: Facts, late: str = "") -> Body:
    """``late``: what had run out before the unit got it."""
    usual = buttons_for(facts.number, CaseStatus.AWAITING_SIGN, (Move.SIGN, Move.RETURN), called=False)
    return _step(facts, f"差评工单 {facts.number}", "请签收并回访核实", note=late) | {"buttons": usual}


def to_dispatch(facts: Facts, reason: str) -> Body:
    return _step(facts, f"待派单 {facts.number}", f"请派单：回复「派单 {facts.number} 单位」", note=reason)


def returned(facts: Facts, reason: str) -> Body:
    return _step(facts, f"退回 {facts.number}", "单位退回，请重新派单", note=reason)


def to_approve(facts: Facts, *, what: str, with_evidence: bool, unseen: bool) -> Body:
    """``unseen``: the call-back was put on record before anybody had looked at the number (B15)."""
    hint = "" if with_evidence else f"没有附件；同意请回复「通过 {facts.number} 无附件」"
    warning = f"回访{UNSEEN}" if unseen else ""
    return _step(
        facts, f"待审核 {facts.number}", f"{what}，请审核", note="。".join(filter(None, (warning, hint)))
    )


def sent_back(facts: Facts, reason: str) -> Body:
    return _step(facts, f"重办 {facts.number}", "审核未通过，请重新办理", note=reason)


def approved(facts: Facts, late: str = "") -> Body:
    hint = f"反馈后回复「反馈 {facts.number} 电话 说明」，工单即办结"
    return _step(
        facts, f"已通过 {facts.number}", "请向评价人反馈结果", note=f"{hint}。{late}" if late else hint
    )


def reopened(facts: Facts, reason: str) -> Body:
    return _step(facts, f"重开 {facts.number}", "工单已重开，请重新回访核实", note=reason)


def to_rule(facts: Facts, ground: str) -> Body:
    return _step(
        facts,
        f"会商 {facts.number}",
        f"单位再次退回，请裁定：回复「裁定 {facts.number} 单位 理由」",
        note=ground,
    )


def assist(facts: Facts, unit: str, task: str, due_at: datetime) -> Body:
    return _step(
        facts,
        f"协办 {facts.number}",
        f"请{unit}协办，{when(due_at)} 前回复「协办答复 {facts.number} 结果」",
        note=task,
    )


def assisted(facts: Facts, said: str, answer: str) -> Body:
    return _card(facts, f"协办答复 {facts.number}", said, note=answer)


def to_decide(facts: Facts, kind: str, what: str) -> Body:
    return _step(
        facts,
        f"{kind} {facts.number}",
        f"请决定：回复「同意 {facts.number}」或「不同意 {facts.number} 原因」",
        note=what,
    )


def decided(facts: Facts, kind: str, decision: str, remark: str) -> Body:
    return _card(facts, f"{kind}{decision} {facts.number}", f"{kind}：{decision}", note=remark)


def handed_over(facts: Facts, by: str, reason: str) -> Body:
    return _step(facts, f"移交 {facts.number}", f"{by}移交给您经办，时限不变", note=reason)


def instructed(facts: Facts) -> Body:
    return _step(facts, f"领导批示 {facts.number}", "此件有领导批示，请抓紧办理")


def rater_extended(number: str, due_at: datetime, reason: str) -> Body:
    """To the rater: plain words, no names; his page shows the rest."""
    said = f"您反映的事项（编号 {number}）需要更多时间办理，预计 {due_at:%Y-%m-%d} 前办结。原因：{reason}。"
    return _to_rater(said, number, "延期办理", due_at)


def rater_ledger(number: str, until: datetime, reason: str) -> Body:
    said = f"您反映的事项（编号 {number}）一时难以解决，已列入整改台账，计划 {until:%Y-%m-%d} 前完成。原因：{reason}。"
    return _to_rater(said, number, "列入台账", until)


def rater_opened(number: str, due_at: datetime | None) -> Body:
    expected = f"，预计 {due_at:%Y-%m-%d} 前办结" if due_at else ""
    return _to_rater(f"您的评价已受理（编号 {number}）{expected}。", number, "已受理", due_at)


def rater_closed(number: str) -> Body:
    return _to_rater(f"您反映的事项（编号 {number}）已办结，请您评价办理结果。", number, "已办结", None)


def rater_reopened(number: str, due_at: datetime) -> Body:
    said = f"您反映的事项（编号 {number}）已重新办理，预计 {due_at:%Y-%m-%d} 前办结。"
    return _to_rater(said, number, "重新办理", due_at)


def rater_rescheduled(number: str, due_at: datetime) -> Body:
    """A day he was told is no longer so; the reason is the calendar's, not the case's."""
    said = f"因放假安排或办公日调整，您反映的事项（编号 {number}）改为预计 {due_at:%Y-%m-%d} 前办结。"
    return _to_rater(said, number, "时限调整", due_at)


def rescheduled(facts: Facts, what: str) -> Body:
    return _card(facts, f"时限调整 {facts.number}", f"工作日历已调整：{what}")


def concern(facts: Facts, what: str) -> Body:
    return _card(facts, f"督办 {facts.number}", f"{what}，请核查", note="核查结果请在网页「督办事项」中填写")


def _to_rater(content: str, number: str, progress: str, until: datetime | None) -> Body:
    """The words of a text, and the few facts a template takes (F19). ``tell_rater`` adds what the link is made of, the
    item, and the day where none is told; the channel that carries it makes the link."""
    about = {"number": number, "progress": progress, "date": f"{until:%Y-%m-%d}" if until else ""}
    return {"type": "rater", "content": content, "about": about}


def reminder(facts: Facts, label: str, *, title: str) -> Body:
    return _card(facts, f"{title} {facts.number}", f"{label}，现为「{facts.status}」")


def card_appealed(facts: Facts, card: str, by: str, reason: str) -> Body:
    return _card(
        facts,
        f"{card}申诉 {facts.number}",
        f"{by}申诉，请在工单页面的「警示牌」中决定",
        note=reason,
    )


def card_settled(facts: Facts, card: str, outcome: str, reason: str) -> Body:
    return _card(facts, f"{card}{outcome} {facts.number}", f"{card}：{outcome}", note=reason)


def recalls_assigned(period: str, numbers: list[str]) -> Body:
    """To the caller of the independent sample: how many, and where they are."""
    return {
        "type": "card", "number": f"R{period}", "round": 1, "title": f"抽查回访 {period}",
        "desc": f"请回访 {len(numbers)} 件已办结工单的评价人", "rows": [], "buttons": [], "link": "/recalls",
        "note": "您与这些工单的办理无关，请如实记录；号码在网页中查看。" + "、".join(numbers),
    }  # fmt: skip


def recalls_unassigned(period: str, numbers: list[str]) -> Body:
    return text(
        f"抽查回访 {period}：{'、'.join(numbers)} 没有可以回访的人"
        "（须在承办单位以外且没有经手），请在目录中增加回访人员。"
    )


def recall_committed(period: str, commitment: str) -> Body:
    return text(
        f"抽查回访 {period} 的承诺值（随机密钥的 SHA-256）：{commitment}。请留存；抽查完成后公布密钥，任何人可以复算。"
    )


def letter_moved(ident: int, name: str, what: str, *, note: str = "") -> Body:
    """Of a letter that was issued, received or withdrawn: its name and a link, nothing of what it says."""
    return {
        "type": "card", "number": f"L{ident}", "round": 1, "title": name, "desc": mask_personal(what),
        "note": mask_personal(note), "rows": [],
        "buttons": [], "link": f"/letters/{ident}",
    }  # fmt: skip


def letter_not_recalled(title: str) -> str:
    return f"{title}先前的签收通知未能撤回，现已不须签收。"


def unreached(name: str, number: str, title: str, why: str) -> Body:
    """To whoever answers for somebody whom a message did not reach (W11)."""
    about = f"「{title or number}」" if title or number else "发给他的消息"
    act = f"请另行告知，或回复「移交 {number} 姓名 原因」" if number else "请另行告知"
    return text(f"{name} 没有收到{about}：{why}。{act}。")


DIGEST_BYTES = 1_900
"""A text message carries 2,048 bytes (W5); some are left for the last line."""


def fit(
    head: Sequence[str],
    rows: Sequence[str],
    foot: Sequence[str] = (),
    more: str = "其余 {} 个见页面",
    beyond: int = 0,
) -> str:
    """The lines as one text a message can carry; rows that do not fit are counted, never cut in their middle.

    ``beyond``: how many there are that were not even fetched."""
    for shown in range(len(rows), -1, -1):
        left = len(rows) + beyond - shown
        rest = [more.format(left)] if left else []
        told = "\n".join((*head, *rows[:shown], *rest, *foot))
        if len(told.encode()) <= DIGEST_BYTES:
            break
    return told


def digest(lines: list[str]) -> Body:
    """Many reminders as one text; what does not fit is counted."""
    more = "……另有 {} 条，请回复「我的待办」查看。"
    return text(fit([f"您有 {len(lines)} 条催办："], lines, more=more))


def text(content: str) -> Body:
    return {"type": "text", "content": content}


def picture(sha256: str, name: str, alt: str) -> Body:
    """A picture kept by ``reviewbot.files.pictures``; ``alt`` says the same in words where pictures cannot be sent."""
    return {"type": "image", "sha256": sha256, "name": name, "alt": alt}


def card_done(response_code: str, words: str) -> Body:
    """The pressed button turns grey and says what came of it."""
    return {"type": "card_update", "response_code": response_code, "words": words}


def present(facts: Facts, *, done: Done | None, buttons: Sequence[Button], note: str = "") -> Body:
    """A card of this case as it stands now: who did what, and the next step of the person who holds it.

    ``done`` stands in the place of the buttons where there are none; ``note``: what is said instead of it in the text.
    """
    asks = "，请办理" if buttons else ""
    said = note or (str(done) if done else "")
    body = _card(facts, f"差评工单 {facts.number}", f"现为「{facts.status}」{asks}", note=said)
    return body | {"buttons": list(buttons), "done": done.on_button if done else f"现为「{facts.status}」"}


def gone(number: str, round_: int, link: str, why: str) -> Body:
    """The card of somebody who no longer holds the case, or never did: nothing of it but that."""
    return {
        "type": "card", "number": number, "round": round_, "title": f"差评工单 {number}", "desc": "不再由您办理",
        "note": why, "rows": [], "buttons": [], "link": link, "done": "不再由您办理",
        "source": thread(number, round_),
    }  # fmt: skip


def card_update(card_id: int, response_code: str, face: Body) -> Body:
    """A card already sent takes another face; the code is marked as used before this is owed (W22)."""
    return {"type": "card_update", "of": card_id, "response_code": response_code, "card": face}


def recall(card_id: int, msgid: str, cancelling: str) -> Body:
    """A card is taken back; ``cancelling`` is told where the platform does not take it back (P8)."""
    return {"type": "recall", "of": card_id, "msgid": msgid, "cancelling": cancelling}


def cancelled(number: str, why: str) -> str:
    return f"工单 {number} {why}，不再由您办理，请勿继续处理先前的卡片。"


def not_recalled(number: str) -> str:
    return f"工单 {number} 先前的卡片未能撤回，请以最新的消息为准。"


_STAYS = "先前的卡片已不能撤回，请以此卡为准。"


def in_place_of(face: Body) -> Body:
    """A card that takes the place of one too old to be taken back: it says so, before anything else."""
    return face if says_old_stays(face) else face | {"note": _STAYS + face["note"]}


def says_old_stays(body: Body) -> bool:
    note: str = body["note"]
    return note.startswith(_STAYS)


QUESTION, NONE = "case", "none"
"""The question of a choosing card, and its option "none of these"."""


def choice(key: str, title: str, desc: str, options: Sequence[tuple[str, str]], *, submit: str) -> Body:
    """One of several, to be ticked; ``key``: what the submitted card is about. Without cards: a list in words."""
    return {
        "type": "choice", "key": key, "title": title, "desc": desc, "submit": submit,
        "options": [list(option) for option in options],
    }  # fmt: skip


def question(key: str, title: str, desc: str, buttons: Sequence[tuple[str, str]], *, words: str) -> Body:
    """A card of a few answers, each (text, verb); ``words``: how to answer where there are no cards."""
    shown = [[text_, verb, 1 if place == 0 else 2] for place, (text_, verb) in enumerate(buttons)]
    return {
        "type": "card", "number": key, "round": 0, "title": title, "desc": desc, "note": "", "rows": [],
        "buttons": shown, "link": "/cases", "words": words, "source": "好差评",
    }  # fmt: skip


def _step(facts: Facts, title: str, desc: str, *, note: str = "") -> Body:
    """A card that asks for the next step; whoever owes it puts the receiver's own buttons on it."""
    return _card(facts, title, desc, note=note) | {"step": True}


def _card(facts: Facts, title: str, desc: str, *, note: str = "") -> Body:
    return {
        "type": "card",
        "number": facts.number,
        "round": facts.round,
        "title": title,
        "desc": mask_personal(desc, facts.rater),
        "note": mask_personal(note, facts.rater),
        "rows": [
            ["事项", mask_personal(facts.item, facts.rater)],
            ["单位", facts.department],
            ["时限", when(facts.due_at)],
        ],
        "buttons": [],
        "link": facts.link,
        "source": thread(facts.number, facts.round),
    }
