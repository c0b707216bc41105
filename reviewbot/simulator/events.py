"""The plain text of callbacks, as the platform writes it."""

from collections.abc import Mapping


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def event_xml(corp_id: str, userid: str, agent_id: int, at: float, kind: str, **fields: str | int) -> str:
    """The plain text of a callback; ``fields`` keep their order, numbers go without CDATA."""
    parts = [
        f"<ToUserName>{cdata(corp_id)}</ToUserName><FromUserName>{cdata(userid)}</FromUserName>",
        f"<CreateTime>{int(at)}</CreateTime><MsgType>{cdata(kind)}</MsgType>",
    ]
    for name, value in fields.items():
        if name == "SelectedItems":
            parts.append(str(value))
        else:
            parts.append(f"<{name}>{value if isinstance(value, int) else cdata(value)}</{name}>")
    return f"<xml>{''.join(parts)}<AgentID>{agent_id}</AgentID></xml>"


def selected_xml(selected: Mapping[str, list[str]]) -> str:
    items = "".join(
        f"<SelectedItem><QuestionKey>{cdata(question)}</QuestionKey><OptionIds>"
        + "".join(f"<OptionId>{cdata(option)}</OptionId>" for option in options)
        + "</OptionIds></SelectedItem>"
        for question, options in selected.items()
    )
    return f"<SelectedItems>{items}</SelectedItems>"
