"""`python -m deploy.load --base-url http://127.0.0.1:8000 --rate 20 --hold-ms 150 --seconds 60`."""

import argparse
import asyncio
import json

from deploy.load.figures import Figures
from deploy.load.generator import Load, LoadError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.load", description="Open-loop load on the target."
    )
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--rate", type=float, default=20.0, help="arrivals per second")
    parser.add_argument("--hold-ms", type=int, default=0, help="how long a request keeps its connection")
    parser.add_argument("--seconds", type=float, required=True, help="length of the run")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two lines of figures")
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> Figures:
    async with Load(
        arguments.base_url, rate=arguments.rate, hold_ms=arguments.hold_ms, seconds=arguments.seconds
    ) as load:
        while load.is_running:
            await asyncio.sleep(min(arguments.every, arguments.seconds))
            print(json.dumps(load.summarize(last=arguments.every).to_dict()), flush=True)
        return await load.wait()


def main() -> None:
    arguments = parse_arguments()
    try:
        figures = asyncio.run(run(arguments))
    except LoadError as exc:
        raise SystemExit(f"deploy.load: {exc}") from exc
    print(json.dumps({"total": figures.to_dict()}))


if __name__ == "__main__":
    main()
