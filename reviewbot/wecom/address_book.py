"""Read the whole address book as far as a new application still may: whatever is refused is a note, never a crash."""

from reviewbot.rules.contacts import Party
from reviewbot.rules.directory_plan import IN_RANGE, Member, Seen
from reviewbot.wecom.directory import DirectoryCalls
from reviewbot.wecom.errors import WeComError

REFUSED = {
    96067: "通讯录同步已不再提供该字段或接口",
    90344: "该IP未被允许调用通讯录接口",
    96302: "通讯录接口只返回成员和部门编号",
    60011: "应用无权查看部分成员或部门",
    48002: "应用没有该接口的权限",
}
"""Answers a new application lawfully gets (wecom §2.5); anything else is an error of the call."""


def read_address_book(application: DirectoryCalls, contacts: DirectoryCalls | None) -> Seen:
    """With the contacts secret by ``user/list_id``; without it, or where that is refused, what the application may see.

    An error that is no lawful refusal ends in an empty, incomplete reading (way ``none``) that says so.
    """
    notes: list[str] = []
    try:
        if contacts is not None:
            try:
                return _whole_corp(contacts, notes)
            except WeComError as wrong:
                notes.append(_lawful(wrong, "成员列表"))
        return _visible_range(application, notes)
    except WeComError as wrong:
        return Seen("none", False, notes=[*notes, wrong.sentence])


def _whole_corp(contacts: DirectoryCalls, notes: list[str]) -> Seen:
    found: dict[str, set[int]] = {}
    spelled: dict[str, str] = {}
    for userid, department in contacts.user_list_id():
        spelled.setdefault(userid.lower(), userid)
        found.setdefault(userid.lower(), set()).add(department)
    parties, _ = _parties(contacts, notes)
    members = [Member(spelled[key], None, tuple(sorted(units))) for key, units in found.items()]
    return Seen("list_id", bool(members), members, parties, notes)


def _visible_range(application: DirectoryCalls, notes: list[str]) -> Seen:
    parties, complete = _parties(application, notes)
    members: dict[str, Member] = {}
    for ident in parties:
        try:
            listed = application.user_simplelist(ident)
        except WeComError as wrong:
            notes.append(_lawful(wrong, f"部门 {ident} 的成员"))
            complete = False
            continue
        for one in listed:
            known = members.get(one.userid.lower())
            units = {*(known.departments or () if known else ()), *(one.departments or (ident,))}
            name = one.name or (known.name if known else None)
            members[one.userid.lower()] = Member(one.userid, name, tuple(sorted(units)))
    members = {key: one if one.name else _named(application, one) for key, one in members.items()}
    return Seen(
        IN_RANGE if parties else "none", complete and bool(members), list(members.values()), parties, notes
    )


def _parties(calls: DirectoryCalls, notes: list[str]) -> tuple[dict[int, Party], bool]:
    try:
        return {one.id: Party(parent=one.parent_id or None) for one in calls.department_simplelist()}, True
    except WeComError as wrong:
        notes.append(_lawful(wrong, "部门列表"))
        return {}, False


def _named(application: DirectoryCalls, one: Member) -> Member:
    """The list gave no name: perhaps the member himself does. Nobody is missing because he does not."""
    try:
        told = application.user_get(one.userid)
    except WeComError as wrong:
        _lawful(wrong, f"成员 {one.userid}")
        return one
    return Member(one.userid, told.name, told.departments or one.departments)


def _lawful(wrong: WeComError, what: str) -> str:
    """The note on a refusal that is to be expected; raises any other error."""
    if wrong.errcode not in REFUSED:
        raise wrong
    return f"{what}：{REFUSED[wrong.errcode]}（{wrong.errcode}）"
