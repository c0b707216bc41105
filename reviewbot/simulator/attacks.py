"""Forged, broken and replayed callbacks that can be fired at an application, and a verdict on its answer (Q17)."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from reviewbot.simulator.config import CONTACTS
from reviewbot.simulator.crypto import BLOCK, CallbackCrypto
from reviewbot.simulator.events import Event, cdata, to_xml
from reviewbot.simulator.pushing import Exchange, Pusher
from reviewbot.simulator.sealing import Letter, Sealer

STALE = "1688888888"
HUGE, DEEP = 20 << 20, 200_000
ATTACK_SECONDS, DETAIL_BYTES, TRIES = 20.0, 200, 1000
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>'
SECRETS = ("Traceback", "root:", "攻击")


@dataclass(frozen=True)
class Workshop:
    """What an attacker may have: the sealer stands for a leaked key, ``last`` for a letter caught on its way."""

    sealer: Sealer
    agent_id: str
    told: Event
    last: Letter | None

    @property
    def text(self) -> str:
        return to_xml(self.told)

    def letter(self, encrypted: str, **query: str) -> Letter:
        genuine = self.sealer.query(encrypted)
        return Letter(genuine | query, self.sealer.envelope(self.agent_id, encrypted))

    def raw(self, sealed: bytes) -> Letter:
        """Rightly signed, whatever is inside: bytes in whole blocks."""
        return self.letter(self.sealer.crypto.encrypt_raw(sealed))

    def opened(self) -> bytes:
        """16 random bytes, length, text and receiver, without padding."""
        encrypted = self.sealer.crypto.encrypt(self.text)
        return self.sealer.crypto.decrypt_raw(encrypted)

    def body(self, body: bytes) -> Letter:
        """A body of any kind behind a genuine-looking query."""
        return Letter(self.sealer.query(self.sealer.crypto.encrypt(self.text)), body)


@dataclass(frozen=True)
class Attack:
    """``refused``: only 4xx will do; else 200 is right too, as long as nothing comes of it."""

    name: str
    title: str
    make: Callable[[Workshop], Letter]
    method: str = "POST"
    refused: bool = True


def _genuine(shop: Workshop) -> Letter:
    return shop.letter(shop.sealer.crypto.encrypt(shop.text))


def _wrong_signature(shop: Workshop) -> Letter:
    return shop.letter(shop.sealer.crypto.encrypt(shop.text), msg_signature="0" * 40)


def _altered(name: str, value: str) -> Callable[[Workshop], Letter]:
    """A genuine letter with another time or nonce in its address, under the old signature."""

    def make(shop: Workshop) -> Letter:
        letter = _genuine(shop)
        return Letter(letter.query | {name: value}, letter.body)

    return make


def _upper_case(shop: Workshop) -> Letter:
    letter = _genuine(shop)
    return Letter(letter.query | {"msg_signature": letter.query["msg_signature"].upper()}, letter.body)


def _moved_digits(shop: Workshop) -> Letter:
    """Timestamp and nonce are hashed without a separator: digits can be moved and the signature still fits.

    The parts are sorted first, so that it takes a nonce that stays right behind the timestamp.
    """
    crypto = shop.sealer.crypto
    for _ in range(TRIES):
        encrypted = crypto.encrypt(shop.text)
        query = shop.sealer.query(encrypted)
        moved = query | {"timestamp": query["timestamp"] + query["nonce"][0], "nonce": query["nonce"][1:]}
        if crypto.signature(moved["timestamp"], moved["nonce"], encrypted) == query["msg_signature"]:
            break
    return shop.letter(encrypted, **moved)


def _other_receiver(shop: Workshop) -> Letter:
    callback = shop.sealer.callback
    other = CallbackCrypto(callback.token, callback.aes_key, "wwother000000001")
    return shop.letter(other.encrypt(shop.text))


def _other_agent(shop: Workshop) -> Letter:
    told = shop.told | {"AgentID": 999_999}
    encrypted = shop.sealer.crypto.encrypt(to_xml(told))
    return Letter(shop.sealer.query(encrypted), shop.sealer.envelope("999999", encrypted))


def _other_token(shop: Workshop) -> Letter:
    callback = shop.sealer.callback
    encrypted = shop.sealer.crypto.encrypt(shop.text)
    query = shop.sealer.query(encrypted)
    forged = CallbackCrypto("guessed", callback.aes_key, "x").signature(
        query["timestamp"], query["nonce"], encrypted
    )
    return shop.letter(encrypted, **query | {"msg_signature": forged})


def _dated(moment: str) -> Callable[[Workshop], Letter]:
    def make(shop: Workshop) -> Letter:
        encrypted = shop.sealer.crypto.encrypt(shop.text)
        return shop.letter(encrypted, **shop.sealer.query(encrypted, timestamp=moment))

    return make


def _replay(shop: Workshop) -> Letter:
    return shop.last or _genuine(shop)


def _with_doctype(head: str, inside: str) -> Callable[[Workshop], Letter]:
    def make(shop: Workshop) -> Letter:
        return shop.body(f"{head}<xml><Encrypt>{inside}</Encrypt></xml>".encode())

    return make


def _inner_bomb(shop: Workshop) -> Letter:
    return shop.letter(shop.sealer.crypto.encrypt(BOMB + "<xml><MsgType>&c;</MsgType></xml>"))


def _garbage_padding(shop: Workshop) -> Letter:
    """The last byte tells the right length; the bytes before it are not the ones they should be."""
    sealed = shop.opened()
    if len(sealed) % BLOCK == BLOCK - 1:  # one byte of padding leaves no room for garbage
        told = shop.told | {"Content": str(shop.told.get("Content", "")) + "x"}
        sealed = shop.sealer.crypto.decrypt_raw(shop.sealer.crypto.encrypt(to_xml(told)))
    padding = BLOCK - len(sealed) % BLOCK
    return shop.raw(sealed + b"\xaa" * (padding - 1) + bytes([padding]))


def _ending(last: int) -> Callable[[Workshop], Letter]:
    """A last byte that is no length of a padding."""

    def make(shop: Workshop) -> Letter:
        sealed = shop.opened()
        return shop.raw(sealed + bytes([last]) * (BLOCK - len(sealed) % BLOCK))

    return make


def _aes_padding(shop: Workshop) -> Letter:
    sealed = shop.opened()
    room = 16 - len(sealed) % 16
    if (len(sealed) + room) % BLOCK == 0:  # then it would be right for 32 too
        told = shop.told | {"Content": str(shop.told.get("Content", "")) + "x" * 16}
        sealed = shop.sealer.crypto.decrypt_raw(shop.sealer.crypto.encrypt(to_xml(told)))
        room = 16 - len(sealed) % 16
    return shop.raw(sealed + bytes([room]) * room)


def _lying_length(shop: Workshop) -> Letter:
    sealed = shop.opened()
    sealed = sealed[:16] + (0x7FFFFFFF).to_bytes(4, "big") + sealed[20:]
    padding = BLOCK - len(sealed) % BLOCK
    return shop.raw(sealed + bytes([padding]) * padding)


def _flipped(shop: Workshop) -> Letter:
    raw = bytearray(base64.b64decode(shop.sealer.crypto.encrypt(shop.text)))
    raw[40] ^= 0xFF
    return shop.letter(base64.b64encode(raw).decode())


def _bad_utf8(shop: Workshop) -> Letter:
    body, receiver = b"<xml>\xff\xfe\xc3</xml>", shop.opened()[20 + len(shop.text.encode()) :]
    sealed = bytes(16) + len(body).to_bytes(4, "big") + body + receiver
    padding = BLOCK - len(sealed) % BLOCK
    return shop.raw(sealed + bytes([padding]) * padding)


def _two_encrypts(shop: Workshop) -> Letter:
    encrypted = shop.sealer.crypto.encrypt(shop.text)
    part = f"<Encrypt>{cdata(encrypted)}</Encrypt>"
    return Letter(shop.sealer.query(encrypted), f"<xml>{part}{part}</xml>".encode())


def _bad_echo(shop: Workshop) -> Letter:
    _, letter = shop.sealer.echo()
    return Letter(letter.query | {"msg_signature": "0" * 40}, b"")


def _encrypt_of(text: str) -> Callable[[Workshop], Letter]:
    return lambda shop: shop.letter(text)


ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        Attack("wrong_signature", "签名错误", _wrong_signature),
        Attack("no_signature", "没有签名", lambda s: Letter({}, _genuine(s).body)),
        Attack("altered_time", "时间戳改过，签名照旧", _altered("timestamp", STALE)),
        Attack("altered_nonce", "随机数改过，签名照旧", _altered("nonce", "1")),
        Attack("upper_case_signature", "签名改成大写", _upper_case),
        Attack("other_token", "用猜的 Token 签名", _other_token),
        Attack("moved_digits", "随机数的数字移到时间戳", _moved_digits),
        Attack("wrong_receiver", "别的企业的 receiveid", _other_receiver),
        Attack("wrong_agent", "别的应用的 AgentID", _other_agent),
        Attack("stale", "2023 年的时间戳，签名正确", _dated(STALE), refused=False),
        Attack("future", "2040 年的时间戳，签名正确", _dated("2208988800"), refused=False),
        Attack("replay", "重放上一个真实请求", _replay, refused=False),
        Attack("doctype", "外层 DOCTYPE（十亿笑）", _with_doctype(BOMB, "&c;")),
        Attack(
            "external_entity",
            "外层外部实体 file://",
            _with_doctype('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "&e;"),
        ),
        Attack("inner_doctype", "密文里面的 DOCTYPE", _inner_bomb),
        Attack(
            "huge", "20 MB 的请求体", lambda s: s.body(b"<xml><Encrypt>" + b"A" * HUGE + b"</Encrypt></xml>")
        ),
        Attack(
            "deep", "20 万层嵌套", lambda s: s.body(b"<xml>" + b"<a>" * DEEP + b"</a>" * DEEP + b"</xml>")
        ),
        Attack("broken_base64", "密文不是 base64", _encrypt_of("not*base64!")),
        Attack("empty_encrypt", "密文为空", _encrypt_of("")),
        Attack("short_encrypt", "密文只有 16 字节", _encrypt_of("A" * 21 + "g==")),
        Attack("garbage_padding", "填充字节不一致", _garbage_padding),
        Attack("zero_padding", "填充长度 0", _ending(0)),
        Attack("large_padding", "填充长度 200", _ending(200)),
        Attack("aes_padding", "按 16 字节填充", _aes_padding),
        Attack("lying_length", "长度字段过大", _lying_length),
        Attack("flipped_block", "密文中间改了一个字节", _flipped),
        Attack("bad_utf8", "明文不是 UTF-8", _bad_utf8),
        Attack("two_encrypts", "两个 Encrypt", _two_encrypts),
        Attack("no_encrypt", "没有 Encrypt", lambda s: s.body(b"<xml><ToUserName>x</ToUserName></xml>")),
        Attack("broken_xml", "XML 不完整", lambda s: s.body(b"<xml><Encrypt>")),
        Attack("not_text", "请求体不是文字", lambda s: s.body(b"\xff\0<")),
        Attack("empty_body", "空请求体", lambda s: s.body(b"")),
        Attack("wrong_echo_signature", "网址验证：签名错误", _bad_echo, "GET"),
        Attack("bare_get", "网址验证：没有参数", lambda s: Letter({}, b""), "GET"),
    )
}


@dataclass(frozen=True)
class Verdict:
    """What an attack led to; ``good`` is what the rules W15 and W16 ask for."""

    attack: str
    title: str
    good: bool
    status: int | None
    seconds: float
    answer: str
    remark: str


async def fire(pusher: Pusher, name: str, agent_id: int, told: Event) -> Verdict:
    """Fire one attack at the application's address. Raises KeyError for an unknown name, ValueError without address."""
    attack = ATTACKS[name]
    if pusher.app is None:
        raise ValueError("没有配置回调地址")
    number = "" if agent_id == CONTACTS else str(agent_id)
    letter = attack.make(Workshop(pusher.app, number, told, pusher.last))
    url = letter.address(pusher.app.callback.url) if letter.query else pusher.app.callback.url
    done = await pusher.call(attack.method, url, letter.body, ATTACK_SECONDS)
    answer = done.body[:DETAIL_BYTES].decode(errors="replace")
    good, remark = judge(attack, done)
    return Verdict(name, attack.title, good, done.status, round(done.seconds, 3), answer, remark)


def judge(attack: Attack, done: Exchange) -> tuple[bool, str]:
    status = done.status
    if status is None:
        # An honest server may slam the door in the middle of 20 MB.
        return attack.name == "huge", f"没有应答：{done.verdict}"
    if status >= 500:
        return False, "服务器出错，任何攻击都不应得到 5xx"
    leaks = any(secret in done.body.decode(errors="replace") for secret in SECRETS)
    if leaks or (status != 200 and len(done.body) > DETAIL_BYTES):
        return False, "应答泄露了细节"
    if 400 <= status < 500:
        return True, "拒绝"
    if attack.refused:
        return False, "被接受了"
    return True, "应答 200：只要没有产生效果就是对的"
