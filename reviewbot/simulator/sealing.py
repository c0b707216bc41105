"""A callback on its way: the plain text sealed, put into an envelope and signed, in every lawful form (Q12)."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from reviewbot.simulator.config import Callback, SimulatorConfig
from reviewbot.simulator.crypto import BLOCK, CallbackCrypto
from reviewbot.simulator.events import Event, cdata, to_json, to_xml


@dataclass(frozen=True)
class Letter:
    """What goes over the wire: the query of the address, and the body."""

    query: dict[str, str]
    body: bytes

    def address(self, url: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}{urlencode(self.query)}"


class Sealer:
    """Seals for one callback address."""

    def __init__(
        self, config: SimulatorConfig, callback: Callback, now: Callable[[], float], dice: random.Random
    ) -> None:
        self.callback = callback
        self.crypto = CallbackCrypto(callback.token, callback.aes_key, config.corp_id)
        self._config = config
        self._now = now
        self._dice = dice
        self._turn = 0

    def plaintext(self, told: Event) -> str:
        """With blanks at its end where every padding shall occur in turn."""
        text = (to_json if self._config.quirks.callback_format == "json" else to_xml)(told)
        if not self._config.quirks.callback_paddings:
            return text
        wanted = self._turn % BLOCK + 1
        self._turn += 1
        sealed = 20 + len(text.encode()) + len(self._config.corp_id)
        return text + " " * (-(sealed + wanted) % BLOCK)

    def seal(self, agent_id: int | str, plaintext: str) -> Letter:
        encrypted = self.crypto.encrypt(plaintext)
        return Letter(self.query(encrypted), self.envelope(str(agent_id), encrypted))

    def envelope(self, agent_id: str, encrypted: str) -> bytes:
        corp, quirks = self._config.corp_id, self._config.quirks
        if quirks.callback_format == "json":
            outer = {"tousername": corp, "encrypt": encrypted, "agentid": agent_id}
            return json.dumps(outer, indent=2 if quirks.callback_spaces else None).encode()
        parts = {"ToUserName": corp, "AgentID": agent_id, "Encrypt": encrypted}
        if quirks.callback_cdata:
            parts = {name: cdata(value) for name, value in parts.items()}
        elif quirks.callback_spaces:
            parts = {name: f"\n    {value}\n  " for name, value in parts.items()}
        gap = "\n  " if quirks.callback_spaces else ""
        inner = "".join(f"{gap}<{name}>{value}</{name}>" for name, value in parts.items())
        return f"<xml>{inner}{gap.rstrip(' ')}</xml>".encode()

    def query(self, encrypted: str, *, timestamp: str = "", nonce: str = "") -> dict[str, str]:
        timestamp = timestamp or str(int(self._now()))
        nonce = nonce or str(self._dice.randrange(10**9, 10**10))
        signature = self.crypto.signature(timestamp, nonce, encrypted)
        return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    def echo(self) -> tuple[str, Letter]:
        """The text of a URL check and its letter; by the switch, + and / occur in it."""
        while True:
            text = str(self._dice.getrandbits(62))
            encrypted = self.crypto.encrypt(text)
            if not self._config.quirks.echo_awkward or {"+", "/"} <= set(encrypted):
                return text, Letter({**self.query(encrypted), "echostr": encrypted}, b"")
