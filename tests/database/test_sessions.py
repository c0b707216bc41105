"""What every connection is told before anybody uses it."""

from datetime import timedelta

from case_kit import case_of, opened
from sqlalchemy import text

from reviewbot.database.session import Database


def test_moments_come_in_utc_wherever_the_server_thinks_it_stands(house):
    """The API tells them as they come: an offset of the server's own would differ from bureau to bureau."""
    number = opened(house)
    name = house.database.engine.url.database
    with house.database.engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET timezone = 'America/New_York'"))
        connection.commit()
    anew = Database(house.settings.database_url)
    try:
        with anew.begin() as session:
            due = session.scalar(text("SELECT due_at FROM cases"))
    finally:
        anew.dispose()
    assert due == case_of(house, number).due_at
    assert due.utcoffset() == timedelta()
