"""An administrator's word on a change that waits: taken with the role and unit he gives, or dismissed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.actions.hand_on import NO_LONGER_WORKS, hand_on, standing
from reviewbot.actions.keep_member import confirm
from reviewbot.actions.let_go import let_go
from reviewbot.actions.record_change import record_change
from reviewbot.actions.settle_contacts import lock_directory
from reviewbot.errors import Conflict, InvalidInput, NotAllowed, NotFound
from reviewbot.models.contacts import DirectoryChange, WeComDepartment
from reviewbot.models.people import Department, Staff
from reviewbot.queries.contacts import waiting_changes
from reviewbot.queries.scope import Viewer
from reviewbot.rules.contacts import Left
from reviewbot.rules.directory_plan import Change, ChangeKind
from reviewbot.rules.lifecycle import Role

K = ChangeKind


@dataclass(frozen=True)
class Word:
    """What he says. ``department_id`` and ``roles`` for people; ``department_id`` alone for a WeCom department
    (None: it stands for no unit of ours)."""

    take: bool
    department_id: int | None = None
    roles: tuple[str, ...] = ()
    name: str = ""


def decide_change(session: Session, ident: int, word: Word, viewer: Viewer, *, at: datetime) -> str:
    """The sentence told. Raises NotAllowed, NotFound, Conflict (decided meanwhile), InvalidInput."""
    only_admins(viewer)
    lock_directory(session)
    change = session.get(DirectoryChange, ident)
    if change is None:
        raise NotFound("没有这项变更。")
    if change.state != "waiting":
        raise Conflict("这项变更已经处理过，或企业微信中已不再如此，请刷新页面。")
    change.decided_at, change.decided_by = at, viewer.actor
    if not word.take:
        change.state = "dismissed"
        return "已不予采纳，同样的变更不再提示。"
    change.state = "done"
    said = _TAKE[ChangeKind(change.kind)](session, change, word, viewer, at)
    change.facts = {**change.facts, "department_id": word.department_id, "roles": list(word.roles)}
    session.flush()
    return said


def take_units(session: Session, viewer: Viewer, *, at: datetime) -> str:
    """Every WeCom department that waits stands for the unit proposed for it, in one word."""
    only_admins(viewer)
    lock_directory(session)
    found = [one for one in waiting_changes(session) if one.kind == K.UNIT_NEW.value]
    for one in found:
        decide_change(session, one.id, Word(True, one.facts.get("department_id")), viewer, at=at)
    return f"{len(found)} 个企业微信部门已对应到所推测的单位。"


def only_admins(viewer: Viewer) -> None:
    if Role.ADMIN not in viewer.roles:
        raise NotAllowed("人员目录由管理员维护。")


def unit_of(session: Session, department_id: int | None) -> Department:
    unit = session.get(Department, department_id) if department_id else None
    if unit is None:
        raise InvalidInput("请选择单位。")
    return unit


def checked_roles(told: tuple[str, ...]) -> list[str]:
    roles: list[str] = [role.value for role in Role if role.value in told]
    if not roles or len(roles) != len(set(told)):
        raise InvalidInput("请至少选择一个角色。")
    return roles


def _admit(session: Session, change: DirectoryChange, word: Word, viewer: Viewer, at: datetime) -> str:
    """A new member, or one who is back. He gets nothing of what he had before by himself."""
    unit, roles = unit_of(session, word.department_id), checked_roles(word.roles)
    userid = str(change.facts["userid"])
    name = word.name.strip() or str(change.facts.get("name") or "")
    if not name:
        raise InvalidInput("企业微信没有提供姓名，请填写姓名。")
    one = session.scalar(select(Staff).where(func.lower(Staff.userid) == userid.lower()))
    if one is None:
        one = Staff(userid=userid, name=name, department_id=unit.id, roles=roles, active=True)
        session.add(one)
        session.flush()
    one.name = name
    _place(session, one, unit, roles, viewer, at)
    change.staff_id = one.id
    return f"{name}已登记为{unit.short_name}人员。"


def _move(session: Session, change: DirectoryChange, word: Word, viewer: Viewer, at: datetime) -> str:
    """Another unit: what he has in hand stays with the unit that holds it, so it goes to others there."""
    unit = unit_of(session, word.department_id)
    one = session.get_one(Staff, change.staff_id)
    roles = checked_roles(word.roles or tuple(one.roles))
    moved = _place(session, one, unit, roles, viewer, at)
    return f"{one.name}已转到{unit.short_name}，原单位的 {len(moved)} 件工单已转交他人。"


def _place(
    session: Session, one: Staff, unit: Department, roles: list[str], viewer: Viewer, at: datetime
) -> list[str]:
    """His unit and roles from now on; the numbers of the cases that went to others by it."""
    before = standing(session, one, at=at)
    one.department_id, one.roles, one.active = unit.id, roles, True
    session.flush()
    confirm(session, one)
    why = NO_LONGER_WORKS if before.unit_id == unit.id else Left.MOVED.label
    return hand_on(session, before, why, at=at, actor=viewer.actor, actor_name=viewer.name)


def _leave(session: Session, change: DirectoryChange, _: Word, viewer: Viewer, at: datetime) -> str:
    one = session.get_one(Staff, change.staff_id)
    moved = let_go(session, one, Left.MISSING, at=at, actor=viewer.actor, actor_name=viewer.name)
    return f"{one.name}已停用，{len(moved)} 件工单已转交他人。"


def _map(session: Session, change: DirectoryChange, word: Word, _: Viewer, __: datetime) -> str:
    row = session.get(WeComDepartment, int(change.facts["party"]))
    if row is None:
        raise NotFound("没有这个企业微信部门。")
    unit = unit_of(session, word.department_id) if word.department_id else None
    row.department_id = unit.id if unit else None
    row.name = str(change.facts["after"]) if change.facts.get("after") else row.name
    return f"企业微信部门 {row.id} 现对应{unit.short_name if unit else '（不对应单位）'}。"


def _unmap(session: Session, change: DirectoryChange, _: Word, __: Viewer, ___: datetime) -> str:
    row = session.get(WeComDepartment, int(change.facts["party"]))
    if row is not None:
        row.present, row.department_id = False, None
    return "该企业微信部门不再对应单位；单位及其工单不变。"


_TAKE = {
    K.JOINED: _admit, K.REJOINED: _admit, K.MOVED: _move, K.LEFT: _leave, K.UNIT_NEW: _map,
    K.UNIT_CHANGED: _map, K.UNIT_GONE: _unmap,
}  # fmt: skip


def map_party(
    session: Session, party: int, department_id: int | None, viewer: Viewer, *, at: datetime
) -> str:
    """Say by hand which unit a WeCom department stands for; None: no unit of ours."""
    only_admins(viewer)
    lock_directory(session)
    if party < 1:
        raise InvalidInput("请填写企业微信的部门编号。")
    row = session.get(WeComDepartment, party)
    if row is None:
        row = WeComDepartment(id=party, present=True)
        session.add(row)
    unit = unit_of(session, department_id) if department_id else None
    before, row.department_id = row.department_id, unit.id if unit else None
    facts = {"party": party, "before": before, "after": row.name, "department_id": row.department_id}
    change = Change(K.UNIT_NEW if unit else K.UNIT_GONE, f"party:{party}", None, facts)
    record_change(session, change, source="admin", at=at, actor=viewer.actor)
    return f"企业微信部门 {party} 现对应{unit.short_name if unit else '（不对应单位）'}。"
