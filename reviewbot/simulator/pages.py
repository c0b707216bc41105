"""Somebody at the web pages: signs in through the simulated WeCom, opens a page, sends its form."""

import re
from typing import Any, NoReturn

import requests

_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_WRONG = re.compile(r'<p class="banner bad" role="alert">([^<]*)')


class PlayFailed(Exception):
    """The system did not do in time what the script waited for."""


class AtPages:
    """A browser of one person, signed in."""

    def __init__(self, web: str, userid: str) -> None:
        self._web, self._userid, self._browser = web, userid, requests.Session()
        there = self._follow(f"{web}/login").partition("#")[0]
        self._follow(self._follow(f"{there}&as={userid}"))  # whom the simulated WeCom takes the visitor for

    def send(self, page: str, target: str, **fields: Any) -> str:
        """Fill in a form of a page as it stands there; the page it leads to. PlayFailed with what the answer says
        where it is refused."""
        answer = self._post(page, target, fields)
        if answer.status_code != requests.codes.see_other:
            self._fail(page, answer)
        return answer.headers["location"]

    def look_up_number(self, case: str) -> None:
        """Let the call-back sheet of a case show the rater's number; PlayFailed where it does not."""
        page = f"/h5/cases/{case}/call"
        answer = self._post(page, page, {"reveal": "call_back"})
        if 'href="tel:' not in answer.text:
            self._fail(page, answer)

    def _post(self, page: str, target: str, fields: dict[str, Any]) -> requests.Response:
        token = _TOKEN.search(self._browser.get(self._web + page, timeout=30).text)
        if token is None:
            raise PlayFailed(f"{self._userid} 在 {page} 上没有可以办理的")
        return self._browser.post(
            self._web + target, data={"csrf": token[1]} | fields, allow_redirects=False, timeout=30
        )

    def _fail(self, page: str, answer: requests.Response) -> NoReturn:
        said = _WRONG.search(answer.text)
        raise PlayFailed(f"{self._userid} 在 {page} 上没有办成：{said[1] if said else answer.status_code}")

    def _follow(self, address: str) -> str:
        answer = self._browser.get(address, allow_redirects=False, timeout=30)
        if "location" not in answer.headers:
            raise PlayFailed(f"{self._userid} 没有登录成功：{answer.status_code}")
        return answer.headers["location"]
