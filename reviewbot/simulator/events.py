"""The plain text of callbacks, as the platform writes it: in XML or in JSON (Q12, Q15)."""

import json
from collections.abc import Mapping
from typing import Any

Event = dict[str, Any]


def event(corp_id: str, userid: str, at: float, kind: str, **fields: Any) -> Event:
    """The common head and the fields of one kind, in order; numbers go without CDATA."""
    head = {"ToUserName": corp_id, "FromUserName": userid, "CreateTime": int(at), "MsgType": kind}
    return {**head, **fields}


def selected(picked: Mapping[str, list[str]]) -> Event:
    """What was chosen on a card: a single item and a single option are written like one of several."""
    return {
        "SelectedItem": [
            {"QuestionKey": question, "OptionIds": {"OptionId": list(options)}}
            for question, options in picked.items()
        ]
    }


def to_json(told: Event) -> str:
    return json.dumps(told, ensure_ascii=False)


def to_xml(told: Event) -> str:
    return f"<xml>{_inner(told)}</xml>"


def _inner(told: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_value(one)}</{name}>"
        for name, value in told.items()
        for one in (value if isinstance(value, list) else [value])
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inner(value)
    return str(value) if isinstance(value, int | float) else cdata(str(value))


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
