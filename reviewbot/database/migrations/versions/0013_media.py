"""Media that WeCom keeps for three days; files that a scanner has looked at"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    safety = sa.Enum("unscanned", "clean", "infected", name="safety", native_enum=False, length=40)
    op.add_column("evidence", sa.Column("safety", safety, server_default="unscanned", nullable=False))
    op.add_column("evidence", sa.Column("finding", sa.Text(), nullable=True))
    op.add_column("evidence", sa.Column("set_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_evidence_unscanned", "evidence", ["id"], postgresql_where=sa.text("safety = 'unscanned'")
    )
    op.create_table(
        "media_fetches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("inbox_id", sa.Integer(), nullable=False),
        sa.Column("set_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_media_fetches_inbox_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_media_fetches_staff_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_media_fetches_case_id")),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_media_fetches_evidence_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_fetches")),
        sa.UniqueConstraint("inbox_id", name=op.f("uq_media_fetches_inbox_id")),
    )
    op.create_index(
        "ix_media_fetches_wanted",
        "media_fetches",
        ["next_try_at"],
        postgresql_where=sa.text("state = 'wanted'"),
    )
    op.create_index("ix_media_fetches_staff", "media_fetches", ["staff_id", "received_at"])
    op.create_index("ix_inbox_waiting", "inbox", ["userid"], postgresql_where=sa.text("state = 'waiting'"))


def downgrade() -> None:
    """What the older schema has no place for waits in the schema ``kept``; 0015 takes it back."""
    op.execute("CREATE SCHEMA IF NOT EXISTS kept")
    op.execute("CREATE TABLE kept.media_fetches AS SELECT * FROM media_fetches")
    op.execute("CREATE TABLE kept.evidence AS SELECT id, safety, finding, set_id FROM evidence")
    op.drop_index("ix_inbox_waiting", table_name="inbox", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_table("media_fetches")
    op.drop_index(
        "ix_evidence_unscanned", table_name="evidence", postgresql_where=sa.text("safety = 'unscanned'")
    )
    for name in ("set_id", "finding", "safety"):
        op.drop_column("evidence", name)
