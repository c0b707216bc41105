"""What a button carries: verb, case number and round, so that a press on an old card is recognised as old."""

import re
from dataclasses import dataclass

from reviewbot.wecom.errors import Kind, WeComError

KEY_BYTES = 1024
LARGEST = 2**31 - 1

_VERB = re.compile(r"[a-z][a-z_]{0,31}")
_NUMBER = re.compile(r"[0-9A-Za-z_@-]{1,64}")
_ROUND = re.compile(r"0|[1-9][0-9]{0,5}")
TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")


@dataclass(frozen=True, slots=True)
class ButtonPress:
    verb: str
    number: str
    round: int


def pack(verb: str, number: str, round: int) -> str:
    """``accept:A1027:1``; what ``unpack`` would not give back unchanged is refused here."""
    key = f"{verb}:{number}:{round}"
    if len(key.encode()) > KEY_BYTES or unpack(key) != ButtonPress(verb, number, round):
        raise WeComError(f"按钮内容不合规则：{key[:80]}", kind=Kind.content)
    return key


def unpack(key: str) -> ButtonPress | None:
    """None for a key that is not ours; what it names must still be looked up and checked."""
    parts = key.split(":") if len(key) <= KEY_BYTES else []
    if len(parts) != 3:
        return None
    verb, number, turn = parts
    if not (_VERB.fullmatch(verb) and _NUMBER.fullmatch(number) and _ROUND.fullmatch(turn)):
        return None
    return ButtonPress(verb, number, int(turn))


def task_id(number: str, round: int, kind: str, serial: int) -> str:
    """``A1027-r1-n3``. Must never repeat in one application: ``serial``, the number of the message, makes it unique."""
    name = f"{number}-r{round}-{kind}{serial}"
    if round < 0 or serial < 0 or not re.fullmatch(r"[a-z_]{1,32}", kind) or not TASK_ID.fullmatch(name):
        raise WeComError(f"卡片编号不合规则：{name[:80]}", kind=Kind.content)
    return name


def serial_of(task_id: str | None) -> int | None:
    """The serial a ``task_id`` of ours was made with; None for one that is not ours."""
    found = re.fullmatch(r"[0-9A-Za-z_@-]{1,64}-r[0-9]{1,6}-[a-z_]{1,32}([0-9]{1,10})", task_id or "")
    return int(found[1]) if found and int(found[1]) <= LARGEST else None
