"""The version that runs."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("poolmedic")
except PackageNotFoundError:
    # A source tree that was never installed, as in the tests.
    VERSION = "unknown"
