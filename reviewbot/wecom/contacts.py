"""A pushed change of the address book becomes one typed event, with whatever fields it carries (wecom §2.5, Q16)."""

from reviewbot.rules.contacts import Event, Told
from reviewbot.wecom.callback import Callback

VISIBILITY = {"subscribe": Told.SUBSCRIBE, "unsubscribe": Told.UNSUBSCRIBE}


def contact_event(callback: Callback) -> Event | None:
    """The change a callback tells of, with whatever fields it carries (often UserID and Department alone, Q16); None
    where it tells of none that we know (W20)."""
    if callback.event in VISIBILITY:
        return Event(VISIBILITY[callback.event], callback.created_at, callback.key, callback.userid)
    if callback.event != "change_contact":
        return None
    kind = _text(callback.raw, "ChangeType")
    if kind not in {told.value for told in Told} or kind in VISIBILITY:
        return None
    told = Told(kind)
    about_party = told in (Told.CREATE_PARTY, Told.UPDATE_PARTY, Told.DELETE_PARTY)
    party = _number(callback.raw, "Id") if about_party else None
    userid = _text(callback.raw, "UserID") or ""
    if about_party == (party is None) or (told in _ABOUT_PEOPLE and not userid):
        return None
    return Event(
        told, callback.created_at, callback.key, userid, new_userid=_text(callback.raw, "NewUserID"),
        name=_text(callback.raw, "Name"), departments=_numbers(callback.raw, "Department"),
        party=party, parent=_number(callback.raw, "ParentId") if about_party else None,
    )  # fmt: skip


_ABOUT_PEOPLE = (Told.CREATE_USER, Told.UPDATE_USER, Told.DELETE_USER)
_LARGEST = 2**31 - 1


def _text(fields: dict[str, object], name: str) -> str | None:
    for found, value in fields.items():
        if found.lower() == name.lower() and isinstance(value, str | int) and not isinstance(value, bool):
            return str(value).strip() or None
    return None


def _number(fields: dict[str, object], name: str) -> int | None:
    word = _text(fields, name) or ""
    return int(word) if word.isascii() and word.isdecimal() and int(word) <= _LARGEST else None


def _numbers(fields: dict[str, object], name: str) -> tuple[int, ...] | None:
    """``1,2``; None where the field is not there: departments may change without being told."""
    word = _text(fields, name)
    if word is None:
        return None
    parts = [part.strip() for part in word.split(",")]
    return tuple(int(part) for part in parts if part.isascii() and part.isdecimal() and int(part) <= _LARGEST)
