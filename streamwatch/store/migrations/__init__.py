"""The schema's history, applied by Alembic (see `store/schema.py`)."""
