"""Personal numbers and the rater's name typed into a text are covered before anyone reads it: 138****0000, 评价人."""

import re
import unicodedata
from typing import Final

# Between the digits people type spaces, hyphens of every make, and invisible joiners.
_S: Final = r"[ \u00a0\u3000\u200b-\u200d\u2010-\u2015\u2212\uff0d._·-]{0,3}"

_PERSONAL: Final = re.compile(
    rf"""(?<![0-9])(?:
      (?P<number> [0-9]{{15,}}[Xx]? (?![0-9])                   # identity, bank card, or two run together
        | [0-9]{{6}}{_S}(?:19|20)[0-9]{{2}}{_S}[0-9]{{2}}{_S}[0-9]{{2}}{_S}[0-9]{{3}}{_S}[0-9Xx] (?![0-9])
        | [0-9]{{4}}(?:[ -][0-9]{{4}}){{3}}(?:[ -][0-9]{{1,3}})? (?![0-9]) # a card in groups of four
      )
      | (?:(?:\+|00)?86{_S})?(?P<mobile> 1[3-9][0-9](?:{_S}[0-9]){{8}}) (?![0-9])
      | (?:(?:\+|00)86{_S})?(?P<landline>
          [(]0?(?:10|2[0-9]|[3-9][0-9]{{2}})[)]{_S}[2-9][0-9]{{2,3}}{_S}[0-9]{{4}}
        | 0(?:10|2[0-9]){_S}[2-9][0-9]{{3}}{_S}[0-9]{{4}}
        | 0[3-9][0-9]{{2}}{_S}[2-9][0-9]{{2,3}}{_S}[0-9]{{4}}
      ) (?![0-9])
    )""",
    re.VERBOSE,
)
_DATE_AT_END: Final = re.compile(r"(?:19|20)[0-9]{2}[^0-9]+(?:0[1-9]|1[0-2])[^0-9]+[0-3][0-9]$")
_KEPT_HEAD: Final = 3
_KEPT_TAIL: Final = 4
RATER: Final = "评价人"
"""What stands where his name stood."""


def mask_personal(text: str, rater: str | None = None) -> str:
    """Cover mobile and landline numbers, identity numbers and bank cards; other digits stay. ``rater``: his name as
    the source told it, covered as well, for nobody rated learns who rated (F10)."""
    if rater and len(rater.strip()) > 1:
        text = text.replace(rater.strip(), RATER)
    plain = _plain(text)
    parts: list[str] = []
    done = 0
    for match in _PERSONAL.finditer(plain):
        kind = match.lastgroup or "number"
        found = match.group(kind)
        if kind == "mobile" and _DATE_AT_END.search(found):
            continue
        start, end = match.span(kind)
        signs = [sign for sign in found if sign.isalnum()]
        parts += [text[done:start], "".join(signs[:_KEPT_HEAD]), "****", "".join(signs[-_KEPT_TAIL:])]
        done = end
    return "".join([*parts, text[done:]]) if parts else text


def _plain(text: str) -> str:
    """The same text, sign for sign, with every script's digits and the full-width signs made plain."""
    if text.isascii():
        return text
    return "".join(map(_plain_sign, text))


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return sign
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    return {"＋": "+", "（": "(", "）": ")", "Ｘ": "X", "ｘ": "x"}.get(sign, sign)
