"""The tasks, each with its one action.

When: ``schedule.py``, and whenever somebody rings. Where: ``reviewbot.queue.QUEUES``. Again: a worker that dies gives
its task back, and what raised is found by the next sweep; each is idempotent by row state: rung twice, killed half-way
or redelivered, it does no harm.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.ask_for_letters import ask_for_letters
from reviewbot.actions.deliver_messages import BATCH_SECONDS, deliver_messages
from reviewbot.actions.draw_recalls import keep_recalls
from reviewbot.actions.erase_rater import erase_expired
from reviewbot.actions.fetch_media import fetch_media
from reviewbot.actions.find_problems import find_problems, remind_of_plans
from reviewbot.actions.follow_calendar import follow_by_id
from reviewbot.actions.follow_source import follow_source
from reviewbot.actions.open_case import open_case
from reviewbot.actions.release_reminders import release_reminders
from reviewbot.actions.renew_cards import renew_cards
from reviewbot.actions.scan_evidence import scan_evidence
from reviewbot.actions.settle_contacts import settle_contacts
from reviewbot.actions.sweep_files import sweep_files
from reviewbot.actions.sync_directory import begin_tonight, sync_directory
from reviewbot.actions.tell_morning import tell_morning
from reviewbot.conversation.answer import answer_callback
from reviewbot.conversation.choices import forget_waiting
from reviewbot.inbox import following, waiting
from reviewbot.queries.cases import cases_behind, due_case_ids, unrouted_review_ids
from reviewbot.queries.endings import waiting_review_ids
from reviewbot.queries.rulebooks import applied_calendar
from reviewbot.queries.scope import SYSTEM
from reviewbot.queue import TaskName
from reviewbot.wecom.address_book import read_address_book
from reviewbot.wiring import House
from tasks.app import download, house, talk, task

BATCH = 200


def _once(act: Callable[[Session, House, datetime], object]) -> None:
    """One action in one transaction; where it says that it did something, messages may be owed."""
    home = house()
    with home.database.begin() as session:
        done = act(session, home, home.clock.now())
    if done:
        home.ring(TaskName.DELIVER)


@task(TaskName.ROUTE)
def route(review_ids: list[int]) -> None:
    home = house()
    for review_id in review_ids:
        with home.database.begin() as session:
            open_case(session, review_id, at=home.clock.now(), rulebooks=home.rulebooks)
            follow_source(session, review_id, at=home.clock.now(), rulebooks=home.rulebooks)
    home.ring(TaskName.DELIVER)


@task(TaskName.ANSWER)
def answer(item_ids: list[int]) -> None:
    home = house()
    for item_id in item_ids:
        answer_callback(talk(), item_id)
        with home.database.begin() as session:
            next_id = following(session, item_id)
        if next_id is not None:  # whoever held it back has just been answered
            answer_callback(talk(), next_id)
    home.ring(TaskName.MEDIA)
    home.ring(TaskName.DELIVER)


@task(TaskName.DELIVER)
def deliver() -> None:
    home = house()
    with home.database.begin() as session:
        rulebook = home.today(session)
        rules = rulebook.policy.messages
        ask_for_letters(session, at=home.clock.now(), rulebook=rulebook)
        release_reminders(
            session,
            at=home.clock.now(),
            above=rules.digest_above,
            rulebooks=home.rulebooks,
            urgent=rules.urgent,
        )
    stop = time.monotonic() + BATCH_SECONDS
    while deliver_messages(home.database, home.channels, at=home.clock.now()):
        if time.monotonic() > stop:  # others wait for this worker too (W5)
            home.ring(TaskName.DELIVER)
            return


@task(TaskName.SWEEP)
def sweep() -> None:
    home = house()
    with home.database.begin() as session:
        reviews = [*unrouted_review_ids(session, BATCH), *waiting_review_ids(session, BATCH)]
        items = waiting(session, BATCH)
    if reviews:
        route(reviews)
    if items:
        answer(items)
    contacts()


@task(TaskName.DEADLINES)
def deadlines() -> None:
    home = house()
    now = home.clock.now()
    with home.database.begin() as session:
        behind = cases_behind(session, applied_calendar(session), BATCH)
    for case_id in behind:
        with home.database.begin() as session:
            follow_by_id(session, case_id, now=now, rulebooks=home.rulebooks)
    with home.database.begin() as session:
        due = due_case_ids(session, now, BATCH)
    for case_id in due:
        with home.database.begin() as session:
            advance_due(session, case_id, now=now, rulebooks=home.rulebooks)
    if due or behind:
        home.ring(TaskName.DELIVER)


@task(TaskName.MEDIA)
def media() -> None:
    home = house()
    now, folder = home.clock.now(), home.settings.data_dir
    done = 0
    while fetched := fetch_media(home.database, download, folder, at=now):
        done += fetched
    if home.scanner is not None:
        done += scan_evidence(home.database, home.scanner, folder, at=now)
    with home.database.begin() as session:
        done += forget_waiting(session, at=now, after=talk().choice)
    if done:
        home.ring(TaskName.DELIVER)


@task(TaskName.DIRECTORY)
def directory() -> None:
    home = house()
    settings, now = home.settings.directory, home.clock.now()
    with home.database.begin() as session:
        begun = begin_tonight(session, at=now, hour=settings.sync_hour) if home.wecom else None
    if home.wecom is None or begun is None:
        return
    seen = read_address_book(home.wecom, home.contacts)
    with home.database.begin() as session:
        sync_directory(session, begun, seen, leave_share=settings.leave_share, at=home.clock.now())
    home.ring(TaskName.DELIVER)


@task(TaskName.CONTACTS)
def contacts() -> None:
    _once(lambda session, _, now: settle_contacts(session, at=now))


@task(TaskName.CARDS)
def cards() -> None:
    _once(lambda session, home, now: renew_cards(session, at=now, rulebook=home.today(session)))


@task(TaskName.MORNING)
def morning() -> None:
    _once(
        lambda session, home, now: tell_morning(
            session, now=now, rulebook=home.today(session), address=home.settings.address
        )
    )


@task(TaskName.RECALLS)
def recalls() -> None:
    _once(lambda session, home, now: keep_recalls(session, now=now, rulebook=home.today(session)))


@task(TaskName.PROBLEMS)
def problems() -> None:
    _once(lambda session, home, now: find_problems(session, now=now, rulebook=home.today(session)))
    _once(lambda session, home, now: remind_of_plans(session, now=now, rulebook=home.today(session)))


@task(TaskName.ERASE)
def erase() -> None:
    home = house()
    if days := home.settings.intake.keep_rater_days:
        now = home.clock.now()
        with home.database.begin() as session:
            erase_expired(session, before=now - timedelta(days=days), viewer=SYSTEM, at=now)


@task(TaskName.FILES)
def files() -> None:
    home = house()
    sweep_files(home.database, home.settings.data_dir)
