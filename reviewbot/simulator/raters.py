"""Citizens of the demonstration: they read the text that their case is closed, open the link and tap an answer."""

import re
from collections import Counter
from itertools import cycle

import requests

from reviewbot.rules.raters import Answer
from reviewbot.simulator.director import Stage
from reviewbot.simulator.pages import PlayFailed

ANSWERS = ("satisfied", "basically", "", "satisfied", "dissatisfied", "", "nobody_called", "satisfied")
"""By turns; the empty ones never answer, as most people do not."""
_CLOSED = re.compile(r"编号 (\w+)）已办结.*?(https?://\S+)")


def answer_texts(stage: Stage) -> Counter[str]:
    """Everybody whose newest case was closed does what his turn is, in order of case numbers."""
    texts = requests.get(f"{stage.phones}/sim/citizens", timeout=30).json()["texts"]
    closed = sorted(found.groups() for text in texts if (found := _CLOSED.search(text["text"])))
    said: Counter[str] = Counter()
    for (number, link), answer in zip(closed, cycle(ANSWERS), strict=False):
        if answer:
            _tap(number, link, answer)
        said[Answer(answer).label if answer else "没有回答"] += 1
    stage.settle()
    return said


def _tap(number: str, link: str, answer: str) -> None:
    page = requests.get(link, timeout=30)
    if not page.ok or f'value="{answer}"' not in page.text:
        raise PlayFailed(f"评价人打不开工单 {number} 的链接，或页面上没有要点的回答")
    if not requests.post(link, data={"answer": answer}, timeout=30).ok:
        raise PlayFailed(f"工单 {number} 的评价人没有答成")
