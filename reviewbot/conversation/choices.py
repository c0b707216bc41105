"""What was sent without a case waits, and is tied to the case its sender chooses; nothing is guessed (P3)."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reviewbot.actions.add_evidence import attach, waiting_evidence
from reviewbot.actions.make_move import make_move
from reviewbot.actions.step import MoveIn, Place, Verb
from reviewbot.clock import CHINA
from reviewbot.conversation.turn import Said, Turn, focus, visible
from reviewbot.errors import NotFound
from reviewbot.models.case import Case
from reviewbot.models.message import InboxItem
from reviewbot.outbox import owe
from reviewbot.queries.cases import in_hand
from reviewbot.queries.waiting import MEANT, WAITING, forgotten, homeless_media, waiting_words
from reviewbot.rules.notices import NONE, choice, fit, text, when

MOST_OPTIONS = 10
TOGETHER = timedelta(minutes=1)
"""What one person sends within a minute is asked about once."""
NOT_ASKED_AGAIN = "也先记下了。请在上面的卡片中选择工单，或回复工单号，例如「A1027」。"


def ask_which(turn: Turn, item: InboxItem, what: str) -> Said:
    """Keep what was sent, and ask which of the open cases it is about; more than ten are listed in words."""
    cases = in_hand(turn.session, turn.viewer, turn.at)
    if not cases:
        raise NotFound(f"请写明这{what}是哪张工单的；您名下现在没有办理中的工单。")
    asked = _asked_lately(turn, item)
    item.state = WAITING
    if asked:
        return Said(NOT_ASKED_AGAIN)
    question = f"这{what}是哪张工单的？"
    if len(cases) > MOST_OPTIONS:
        head = [f"{question}内容先替您留着，请回复工单号，例如「{cases[0].number}」："]
        return Said(
            fit(head, [words for _, words in map(option, cases)], more="其余 {} 件也可以回复工单号。")
        )
    card = choice(
        f"i{item.id}", question, "内容先替您留着，选定后记入", [*map(option, cases), (NONE, "都不是，不用记")],
        submit="记入",
    )  # fmt: skip
    return Said(question, card)


def option(case: Case) -> tuple[str, str]:
    due = f" {when(case.due_at.astimezone(CHINA))[:5]}" if case.due_at else ""
    return case.number, f"{case.number} {case.status.label}{due}"


def _asked_lately(turn: Turn, item: InboxItem) -> bool:
    since = turn.at - TOGETHER
    words = waiting_words(turn.session, turn.staff.userid, since)
    media = homeless_media(turn.session, turn.staff.id, since)
    return any(one.id != item.id for one in words) or any(one.inbox_id != item.id for one in media)


def chosen(turn: Turn, number: str) -> Said:
    """The choice came: everything of this person that waits goes to that case, or to none."""
    if number == NONE:
        for item in waiting_words(turn.session, turn.staff.userid, turn.at - turn.talk.choice):
            item.state, item.outcome = "done", "发送人说明不属于工单"
        return Said("好的，刚才的内容没有记入任何工单。")
    case = visible(turn, number)
    focus(turn, case.id)
    told = tie_waiting(turn, case)
    return Said(told or f"没有等待记入工单 {case.number} 的内容。")


def tie_waiting(turn: Turn, case: Case) -> str:
    """Tie all that waits to this case; what was tied, "" where nothing waited."""
    since, counts = turn.at - turn.talk.choice, {"备注": 0, "附件": 0}
    for item in waiting_words(turn.session, turn.staff.userid, since):
        words, place = remark_of(item)
        remark(turn, case, words, place)
        item.state = "done"
        counts["备注"] += 1
    for fetch in homeless_media(turn.session, turn.staff.id, since):
        fetch.case_id = case.id
        counts["附件"] += fetch.state == "wanted"
    for evidence in waiting_evidence(turn.session, turn.viewer, since=since):
        attach(turn.session, case.number, evidence, turn.viewer, at=turn.at)
        counts["附件"] += 1
    told = "、".join(f"{word} {count} 份" for word, count in counts.items() if count)
    return f"已记入工单 {case.number}：{told}，现为「{case.status.label}」。" if told else ""


def remark(turn: Turn, case: Case, words: str, place: Place | None = None) -> str:
    asked = MoveIn(Verb.REMARK, case.number, remark=words[:2000], place=place)
    return make_move(turn.session, asked, turn.viewer, at=turn.at, rulebooks=turn.talk.rulebooks).sentence


def remark_of(item: InboxItem) -> tuple[str, Place | None]:
    """The words of what was sent, and the place."""
    if told := item.body.get("place"):
        place = Place(**told)
        label = f"{place.label}，" if place.label else ""
        return f"位置：{label}纬度 {place.latitude:.6f}，经度 {place.longitude:.6f}", place
    return (item.body.get("recognition") or item.body.get("content") or "").strip(), None


def forget_waiting(session: Session, *, at: datetime, after: timedelta) -> int:
    """What nobody has named a case for is put aside, and its sender told; the number of those told."""
    old = forgotten(session, at - after, 200)
    for item in old:
        item.state, item.outcome = "done", "没有指明工单，未采用"
        if MEANT not in item.body:
            sent = item.received_at.astimezone(CHINA)
            words = f"您 {sent:%m-%d %H:%M} 发来的内容没有指明工单，未作处理；需要时请写明工单号重新发送。"
            key = f"forgotten-{item.id}"
            owe(session, key=key, kind="reply", userid=item.userid, body=text(words), at=at)
    return len(old)
