"""The directory: members, departments with their numbers, and what an app may read of them (Q20)."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict

from reviewbot.simulator.config import CONTACTS, DAY, Answer, Member, Refused
from reviewbot.simulator.quirks import Quirks

ROOT = 1


class Directory:
    """Departments get numbers as their names first appear; 1 is the corp itself."""

    def __init__(self, quirks: Quirks, now: Callable[[], float]) -> None:
        self._quirks = quirks
        self._now = now
        self.members: dict[str, Member] = {}
        self.departments: dict[str, int] = {}
        self._wrong_numbers: deque[float] = deque()
        self._banned_until = 0.0

    def replace(self, members: Iterable[Member]) -> None:
        self.members = {member.userid.lower(): member for member in members}
        self.departments = {}
        for member in self.members.values():
            self._number(member.department)

    def put(self, member: Member) -> None:
        self.members[member.userid.lower()] = member
        self._number(member.department)

    def remove(self, userid: str) -> Member | None:
        return self.members.pop(userid.lower(), None)

    def find(self, userid: str) -> Member | None:
        return self.members.get(userid.lower())

    def _number(self, path: str) -> int:
        """The number of a department; its parents get theirs first."""
        if not path:
            return ROOT
        if path not in self.departments:
            self._number(path.rpartition("/")[0])
            self.departments[path] = len(self.departments) + ROOT + 1
        return self.departments[path]

    def department_id(self, member: Member) -> int:
        return self.departments.get(member.department, ROOT)

    def visible(self, member: Member) -> bool:
        """Whether the app's visible range has the member in it."""
        names = self._quirks.visible_departments
        return not names or any(
            member.department == n or member.department.startswith(n + "/") for n in names
        )

    def within(self, department: str) -> list[Member]:
        """Everybody a send to this department reaches; a department is told by number or by name."""
        if department == str(ROOT):
            return list(self.members.values())
        path = next((p for p, ident in self.departments.items() if department in (str(ident), p)), None)
        if path is None:
            return []
        return [m for m in self.members.values() if (m.department + "/").startswith(path + "/")]

    # What programs may ask

    def user(self, agent_id: int, userid: str) -> Answer:
        member = self.find(userid)
        if member is None:
            raise Refused(60111, "userid not found")
        self._must_see(agent_id, member)
        department = self.department_id(member)
        answer: Answer = {
            "userid": member.userid, "name": member.name, "department": [department], "order": [0],
            "position": member.title, "main_department": department, "status": 1, "isleader": 0,
            "is_leader_in_dept": [0], "direct_leader": [], "enable": 1, "hide_mobile": 0, "telephone": "",
            "alias": "", "extattr": {"attrs": []},
        }  # fmt: skip
        return answer | ({"mobile": member.mobile} if self._quirks.user_get_mobile else {})

    def userid_of(self, agent_id: int, mobile: str) -> Answer:
        """By mobile number; too many wrong numbers ban the call for a day."""
        if self._banned_until > self._now():
            raise Refused(45009, "api freq out of limit", "getuserid_ban_share")
        member = next((m for m in self.members.values() if mobile and m.mobile == mobile), None)
        if member is None or not self.visible(member):
            self._count_wrong_number()
            raise Refused(46004, "user not exist")
        return {"userid": member.userid}

    def _count_wrong_number(self) -> None:
        now = self._now()
        self._wrong_numbers.append(now)
        while self._wrong_numbers[0] <= now - DAY:
            self._wrong_numbers.popleft()
        share = self._quirks.getuserid_ban_share
        if share and len(self._wrong_numbers) > share * len(self.members):
            self._banned_until = now + DAY

    def ids(self, agent_id: int, cursor: str, limit: int) -> Answer:
        if self._quirks.list_id_needs_contact_secret and agent_id != CONTACTS:
            raise Refused(48002, "api forbidden", "list_id_needs_contact_secret")
        if not 0 < limit <= 10_000:
            raise Refused(40058, "invalid Request Parameter: limit")
        if cursor and not cursor.isdecimal():
            raise Refused(40058, "invalid Request Parameter: cursor")
        start = int(cursor or 0)
        people = list(self.members.values())
        part = [
            {"userid": m.userid, "department": self.department_id(m)} for m in people[start : start + limit]
        ]
        more = start + limit < len(people)
        return {"next_cursor": str(start + limit) if more else "", "dept_user": part}

    def department_list(self, agent_id: int, under: str, *, simple: bool) -> Answer:
        if not simple and agent_id == CONTACTS and self._quirks.department_list_closed:
            raise Refused(48002, "api forbidden", "department_list_closed")
        top = self._known(under)
        rows = [{"id": ROOT, "parentid": 0, "order": 0, "name": "企业"}, *self._rows()]
        inside = {top}
        for row in rows:  # parents stand before their children
            inside |= {row["id"]} if row["parentid"] in inside else set()
        rows = [row for row in rows if row["id"] in inside and (row["id"] == ROOT or self._sees(row["name"]))]
        if simple:
            return {"department_id": [{k: row[k] for k in ("id", "parentid", "order")} for row in rows]}
        full = [row | {"name": row["name"].rpartition("/")[2], "department_leader": []} for row in rows]
        return {"department": full}

    def _rows(self) -> list[Answer]:
        return [
            {
                "id": ident,
                "parentid": self.departments.get(path.rpartition("/")[0], ROOT),
                "order": ident,
                "name": path,
            }
            for path, ident in self.departments.items()
        ]

    def simple_list(self, agent_id: int, department: str, *, whole: bool) -> Answer:
        ident = self._known(department)
        found = [
            m for m in (self.within(str(ident)) if whole else self.members.values())
            if (whole or self.department_id(m) == ident) and (agent_id == CONTACTS or self.visible(m))
        ]  # fmt: skip
        return {
            "userlist": [
                {"userid": m.userid, "name": m.name, "department": [self.department_id(m)]} for m in found
            ]
        }

    def _known(self, department: str) -> int:
        ident = int(department) if department.isdecimal() else ROOT
        if department and ident not in {ROOT, *self.departments.values()}:
            raise Refused(60003, "department not found")
        path = next((p for p, known in self.departments.items() if known == ident), "")
        if path and not self._sees(path):
            raise Refused(60011, "no privilege to access/modify contact/party/agent", "visible_departments")
        return ident

    def _sees(self, path: str) -> bool:
        names = self._quirks.visible_departments
        return not names or any(
            (path + "/").startswith(n + "/") or (n + "/").startswith(path + "/") for n in names
        )

    def _must_see(self, agent_id: int, member: Member) -> None:
        if agent_id != CONTACTS and not self.visible(member):
            raise Refused(60011, "no privilege to access/modify contact/party/agent", "visible_departments")

    def facts(self) -> list[Answer]:
        return [asdict(member) for member in self.members.values()]
