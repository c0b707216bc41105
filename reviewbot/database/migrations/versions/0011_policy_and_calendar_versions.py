"""Versions of policies and calendars, and limits that can be reckoned anew"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STANDING = sa.text("withdrawn_at IS NULL")
RUNNING = sa.text("met_at IS NULL AND replaced_by IS NULL")


def upgrade() -> None:
    op.add_column(
        "policy_versions", sa.Column("taken_by", sa.Text(), nullable=False, server_default="系统启动")
    )
    op.create_table(
        "calendar_versions",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("national", sa.Text(), nullable=False),
        sa.Column("local", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_calendar_versions")),
    )
    op.create_table(
        "calendar_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["calendar_versions.version"], name=op.f("fk_calendar_changes_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_changes")),
    )
    # A card withdrawn because its day moved may be owed again on the new one.
    op.drop_constraint(op.f("uq_cards_due_time_id_colour"), "cards", type_="unique")
    op.create_index(
        "uq_cards_standing", "cards", ["due_time_id", "colour"], unique=True, postgresql_where=STANDING
    )
    op.add_column("due_times", sa.Column("limit_name", sa.Text(), nullable=True))
    op.add_column("due_times", sa.Column("limit_value", sa.Float(), nullable=True))
    op.add_column("due_times", sa.Column("limit_unit", sa.Text(), nullable=True))
    op.add_column("due_times", sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_FILL)
    op.execute(_REPLACED)
    for name in ("limit_name", "limit_value", "limit_unit"):
        op.alter_column("due_times", name, nullable=False)
    op.drop_column("due_times", "limit_text")
    op.create_index("ix_due_times_running", "due_times", ["calendar_version"], postgresql_where=RUNNING)


def downgrade() -> None:
    """What the older schema has no place for waits in the schema ``kept``; 0015 takes it back."""
    op.execute("CREATE SCHEMA IF NOT EXISTS kept")
    op.execute("CREATE TABLE kept.policy_versions AS SELECT version, taken_by FROM policy_versions")
    op.execute(
        "CREATE TABLE kept.due_times AS"
        " SELECT id, limit_name, limit_value, limit_unit, replaced_at FROM due_times"
    )
    op.execute("CREATE TABLE kept.calendar_versions AS SELECT * FROM calendar_versions")
    op.execute("CREATE TABLE kept.calendar_changes AS SELECT * FROM calendar_changes")
    # Of the cards of one limit and colour the older schema holds one: the last.
    op.execute(
        "CREATE TABLE kept.cards AS SELECT * FROM cards AS earlier WHERE EXISTS (SELECT FROM cards AS later"
        " WHERE later.due_time_id = earlier.due_time_id AND later.colour = earlier.colour"
        " AND later.id > earlier.id)"
    )
    op.execute("DELETE FROM cards USING kept.cards AS aside WHERE cards.id = aside.id")
    op.drop_index("ix_due_times_running", table_name="due_times", postgresql_where=RUNNING)
    op.add_column("due_times", sa.Column("limit_text", sa.Text(), nullable=True))
    op.execute(_TEXT)
    op.alter_column("due_times", "limit_text", nullable=False)
    for name in ("limit_name", "limit_value", "limit_unit", "replaced_at"):
        op.drop_column("due_times", name)
    op.drop_index("uq_cards_standing", table_name="cards", postgresql_where=STANDING)
    op.create_unique_constraint(op.f("uq_cards_due_time_id_colour"), "cards", ["due_time_id", "colour"])
    op.drop_table("calendar_changes")
    op.drop_table("calendar_versions")
    op.drop_column("policy_versions", "taken_by")


_TEXT = """
UPDATE due_times SET limit_text = limit_value::text || ' ' ||
  CASE limit_unit WHEN 'working_hour' THEN '工作小时' WHEN 'calendar_day' THEN '自然日' ELSE '工作日' END
"""
_FILL = """
UPDATE due_times AS d SET
  limit_value = split_part(d.limit_text, ' ', 1)::float,
  limit_unit = CASE split_part(d.limit_text, ' ', 2)
    WHEN '工作小时' THEN 'working_hour' WHEN '自然日' THEN 'calendar_day' ELSE 'working_day' END,
  limit_name = CASE
    WHEN d.stage LIKE 'handling_extended%' THEN 'extension'
    WHEN d.stage = 'handling' AND d.round = 1 AND c.kind NOT IN ('rating', 'instruction')
      THEN 'handling_' || c.kind
    ELSE regexp_replace(d.stage, '_[0-9]+$', '') END
FROM cases AS c WHERE c.id = d.case_id
"""
_REPLACED = """
UPDATE due_times AS d SET replaced_at = (
  SELECT max(e.at) FROM case_events AS e WHERE e.case_id = d.case_id
    AND e.move = CASE WHEN d.replaced_by LIKE 'handling_extended%' THEN 'grant_extension'
                 ELSE 'conclude_justified' END)
WHERE d.replaced_by IS NOT NULL
"""
