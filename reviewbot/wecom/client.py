"""What the system asks of WeCom, call by call: messages, cards, media, sign-in."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import redis

from reviewbot.errors import NotAllowed
from reviewbot.wecom import media
from reviewbot.wecom.connection import not_wecom
from reviewbot.wecom.directory import DirectoryCalls
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.media import Media
from reviewbot.wecom.transport import Call

DOWNLOAD_SECONDS = 28.0
RANGE_BYTES = 8 * 1024 * 1024
CODE_SECONDS = 72 * 3600
NEEDS_RANGE = 830002
SMALL_ANSWER = 64 * 1024  # an error in JSON must fit, however small the file may be


@dataclass(frozen=True, slots=True)
class Sent:
    """Accepted by WeCom; ``undelivered`` are the lower-case userids it will not reach."""

    msgid: str
    response_code: str | None
    undelivered: frozenset[str]


class WeComClient(DirectoryCalls):
    """One application of one corp; every method raises WeComError and nothing else of the channel's."""

    def send(self, payload: bytes) -> Sent:
        """Send the bytes of ``messages.encode``. On kind retry the caller repeats the very same bytes."""
        answer = self._request("post", "message/send", data=payload)
        return Sent(
            msgid=str(answer.get("msgid") or ""),
            response_code=str(answer["response_code"]) if answer.get("response_code") else None,
            undelivered=_userids(answer.get("invaliduser")) | _userids(answer.get("unlicenseduser")),
        )

    def update_card(
        self, userids: Sequence[str], response_code: str, change: str | Mapping[str, object]
    ) -> None:
        """Grey the buttons with the words of ``change``, or put a whole card (``messages.card_json``) there.

        A response_code works once and for 72 hours. It is marked as used before the call, for all processes: a
        call that may have arrived is not repeated, a new card takes its place (W22).
        """
        if not 1 <= len(userids) <= 1000:
            raise WeComError("更新卡片的人数必须在 1 到 1000 之间", kind=Kind.content)
        body: dict[str, object] = {
            "userids": list(userids),
            "agentid": self.agent_id,
            "response_code": response_code,
        }
        body |= (
            {"button": {"replace_name": change}}
            if isinstance(change, str)
            else {"template_card": dict(change)}
        )
        used = self.health.prefix + "code:" + hashlib.sha256(response_code.encode()).hexdigest()
        self._spend(used)
        try:
            self._request("post", "message/update_template_card", data=body)
        except WeComError as error:
            if not error.tried:
                self._redis.delete(used)
            raise

    def _spend(self, used: str) -> None:
        try:
            if self._redis.set(used, "1", nx=True, ex=CODE_SECONDS):
                return
            refused = WeComError("卡片的更新凭据已用过，改发新卡片", kind=Kind.content)
        except redis.RedisError:
            refused = WeComError(
                "缓存服务暂时不可用，不能更新卡片", kind=Kind.parked, retry_after=5, away=True
            )
        raise refused

    def recall(self, msgid: str) -> None:
        """Take a message back from every phone; WeCom allows it within 24 hours of the sending."""
        if not msgid:
            raise WeComError("没有消息编号，不能撤回", kind=Kind.content)
        self._request("post", "message/recall", data={"msgid": msgid})

    def create_menu(self, words: Sequence[str]) -> None:
        """One to three buttons below the chat; each says its own words when it is pressed (``click``, wecom §2.6)."""
        if not 1 <= len(words) <= 3:
            raise WeComError("菜单须有 1 到 3 个按钮", kind=Kind.content)
        buttons = [{"type": "click", "name": word, "key": word} for word in words]
        params = {"agentid": self.agent_id}
        self._request("post", "menu/create", params=params, data={"button": buttons})

    def upload_media(self, kind: str, filename: str, data: bytes) -> str:
        """The media_id of a file for messages; ``kind``: image, voice, video or file (W14).

        The same file uploaded within 60 hours is not uploaded again: WeCom keeps it for three days.
        """
        media.check_upload(kind, data)
        key = media.cache_key(self.API_BASE_URL, self.corp_id, kind, filename, data)
        if known := media.cached_id(self._redis, key):
            return known
        answer = self._upload("media/upload", kind, filename, data)
        media_id = answer.get("media_id")
        if not isinstance(media_id, str) or not media_id:
            raise not_wecom()
        media.cache_id(self._redis, key, media_id)
        return media_id

    def forget_media(self, kind: str, filename: str, data: bytes) -> None:
        """WeCom says that the media_id is dead before its time (40007): the next upload is a real one."""
        media.forget_id(self._redis, media.cache_key(self.API_BASE_URL, self.corp_id, kind, filename, data))

    def download_media(self, media_id: str, max_bytes: int) -> Media:
        """The file behind a media_id; in pieces if WeCom finds it too large for one answer."""
        deadline = time.monotonic() + DOWNLOAD_SECONDS
        call = Call("get", self._url("media/get"), {"media_id": media_id}, api="media/get")
        try:
            answer = self._authorized(call, deadline, limit=max(max_bytes, SMALL_ANSWER))
        except WeComError as exc:
            if exc.errcode != NEEDS_RANGE:
                raise
        else:
            return media.read_media(answer, answer.body, max_bytes)
        return self._download_pieces(call, max_bytes, deadline)

    def oauth_userid(self, code: str) -> str:
        """Who has just signed in; a code is good for one exchange."""
        answer = self._request("get", self._access.auth_path, params={"code": code})
        userid = answer.get("userid") or answer.get("UserId")
        if not isinstance(userid, str) or not userid:
            raise NotAllowed("您不是本单位的企业微信成员，不能登录")
        return userid

    def _download_pieces(self, call: Call, max_bytes: int, deadline: float) -> Media:
        data = bytearray()
        while True:
            last = min(len(data) + RANGE_BYTES, max_bytes + 1) - 1
            piece = replace(call, headers={"Range": f"bytes={len(data)}-{last}"})
            answer = self._authorized(piece, deadline, limit=max(RANGE_BYTES, SMALL_ANSWER, max_bytes))
            data += answer.body
            total = media.total_bytes(answer)
            if answer.status == 200 or len(data) == total or max(len(data), total or 0) > max_bytes:
                return media.read_media(answer, bytes(data), max_bytes)
            if not answer.body or total is None:
                raise not_wecom()


def _userids(value: object) -> frozenset[str]:
    """``a|B`` or, from some calls, a list."""
    names = value.split("|") if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(str(name).strip().lower() for name in names if str(name).strip())
