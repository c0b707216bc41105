"""The menu of an application, as programs set it (Q10)."""

from collections.abc import Mapping
from typing import Any

from reviewbot.simulator.config import Answer, Refused

KINDS = (
    "click", "view", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin",
    "location_select", "view_miniprogram",
)  # fmt: skip
TOP, BELOW, KEY_BYTES, URL_BYTES = 3, 5, 128, 1024
Button = dict[str, Any]


class Menus:
    def __init__(self) -> None:
        self._menus: dict[int, list[Button]] = {}

    def create(self, agent_id: int, body: Mapping[str, Any]) -> Answer:
        buttons = body.get("button")
        if not isinstance(buttons, list) or not 0 < len(buttons) <= TOP:
            raise Refused(40016, "invalid button size")
        for button in buttons:
            below = button.get("sub_button") or []
            if len(below) > BELOW:
                raise Refused(40023, "invalid sub button size")
            for one in below or [button]:
                _check(one)
        self._menus[agent_id] = buttons
        return {}

    def get(self, agent_id: int) -> Answer:
        if agent_id not in self._menus:
            raise Refused(46003, "menu no exist")
        return {"button": self._menus[agent_id]}

    def delete(self, agent_id: int) -> Answer:
        self._menus.pop(agent_id, None)
        return {}

    def buttons(self, agent_id: int) -> list[Button]:
        return self._menus.get(agent_id, [])

    def find(self, agent_id: int, path: list[int]) -> Button | None:
        """The button a finger is on: its place on the bar, then its place above that."""
        level = self.buttons(agent_id)
        found: Button | None = None
        for place in path:
            if not 0 <= place < len(level):
                return None
            found = level[place]
            level = found.get("sub_button") or []
        return None if level else found


def _check(button: Mapping[str, Any]) -> None:
    kind, name = button.get("type"), str(button.get("name") or "")
    if kind not in KINDS:
        raise Refused(40017, "invalid button type")
    if not 0 < len(name.encode()) <= 40:
        raise Refused(40018, "invalid button name size")
    key, url = str(button.get("key") or ""), str(button.get("url") or "")
    if kind == "view":
        if not 0 < len(url.encode()) <= URL_BYTES:
            raise Refused(40020, "invalid button url size")
    elif kind != "view_miniprogram" and not 0 < len(key.encode()) <= KEY_BYTES:
        raise Refused(40019, "invalid button key size")
