"""Answer a request under an Idempotency-Key once: its repeat gets the same answer, another request a refusal."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reviewbot.errors import Conflict
from reviewbot.models.people import IdempotentAnswer

Answer = tuple[int, dict[str, Any]]


class KeyReused(Conflict):
    """The key already stands for a request that was answered, and this is another one."""


def answer_once(
    session: Session, key: str, request: str, act: Callable[[], Answer], *, at: datetime
) -> Answer:
    """``request``: a print of what is asked. A repeat that comes while the first still runs waits for its answer."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
    known = session.get(IdempotentAnswer, key)
    if known is not None:
        if known.request != request:
            raise KeyReused("这个 Idempotency-Key 已用于另一个请求。")
        return known.status, json.loads(known.body)
    status, answer = act()
    session.add(
        IdempotentAnswer(
            key=key,
            request=request,
            status=status,
            body=json.dumps(answer, ensure_ascii=False),
            created_at=at,
        )
    )
    return status, answer


def use_once(session: Session, key: str, *, at: datetime) -> None:
    """Spend a key that may be used a single time, whoever comes with it. Raises KeyReused."""
    answer_once(session, key, secrets.token_hex(16), lambda: (204, {}), at=at)
