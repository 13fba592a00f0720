"""A real FTP server for `python ftp_server.py FOLDER USER PASSWORD`; says its port when it listens."""

import asyncio
import sys
from pathlib import Path

from aioftp import Server, User


async def serve(folder: Path, name: str, password: str) -> None:
    """Until the process is ended."""
    server = Server([User(name, password, base_path=folder)])
    await server.start("127.0.0.1", 0)
    sys.stdout.write(f"{server.address[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
