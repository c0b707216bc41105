"""A body of ours as WeCom bytes: repeated to the letter, and never the same card for two people."""

import json
from pathlib import Path
from typing import Any

from reviewbot.rules.notices import Facts, new_case
from reviewbot.wecom.channel import WeComChannel
from reviewbot.wecom.client import Sent

FACTS = Facts("A1027", 1, "失业保险金申领", "社保局", "待签收", None, "/cases/A1027")


class RecordingClient:
    """Keeps the bytes it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.agent_id = 1000002

    def send(self, payload: bytes) -> Sent:
        self.sent.append(payload)
        return Sent("M", None, frozenset())


def channel(*, cards: bool = True) -> tuple[WeComChannel, RecordingClient]:
    client: Any = RecordingClient()
    return WeComChannel(client, address="http://bot", folder=Path("nowhere"), cards=cards), client


def test_w12_the_same_case_sent_to_two_people_makes_two_cards_with_task_ids_of_their_own():
    carrier, client = channel()

    carrier.deliver("chenwei", new_case(FACTS), 41)
    carrier.deliver("linna", new_case(FACTS), 42)

    ids = {json.loads(payload)["template_card"]["task_id"] for payload in client.sent}
    assert len(ids) == 2


def test_w9_the_same_message_tried_again_is_the_same_to_the_byte():
    carrier, client = channel()

    carrier.deliver("chenwei", new_case(FACTS), 41)
    carrier.deliver("chenwei", new_case(FACTS), 41)

    assert client.sent[0] == client.sent[1]


def test_w28_without_cards_the_text_says_what_the_button_would_have_done():
    carrier, client = channel(cards=False)

    carrier.deliver("chenwei", new_case(FACTS), 41)

    told = json.loads(client.sent[0])
    assert told["msgtype"] == "text"
    assert "签收 A1027" in told["text"]["content"]
