"""Sign-in codes: once, five minutes; outsiders have an openid only (Q19)."""

import secrets
from collections.abc import Callable

from reviewbot.simulator.config import Answer, Refused
from reviewbot.simulator.people import Directory
from reviewbot.simulator.quirks import Quirks

TICKET_SECONDS = 1800


class SignIns:
    def __init__(self, quirks: Quirks, now: Callable[[], float], people: Directory) -> None:
        self._quirks = quirks
        self._now = now
        self._people = people
        self._codes: dict[str, tuple[str, float, bool]] = {}

    def new_code(self, userid: str, *, private: bool = False) -> str:
        code = secrets.token_hex(32)
        self._codes[code] = (userid, self._now() + self._quirks.sign_in_minutes * 60, private)
        return code

    def user_of(self, code: str, *, old_path: bool = False) -> Answer:
        userid, expires_at, private = self._codes.get(code, ("", 0.0, False))
        if self._quirks.sign_in_once:
            self._codes.pop(code, None)
        if expires_at <= self._now():
            raise Refused(40029, "invalid code")
        member = self._people.find(userid)
        if member is None:
            openid = "OpenId" if old_path else "openid"
            return {openid: f"oOUT{userid}", "external_userid": f"wmOUT{userid}"}
        answer: Answer = {("UserId" if old_path else "userid"): member.userid}
        if private:
            answer |= {"user_ticket": secrets.token_hex(32), "expires_in": TICKET_SECONDS}
        return answer
