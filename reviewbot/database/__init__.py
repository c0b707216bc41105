"""The engine, the session and the schema's history."""
