"""The server behind receiver.py: writes down every JSON document posted to it.

``python -m deploy.local.receiver_app PORT FILE``
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request


def build(file: Path) -> FastAPI:
    """An application that appends to ``file``, one line per message."""
    app = FastAPI(openapi_url=None)
    writing = threading.Lock()

    @app.get("/messages")
    def list_messages() -> list[dict[str, Any]]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    @app.post("/{path:path}")
    async def receive(path: str, request: Request) -> dict[str, str]:
        at = datetime.now(UTC).isoformat()
        try:
            body = await request.json()
        except ValueError as exc:
            raise HTTPException(422, f"not JSON: {exc}") from exc
        with writing, file.open("a") as output:
            output.write(json.dumps({"at": at, "path": f"/{path}", "body": body}) + "\n")
        return {"received": at}

    return app


def main() -> None:
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    uvicorn.run(build(file), host="127.0.0.1", port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
