"""Start the drill's application: `python -m target`, with its settings in the environment."""

import sys
from importlib import import_module

from . import logs
from .settings import Settings, SettingsError


def main() -> int:
    try:
        settings = Settings.from_environment()
    except SettingsError as exc:
        print(f"target: {exc}", file=sys.stderr)
        return 2
    logs.configure(settings.instance)
    serve = import_module(f"{__package__}.serve")  # imports covet, which warns and logs
    return int(serve.run(settings))


if __name__ == "__main__":
    sys.exit(main())
