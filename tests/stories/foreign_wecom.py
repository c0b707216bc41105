"""A WeCom, a citizens' platform and telephones that share no code with the project: they know the contract alone."""

import base64
import hashlib
import json
import os
import re
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
import uvicorn
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from standardwebhooks import Webhook

CORP, AGENT, SECRET, TOKEN = "ww0123456789abcdef", 1000002, "app-secret", "callback-token"
AES_KEY = base64.b64encode(bytes(range(32))).decode().rstrip("=")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF the counter, mended"
ANSWER_SECONDS = 15


@dataclass
class FakeWeCom:
    """What a WeCom host answers, and what it was sent."""

    sent: list[dict] = field(default_factory=list)
    updates: list[dict] = field(default_factory=list)
    url: str = ""

    def texts(self, userid):
        return [m["text"]["content"] for m in self.sent if m["msgtype"] == "text" and m["touser"] == userid]

    def cards(self, title):
        """(receiver, card) of every card whose title begins so."""
        return [
            (m["touser"], m["template_card"])
            for m in self.sent
            if m["msgtype"] == "template_card" and m["template_card"]["main_title"]["title"].startswith(title)
        ]

    def answer(self, path, query, body):
        if path == "/cgi-bin/gettoken":
            if query != {"corpid": [CORP], "corpsecret": [SECRET]}:
                return {"errcode": 40001, "errmsg": "invalid credential"}
            return {"errcode": 0, "errmsg": "ok", "access_token": "the-token", "expires_in": 7200}
        if query.get("access_token") != ["the-token"]:
            return {"errcode": 40014, "errmsg": "invalid access_token"}
        if path == "/cgi-bin/message/send":
            self.sent.append(json.loads(body))
            ident = f"msg-{len(self.sent)}"
            return {"errcode": 0, "errmsg": "ok", "msgid": ident, "response_code": f"code-{ident}"}
        if path == "/cgi-bin/message/update_template_card":
            self.updates.append(json.loads(body))
            return {"errcode": 0, "errmsg": "ok"}
        if path == "/cgi-bin/media/upload":
            return {"errcode": 0, "errmsg": "ok", "type": "image", "media_id": "up-1", "created_at": "1"}
        if path == "/cgi-bin/media/get" and query.get("media_id") == ["photo-1"]:
            return JPEG
        return {"errcode": 40007, "errmsg": "invalid media_id"}

    def serve(self):
        """Start on a free port; the returned function stops it."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._reply(b"")

            def do_POST(self):
                self._reply(self.rfile.read(int(self.headers["Content-Length"])))

            def _reply(self, body):
                asked = urlsplit(self.path)
                told = fake.answer(asked.path, parse_qs(asked.query), body)
                data = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(200)
                if told is data:
                    self.send_header("Content-Type", "image/jpeg")
                    self.send_header("Content-Disposition", 'attachment; filename="counter.jpg"')
                else:
                    self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"

        def stop():
            server.shutdown()
            server.server_close()
            thread.join()

        return stop


class Web:
    """The real application behind a real port."""

    def __init__(self, app):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self):
        self._thread.start()
        limit = time.monotonic() + ANSWER_SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), "the web did not start"
            assert time.monotonic() < limit, "the web did not start in time"
            self._thread.join(0.01)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def post_reviews(url, secret, records):
    """One signed call of the citizens' platform; its answer."""
    body = json.dumps(records, ensure_ascii=False)
    ident, now = f"msg_{secrets.token_hex(8)}", datetime.now(UTC)
    headers = {
        "webhook-id": ident,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(ident, now, body),
        "content-type": "application/json",
    }
    return requests.post(
        f"{url}/webhooks/reviews/standard", data=body.encode(), headers=headers, timeout=ANSWER_SECONDS
    )


@dataclass
class Phones:
    """Members of staff as WeCom speaks for them: encrypted, signed callbacks."""

    url: str

    def text(self, userid, words, msg_id=None):
        return self._push(userid, "text", f"<Content><![CDATA[{words}]]></Content>", msg_id)

    def photo(self, userid, media_id="photo-1"):
        return self._push(userid, "image", f"<PicUrl>http://x/</PicUrl><MediaId>{media_id}</MediaId>")

    def press(self, userid, card, text):
        """Press the button of a card that carries this text."""
        (button,) = [one for one in card["button_list"] if one["text"] == text]
        inner = (
            f"<Event>template_card_event</Event><EventKey><![CDATA[{button['key']}]]></EventKey>"
            f"<TaskId>{card['task_id']}</TaskId><CardType>button_interaction</CardType>"
            f"<ResponseCode>once-{secrets.token_hex(4)}</ResponseCode>"
        )
        return self._push(userid, "event", inner)

    def _push(self, userid, kind, inner, msg_id=None):
        number = msg_id or secrets.randbits(60)
        ident = "" if kind == "event" else f"<MsgId>{number}</MsgId>"
        plain = (
            f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{userid}]]></FromUserName>"
            f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>"
            f"{inner}{ident}<AgentID>{AGENT}</AgentID></xml>"
        )
        sealed, stamp, nonce = seal(plain), str(int(time.time())), secrets.token_hex(5)
        body = (
            f"<xml><ToUserName>{CORP}</ToUserName><Encrypt>{sealed}</Encrypt><AgentID>{AGENT}</AgentID></xml>"
        )
        asked = {"msg_signature": signature(stamp, nonce, sealed), "timestamp": stamp, "nonce": nonce}
        return requests.post(
            f"{self.url}/wecom/callback", params=asked, data=body.encode(), timeout=ANSWER_SECONDS
        )


def signature(stamp, nonce, sealed):
    return hashlib.sha1("".join(sorted([TOKEN, stamp, nonce, sealed])).encode()).hexdigest()


def seal(plain):
    """16 random bytes, the length, the text, the corp id, padded to 32; AES-256-CBC; Base64."""
    text = plain.encode()
    content = os.urandom(16) + struct.pack(">I", len(text)) + text + CORP.encode()
    pad = 32 - len(content) % 32
    cipher = _cipher().encryptor()
    return base64.b64encode(cipher.update(content + bytes([pad]) * pad) + cipher.finalize()).decode()


def unseal(reply):
    """The text inside an encrypted passive reply."""
    sealed = re.search(r"<Encrypt><!\[CDATA\[(.+?)\]\]></Encrypt>", reply)[1]
    cipher = _cipher().decryptor()
    content = cipher.update(base64.b64decode(sealed)) + cipher.finalize()
    content = content[: -content[-1]]
    (size,) = struct.unpack(">I", content[16:20])
    assert content[20 + size :].decode() == CORP
    return content[20 : 20 + size].decode()


def _cipher():
    key = base64.b64decode(AES_KEY + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def working_days_later(moment, days):
    """Only for tests of weeks without holidays."""
    while days:
        moment += timedelta(days=1)
        days -= moment.weekday() < 5
    return moment
