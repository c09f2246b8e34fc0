"""The processes that answer requests: gunicorn, with a worker of uvicorn's (docs/adr/0001)."""
