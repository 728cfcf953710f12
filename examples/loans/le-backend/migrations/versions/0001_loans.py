"""The first one is empty: the author's database had its tables already, from create_all."""
revision, down_revision = "0001", None


def upgrade():
    pass


def downgrade():
    pass
