"""Links in a text: WeCom shows an ``a`` tag."""

from urllib.parse import urlencode


def link(address: str, path: str, words: str, **query: object) -> str:
    """Words, mostly a number, that open what they speak of."""
    asked = {name: told for name, told in query.items() if told is not None}
    return (
        f'<a href="{address}{path}?{urlencode(asked)}">{words}</a>'
        if asked
        else f'<a href="{address}{path}">{words}</a>'
    )
