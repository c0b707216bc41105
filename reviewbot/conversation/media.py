"""Photographs and voice messages: noted at once with their case, fetched by a worker (P4).

Several of one person for one case within a minute are one set and get one answer.
"""

from datetime import timedelta

from reviewbot.actions.fetch_media import want_media
from reviewbot.actions.rights import check_right
from reviewbot.conversation.choices import ask_which
from reviewbot.conversation.turn import Said, Turn, focus, the_case
from reviewbot.errors import InvalidInput
from reviewbot.models.case import Case
from reviewbot.models.message import InboxItem
from reviewbot.queries.waiting import set_of
from reviewbot.rules.lifecycle import Move, next_status

SET = timedelta(minutes=1)
WORDS = {"image": "照片", "voice": "语音"}


def sent_media(turn: Turn, item: InboxItem) -> Said:
    """Note what is to be fetched; the answer to the first of its set names the case, or asks for it."""
    media_id, word = item.body.get("media_id"), WORDS[item.kind]
    if not media_id:
        raise InvalidInput(f"{word}没有取到，请重新发送，或在工单页面上传。")
    case = the_case(turn)
    if case is not None:
        next_status(case.number, case.status, Move.ADD_EVIDENCE)
        check_right(turn.session, case, Move.ADD_EVIDENCE, turn.viewer)
    first = set_of(turn.session, turn.staff.id, case.id if case else None, item.kind, turn.at - SET)
    said = Said("") if first else _answer(turn, item, case)
    want_media(
        turn.session, item, media_id, staff_id=turn.staff.id, case_id=case.id if case else None,
        set_id=first.set_id if first else item.id, at=turn.at,
    )  # fmt: skip
    return said


def _answer(turn: Turn, item: InboxItem, case: Case | None) -> Said:
    if case is None:
        asked = ask_which(turn, item, WORDS[item.kind])
        item.state = "done"  # the file itself waits as a fetch, not as words
        return asked
    focus(turn, case.id)
    if item.kind == "voice":
        return Said(
            f"语音已收到，存入工单 {case.number}，现为「{case.status.label}」；系统不能识别语音，请再用文字写明要点。"
        )
    return Said(
        f"工单 {case.number} 已收到照片，作为补充附件，现为「{case.status.label}」；一分钟内再发的归为同一组。"
    )
