"""Messages are numbered from the second in which the database was made.

Their number stands in the task_id of a card, which may never repeat in one application (W12), and in each message;
WeCom drops a repeat for four hours. A database made anew for the same application must not begin at one again.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        SELECT setval(name, greatest(nextval(name), extract(epoch FROM now())::bigint))
        FROM (SELECT pg_get_serial_sequence('messages', 'id')::regclass AS name) AS sequence
        """
    )


def downgrade() -> None:
    """Numbers given out stay given out."""
