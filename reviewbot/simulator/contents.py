"""What a message of each kind must contain, and what the platform makes of it (Q5, Q6)."""

from collections.abc import Callable, Mapping
from typing import Any

from reviewbot.simulator.cards import check_card, need
from reviewbot.simulator.config import Refused
from reviewbot.simulator.media import MediaStore
from reviewbot.simulator.quirks import Quirks

MARKDOWN_BYTES, ARTICLES = 2048, 8
TEXTCARD_LIMITS = {"title": 128, "description": 512, "btntxt": 4}
Content = dict[str, Any]


class Contents:
    def __init__(self, quirks: Quirks, media: MediaStore, has_callback: bool) -> None:
        self._quirks = quirks
        self._media = media
        self._has_callback = has_callback
        self._kinds: dict[str, Callable[[Content], Content]] = {
            "text": self._text,
            "markdown": self._markdown,
            "textcard": self._textcard,
            "news": self._news,
            "mpnews": self._mpnews,
            "miniprogram_notice": self._notice,
            "template_card": self._card,
            **dict.fromkeys(("image", "voice", "video", "file"), self._stored),
        }

    def checked(self, body: Mapping[str, Any]) -> Content:
        """The content as phones show it. Raises Refused as the platform would."""
        kind = body.get("msgtype")
        if kind not in self._kinds or (kind == "template_card" and self._quirks.no_template_card):
            raise Refused(40008, "invalid message type", "no_template_card" if kind in self._kinds else "")
        content = body.get(kind)
        if not isinstance(content, dict) or not content:
            raise Refused(44004, "content is empty")
        return self._kinds[kind](dict(content))

    def check_card(self, card: Mapping[str, Any], *, update: bool = False) -> None:
        has_callback = self._has_callback or not self._quirks.cards_need_callback
        check_card(card, has_callback, self._quirks.missing_title_errcode, update=update)

    def _text(self, content: Content) -> Content:
        need(content, "content", 44004, "text content is empty")
        limit = self._quirks.text_limit_bytes
        raw = content["content"].encode()
        return {"content": raw[: limit or None].decode(errors="ignore")}

    def _markdown(self, content: Content) -> Content:
        need(content, "content", 44004, "markdown content is empty")
        if len(content["content"].encode()) > MARKDOWN_BYTES:
            raise Refused(45002, "content size out of limit")
        return content

    def _textcard(self, content: Content) -> Content:
        need(content, "title", 41016, "missing title")
        need(content, "description", 40058, "missing description")
        need(content, "url", 40058, "missing url")
        return content | {key: str(content.get(key) or "")[:limit] for key, limit in TEXTCARD_LIMITS.items()}

    def _articles(self, content: Content) -> list[Content]:
        articles = content.get("articles")
        if not isinstance(articles, list) or not 0 < len(articles) <= ARTICLES:
            raise Refused(45008, "article count out of limit")
        if not all(isinstance(article, dict) for article in articles):
            raise Refused(40058, "invalid Request Parameter: articles")
        for article in articles:
            need(article, "title", 41016, "missing title")
        return articles

    def _news(self, content: Content) -> Content:
        for article in self._articles(content):
            if not (article.get("url") or article.get("appid")):
                raise Refused(40058, "missing url")
        return content

    def _mpnews(self, content: Content) -> Content:
        for article in self._articles(content):
            self._media.get(str(article.get("thumb_media_id") or ""))
            need(article, "content", 44004, "content is empty")
        return content

    def _notice(self, content: Content) -> Content:
        need(content, "title", 41016, "missing title")
        need(content, "appid", 40058, "missing appid")
        return content

    def _card(self, content: Content) -> Content:
        self.check_card(content)
        return content

    def _stored(self, content: Content) -> Content:
        media = self._media.get(str(content.get("media_id") or ""))
        return content | {"filename": media.filename, "size": len(media.body)}
