"""What staff ask, read by a fixed grammar: any order, spaces or none, full-width or half; no word is passed over.

The text is cut into known words so that as few characters as possible stay unknown, then into as few words as
possible. A text with an unknown word is asked back, never answered; a complete command always goes first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from reviewbot.conversation.commands import parse
from reviewbot.conversation.families import read_family
from reviewbot.conversation.periods import BEGINNINGS, LONGEST, Period, parse_period
from reviewbot.conversation.vocabulary import Kind, Meaning, Rank, Rate, Unit, Vocabulary
from reviewbot.conversation.words import MENTION, NOT_UNDERSTOOD, Command, Question, fold
from reviewbot.rules.kinds import BOTH, Family
from reviewbot.rules.listings import LISTINGS
from reviewbot.rules.rates import METRICS

MAX_LENGTH = 120
"""A longer text is no question."""
EXAMPLES = "「整改率 本月」「10月 各单位 按期整改率」「社保局 超期」「今日」"
_SEPARATOR = re.compile(r"[\s,;、。:.!?()\[\]【】「」“”\"']")
_COURSE = frozenset({"情况", "怎么样", "如何"})
"""Said of cases alone they ask for the course of things: 12345 本月情况."""
_HEADS = (Kind.METRIC, Kind.LISTING, Kind.PERIOD)


@dataclass(frozen=True)
class Asked:
    """One question. Neither metrics nor a listing: the course of the period (今日). No unit: all one may see."""

    metrics: tuple[str, ...] = ()
    listing: str | None = None
    units: tuple[Unit, ...] = ()
    each: bool = False
    whole: bool = False
    period: Period | None = None
    compare: tuple[str, ...] = ()
    """``step`` 环比, ``year`` 同比."""
    trend: bool = False
    rank: Rank | None = None
    """Of a table of units: its order and length; None: highest first, all of them."""
    family: Family | None = None
    """Of which cases; None for lists and courses of all there are."""
    note: str = ""
    """How the question was read, where it could be read otherwise."""


@dataclass(frozen=True)
class Token:
    """A known word in its place; ``meanings`` is empty for what is not known."""

    start: int
    end: int
    meanings: tuple[Meaning, ...]

    @property
    def kind(self) -> Kind | None:
        return self.meanings[0][0] if self.meanings else None

    @property
    def heads(self) -> bool:
        """Whether it makes a question of words: 差评 and 12345 do, 投诉 alone is rather what somebody tells."""
        return self.kind in _HEADS or (self.kind is Kind.FAMILY and self.meanings[0][1] in BOTH)


def understand(text: str, words: Vocabulary, today: date) -> Command | Question | Asked:
    """A command, a question about figures or lists, or the question that is still open."""
    said = MENTION.sub("", fold(text).strip(), count=1).upper()
    tokens = list(_tokens(said, words, today)) if len(said) <= MAX_LENGTH else []
    known = [token for token in tokens if token.kind]
    if tokens and len(known) == len(tokens) and any(token.heads for token in known):
        return _compose(known, said)
    command = parse(text)
    if command != NOT_UNDERSTOOD or not tokens:
        return command
    unknown = next((token for token in tokens if not token.kind), None)
    if unknown is None:
        return Question(f"“{said}”要看什么？请写明指标或事项，例如{EXAMPLES}。")
    if all(token.kind is Kind.FILLER for token in known) and not _nearest(unknown, said, words):
        return command
    return _ask_back(unknown, said, words)


def _compose(tokens: list[Token], said: str) -> Asked | Question:
    """The known words as one question, whatever their order; what contradicts itself is asked back."""
    for token in tokens:
        if len(token.meanings) > 1:
            codes = "、".join(
                f"{unit.name}（{unit.code}）" for _, unit in token.meanings if isinstance(unit, Unit)
            )
            return Question(f"“{said[token.start : token.end]}”有几个单位：{codes}，请写全称或代码。")
    values = {kind: {token.meanings[0][1] for token in tokens if token.kind is kind} for kind in Kind}
    if wrong := _contradiction(values):
        return Question(wrong)
    rates = [rate for rate in values[Kind.METRIC] if isinstance(rate, Rate)]
    families = [family for family in values[Kind.FAMILY] if isinstance(family, Family)]
    reading = read_family(rates, families, order_said=bool(values[Kind.ORDER]))
    if isinstance(reading, str):
        return Question(reading)
    listing = next((key for key in LISTINGS if key in values[Kind.LISTING]), None)
    if families and not rates and not values[Kind.FILLER] & _COURSE:
        listing = listing or "opened"  # 差评 10月: those that came in
    return Asked(
        metrics=tuple(key for key in METRICS if any(rate.key == key for rate in rates)),
        listing=listing,
        units=tuple(
            sorted((unit for unit in values[Kind.UNIT] if isinstance(unit, Unit)), key=lambda one: one.id)
        ),
        each=bool(values[Kind.EACH] or (values[Kind.RANK] and not values[Kind.UNIT])),
        whole=bool(values[Kind.WHOLE]),
        period=next((told for told in values[Kind.PERIOD] if isinstance(told, tuple)), None),
        compare=tuple(how for how in ("step", "year") if how in values[Kind.COMPARE]),
        trend=bool(values[Kind.TREND]),
        rank=next((rank for rank in values[Kind.RANK] if isinstance(rank, Rank)), None),
        family=reading.family,
        note=reading.note,
    )


def _contradiction(values: dict[Kind, set[object]]) -> str | None:
    """Why these words are no single question, in one sentence; None where they are."""
    metrics = [rate for rate in values[Kind.METRIC] if isinstance(rate, Rate)]
    listings = values[Kind.LISTING]
    spans = bool(values[Kind.EACH] or values[Kind.WHOLE]) + bool(values[Kind.UNIT])
    over_time = bool(values[Kind.COMPARE] or values[Kind.TREND])
    ranked = bool(values[Kind.RANK])
    many_units = bool(values[Kind.EACH]) or len(values[Kind.UNIT]) > 1
    if len(values[Kind.PERIOD]) > 1:
        return "写了不止一段时间，请只写一段，例如「整改率 10月」；要比较请写「整改率 10月 环比」。"
    if len(listings) + bool(metrics) > 1:
        both = "、".join(
            [metric.name for key, metric in METRICS.items() if any(rate.key == key for rate in metrics)]
            + [listing.label for key, listing in LISTINGS.items() if key in listings]
        )
        return f"一次只能问一件事，您写了：{both}，请分开发送。"
    if ranked and (len(values[Kind.RANK]) > 1 or len(values[Kind.UNIT]) == 1 or not metrics):
        return "排名是各单位一个比率的先后，例如「整改率 本月 排名」「12345 办结率 后三名」。"
    if values[Kind.VERSUS] and not (many_units or values[Kind.COMPARE]):
        return "和什么比？请写环比、同比，或写明几个单位，例如「整改率 10月 环比」「社保局 税务局 整改率」。"
    if spans > 1:
        return "各单位、全部和某个单位只能写一种，例如「各单位 整改率 本月」或「社保局 整改率 本月」。"
    if over_time and not metrics:
        return "环比、同比和趋势只能用于比率，例如「整改率 本月 环比」。"
    if values[Kind.TREND] and (ranked or many_units or len(metrics) > 1):
        return "趋势一次只看一个单位的一个指标，例如「社保局 整改率 趋势」。"
    if values[Kind.TREND] and values[Kind.COMPARE]:
        return "趋势和环比、同比请分开问，例如「整改率 趋势」。"
    if len(metrics) > 1 and (many_units or ranked):
        return "几个单位一次只看一个指标，例如「各单位 整改率 本月」。"
    return None


def _tokens(said: str, words: Vocabulary, today: date) -> Iterator[Token]:
    """The best cut of the text; a run of unknown characters is one token without meaning."""
    # From the end: at each place the fewest unknown characters and words from here on, and the word taken.
    best: list[tuple[int, int, Token | None]] = [(0, 0, None)] * (len(said) + 1)
    for place in range(len(said) - 1, -1, -1):
        unknown, count, _ = best[place + 1]
        if _SEPARATOR.match(said[place]):
            best[place] = (unknown, count, None)
            continue
        best[place] = (unknown + 1, count, None)
        for known in _known_at(said, place, words, today):
            unknown, count, _ = best[known.end]
            if (unknown, count + 1) <= best[place][:2]:  # of equal cuts the longest word
                best[place] = (unknown, count + 1, known)
    place = 0
    while place < len(said):
        token: Token | None = best[place][2]
        if token is None and not _SEPARATOR.match(said[place]):
            end = place + 1
            while end < len(said) and best[end][2] is None and not _SEPARATOR.match(said[end]):
                end += 1
            token = Token(place, end, ())
        if token is not None:
            yield token
        place = token.end if token else place + 1


def _known_at(said: str, place: int, words: Vocabulary, today: date) -> Iterator[Token]:
    for word, meanings in words.at(said, place):
        if _stands_alone(said, place, place + len(word)):
            yield Token(place, place + len(word), meanings)
    if said[place] in BEGINNINGS:
        for end in range(place + 1, min(len(said), place + LONGEST) + 1):
            if said[end - 1].isspace() or not _stands_alone(said, place, end):
                continue
            if period := parse_period(said[place:end], today):
                yield Token(place, end, ((Kind.PERIOD, period),))


_TORN = re.compile(
    r"[A-Z0-9_]\|[A-Z0-9_]|[0-9][-/.]\|[0-9]|[0-9]\|[-/.][0-9]|[一二三四五六七八九十]\|[一二三四五六七八九十]"
)


def _stands_alone(said: str, start: int, end: int) -> bool:
    """Whether both edges of a word are edges: 13月 is not a 1 and a March, nor is SOCX the unit SOC."""
    return not any(
        _TORN.search(f"{said[max(edge - 2, 0) : edge]}|{said[edge : edge + 2]}") for edge in (start, end)
    )


def _ask_back(token: Token, said: str, words: Vocabulary) -> Question:
    """Name the word that is not known and the nearest known ones."""
    nearest = "”、“".join(_nearest(token, said, words))
    meant = f"，是不是“{nearest}”？" if nearest else "，"
    return Question(f"没有看懂“{said[token.start : token.end]}”{meant}请改写后再发，例如{EXAMPLES}。")


def _nearest(token: Token, said: str, words: Vocabulary) -> list[str]:
    """Up to three known words that look like the unknown one, or like the whole word it stands in."""
    start, end = token.start, token.end
    while end < len(said) and not _SEPARATOR.match(said[end]):
        end += 1
    while start and not _SEPARATOR.match(said[start - 1]):
        start -= 1
    pieces = {said[token.start : token.end], said[start:end]}
    near = {known: max(_likeness(piece, known) for piece in pieces) for known in words.nameable}
    likely = [known for known in near if near[known] >= 0.5 and known not in said]
    return sorted(likely, key=lambda known: (-near[known], known))[:3]


def _likeness(word: str, known: str) -> float:
    return SequenceMatcher(None, word, known, autojunk=False).ratio()
