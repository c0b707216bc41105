"""Expected errors, one family: each carries a code, an HTTP status and a Chinese sentence for a clerk."""

from typing import ClassVar


class ReviewbotError(Exception):
    """Something a user, sender or operator did or met that the system knows how to explain.

    ``sentence`` is shown to people as it stands (Chinese, one sentence, no secrets), at every door alike;
    ``typed``: what to type instead, told in chat alone, where people type: a form has fields of its own;
    ``code`` is stable for programs; ``status`` is the HTTP status the web edge answers with.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400

    def __init__(self, sentence: str, *, typed: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.typed = typed

    @property
    def in_chat(self) -> str:
        """The sentence as it answers somebody who types."""
        return f"{self.sentence.removesuffix('。')}：{self.typed}。" if self.typed else self.sentence


class SettingError(ReviewbotError):
    """A setting is wrong or missing; the start stops with this one line."""

    code = "setting"
    status = 500


class InvalidInput(ReviewbotError):
    """What was sent cannot be understood or lacks something required."""

    code = "invalid_input"
    status = 422


class NotSignedIn(ReviewbotError):
    """Nobody is signed in, or the token or signature is not valid."""

    code = "not_signed_in"
    status = 401


class NotAllowed(ReviewbotError):
    """The actor is known but may not do this."""

    code = "not_allowed"
    status = 403


class NotFound(ReviewbotError):
    """No such thing, or not visible to the one who asks: the two are not told apart."""

    code = "not_found"
    status = 404


class Conflict(ReviewbotError):
    """The request contradicts what has already happened."""

    code = "conflict"
    status = 409


class TooLarge(ReviewbotError):
    """More than one call may carry."""

    code = "too_large"
    status = 413


class Unavailable(ReviewbotError):
    """Something the answer depends on is away; the same request may succeed later."""

    code = "unavailable"
    status = 503


class ChannelError(ReviewbotError):
    """A message channel did not take a message.

    ``permanent``: trying this message again cannot help. ``retry_after``: seconds to wait before the
    next try, or None for the usual back-off. ``errcode``: the channel's own code, if it gave one.
    ``tried``: False where nothing was sent at all, so that it was no try. ``unsure``: the other side may have
    taken the message all the same. ``away``: the whole channel is closed for now, not just to this message.
    ``recipient``: it does not reach this person.
    Built from plain values only, so that it survives pickling and carries no request, token or secret.
    """

    code = "channel"
    status = 502

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        errcode: int | None = None,
        tried: bool = True,
        unsure: bool = False,
        away: bool = False,
        recipient: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.recipient = recipient
        self.permanent = permanent
        self.retry_after = retry_after
        self.errcode = errcode
        self.tried = tried
        self.unsure = unsure
        self.away = away

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_channel_error, (type(self), self.sentence, dict(vars(self))))


def _rebuild_channel_error(kind: type[ChannelError], sentence: str, facts: dict[str, object]) -> ChannelError:
    found = kind.__new__(kind, sentence)
    vars(found).update(facts)
    return found
