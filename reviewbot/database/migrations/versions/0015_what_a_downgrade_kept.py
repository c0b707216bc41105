"""What the downgrades of 0011 and 0013 put aside comes back"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_RESTORE)


def downgrade() -> None:
    """The older schema has the same tables."""


_RESTORE = """
DO $$
BEGIN
  IF to_regclass('kept.calendar_versions') IS NOT NULL THEN
    INSERT INTO calendar_versions SELECT * FROM kept.calendar_versions;
    INSERT INTO calendar_changes SELECT * FROM kept.calendar_changes;
    PERFORM setval('calendar_changes_id_seq', max(id)) FROM calendar_changes HAVING max(id) IS NOT NULL;
    UPDATE policy_versions AS p SET taken_by = k.taken_by FROM kept.policy_versions AS k
      WHERE k.version = p.version;
    UPDATE due_times AS d SET limit_name = k.limit_name, limit_value = k.limit_value,
      limit_unit = k.limit_unit, replaced_at = k.replaced_at
      FROM kept.due_times AS k WHERE k.id = d.id;
    INSERT INTO cards SELECT * FROM kept.cards;
  END IF;
  IF to_regclass('kept.media_fetches') IS NOT NULL THEN
    INSERT INTO media_fetches SELECT * FROM kept.media_fetches;
    PERFORM setval('media_fetches_id_seq', max(id)) FROM media_fetches HAVING max(id) IS NOT NULL;
    UPDATE evidence AS e SET safety = k.safety, finding = k.finding, set_id = k.set_id
      FROM kept.evidence AS k WHERE k.id = e.id;
  END IF;
  DROP SCHEMA IF EXISTS kept CASCADE;
END $$
"""
"""A limit that ended, or a card issued, while the older release ran keeps what 0011 made of it."""
