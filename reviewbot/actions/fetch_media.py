"""Fetch what WeCom keeps for three days: claim, download outside any transaction, keep or say that it failed (P4).

Beside the delivery the only action that asks a channel; like it, it is repeated until it is settled.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from reviewbot.actions.add_evidence import attach, keep_file
from reviewbot.clock import CHINA
from reviewbot.database.session import Database
from reviewbot.errors import ChannelError, InvalidInput, ReviewbotError
from reviewbot.models.case import Case, MediaFetch
from reviewbot.models.message import InboxItem
from reviewbot.models.people import Staff
from reviewbot.outbox import owe
from reviewbot.queries.directory import viewer_by_userid
from reviewbot.rules.notices import text

LIFE = timedelta(hours=72)
"""How long WeCom keeps what was sent (wecom §2.4)."""
LEASE = timedelta(seconds=90)
BACKOFF_SECONDS = (2, 10, 60, 300, 900, 1800)
MAX_BYTES = 10 * 1024 * 1024
KINDS = {"image": ("照片", ("image/jpeg", "image/png")), "voice": ("语音", ("audio/amr",))}
Download = Callable[[str], tuple[bytes, str]]
"""Media id -> (bytes, file name); it may raise ChannelError."""
log = structlog.get_logger()


def want_media(
    session: Session, item: InboxItem, media_id: str, *, staff_id: int, case_id: int | None, set_id: int,
    at: datetime,
) -> None:  # fmt: skip
    """Note a file that WeCom keeps for us; fetched once this is committed."""
    now = datetime.now(UTC)
    session.add(
        MediaFetch(
            inbox_id=item.id, set_id=set_id, staff_id=staff_id, kind=item.kind, media_id=media_id,
            case_id=case_id, received_at=at, state="wanted", tries=0, next_try_at=now, expires_at=now + LIFE,
        )
    )  # fmt: skip


def fetch_media(
    database: Database, download: Download | None, folder: Path, *, at: datetime, limit: int = 20
) -> int:
    """Fetch up to ``limit`` that are due, oldest first; the number tried."""
    claimed = _claim(database, limit)
    for ident, media_id in claimed:
        try:
            if download is None:
                raise ChannelError("未配置企业微信", permanent=True)
            data, name = download(media_id)
        except ChannelError as wrong:
            _fail(database, ident, wrong, at)
        except Exception:
            # The edge: an answer nobody foresaw must not stop the files behind this one.
            log.exception("media could not be fetched", fetch=ident)
            _fail(database, ident, ChannelError("取文件时出现意外错误"), at)
        else:
            with database.begin() as session:
                _keep(session, ident, data, name, folder, at)
    return len(claimed)


def _claim(database: Database, limit: int) -> list[tuple[int, str]]:
    now = datetime.now(UTC)
    with database.begin() as session:
        rows = session.scalars(
            select(MediaFetch)
            .where(MediaFetch.state == "wanted", MediaFetch.next_try_at <= now)
            .order_by(MediaFetch.next_try_at, MediaFetch.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.tries += 1
            row.next_try_at = now + LEASE
        return [(row.id, row.media_id) for row in rows]


def _keep(session: Session, ident: int, data: bytes, name: str, folder: Path, at: datetime) -> None:
    """Store it, and tie it to the case its sender meant; a refusal is told him and costs nothing else."""
    fetch = session.scalar(select(MediaFetch).where(MediaFetch.id == ident).with_for_update())
    if fetch is None or fetch.state != "wanted":
        return
    sender = session.get_one(Staff, fetch.staff_id)
    viewer = viewer_by_userid(session, sender.userid, at)
    try:
        with session.begin_nested():
            if viewer is None:
                raise InvalidInput("发送人已不在本系统的人员名录中。")
            word, kinds = KINDS[fetch.kind]
            evidence = keep_file(session, data, name or word, viewer, at=at, folder=folder)
            if evidence.media_type not in kinds:
                raise InvalidInput(f"这不是可以作附件的{word}文件，请在工单页面上传。")
            evidence.set_id = fetch.set_id
            session.flush()
            if fetch.case_id is not None:
                attach(session, session.get_one(Case, fetch.case_id).number, evidence, viewer, at=at)
            fetch.state, fetch.evidence_id = "kept", evidence.id
    except ReviewbotError as refused:
        _give_up(session, fetch, refused.sentence, at)


def _fail(database: Database, ident: int, wrong: ChannelError, at: datetime) -> None:
    """Tried again while WeCom keeps it; then its sender is told plainly."""
    now = datetime.now(UTC)
    with database.begin() as session:
        fetch = session.scalar(select(MediaFetch).where(MediaFetch.id == ident).with_for_update())
        if fetch is None or fetch.state != "wanted":
            return
        pause = max(BACKOFF_SECONDS[min(fetch.tries, len(BACKOFF_SECONDS)) - 1], wrong.retry_after or 0)
        fetch.reason, fetch.next_try_at = wrong.sentence, now + timedelta(seconds=pause)
        if wrong.permanent or fetch.next_try_at >= fetch.expires_at:
            word = KINDS[fetch.kind][0]
            _give_up(session, fetch, f"{word}没有取到，请重新发送，或在工单页面上传。", at)


def _give_up(session: Session, fetch: MediaFetch, sentence: str, at: datetime) -> None:
    fetch.state, fetch.reason = "given_up", sentence
    sent = fetch.received_at.astimezone(CHINA)
    owe(
        session, key=f"media-{fetch.id}", kind="reply", userid=session.get_one(Staff, fetch.staff_id).userid,
        body=text(f"您 {sent:%m-%d %H:%M} 发来的{KINDS[fetch.kind][0]}：{sentence}"), at=at,
    )  # fmt: skip
