"""How alembic reaches the database: always over a connection handed in by reviewbot.database.schema."""

from alembic import context

from reviewbot.database.base import Base

config = context.config

context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes.get("metadata", Base.metadata),
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
