"""Where the contract of the port Containers is played: an instance that is restarted and resized for real."""

import contextlib
import io
import json
import sys
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, override

import httpx
from docker import DockerClient
from docker.models.containers import Container

from activities.containers import DockerContainers
from activities.profiles.profile import Profile
from deploy.local import container as containers
from deploy.local.engine import Engine, Event
from deploy.local.state import State
from tests.ports import examples
from workflows.models.target import Target
from workflows.ports.activities import Containers

APP = Path(__file__).parent / "pool_app"
POOL_FILE = "/var/tmp/pool.json"  # noqa: S108  the container's own
POOL_SIZE = 20
PROFILE = Profile.model_validate(
    {
        "instance_label": "instance",
        "series": {"active": "pool_active", "idle": "pool_idle", "size": "pool_size"},
        "pages": {
            "health": {"path": "/health"},
            "pool": {
                "path": "/pool",
                "active": "/active",
                "idle": "/idle",
                "size": "/size",
                "waiters": "/waiters",
                "generation": "/generation",
            },
            "probe": {"path": "/probe"},
        },
    }
)
PROFILES = {"covet": PROFILE}


@dataclass(frozen=True)
class Behaviour:
    """How one instance behaves."""

    is_deaf: bool = False
    """It takes no new size."""
    active: int | None = POOL_SIZE
    """Connections checked out; None where its pool page tells no more than its size."""
    sick_from: int = 99
    """Its health page says 503 from this start on."""
    seconds_to_stop: float = 0
    path: str | None = None
    """Where its programs are, if not where they usually are."""


USUAL = Behaviour()


class ContainerStage(ABC):
    """One target with running instances; everything here is seen past the port."""

    port: Containers
    target: Target

    @abstractmethod
    async def run(self, *instances: Behaviour) -> None:
        """Start the target's instances."""

    @abstractmethod
    def restarts(self) -> int:
        """How often containers of the target were restarted so far."""

    @abstractmethod
    def restart(self) -> None:
        """Somebody else restarts the first instance."""

    @abstractmethod
    def sizes(self) -> list[int]:
        """The effective maximum of each instance's pool."""

    @abstractmethod
    def disappear(self) -> None:
        """Make the engine unreachable for the port from now on."""


class RealContainers(ContainerStage):
    """Docker Engine; judged by the engine's own events and the instances' pages."""

    def __init__(
        self,
        state: State,
        engine: Engine,
        stack: AsyncExitStack,
        profiles: Mapping[str, Profile] = {"covet": PROFILE},
        *,
        through: str | None = None,
    ) -> None:
        """`through`: where the port reaches the engine, if not directly; the judge always does."""
        self._profiles = profiles
        self._state = state
        self._engine = engine
        self._stack = stack
        self._since = datetime.now(UTC)
        self.port = self._port(through or engine.address)

    @override
    async def run(self, *instances: Behaviour) -> None:
        described = [await self._start(number, behaviour) for number, behaviour in enumerate(instances)]
        fields = {"instances": described, "reload": {"file": POOL_FILE}}
        self.target = Target.model_validate({**examples.target().model_dump(), **fields})

    async def _start(self, number: int, behaviour: Behaviour) -> dict[str, Any]:
        name = f"{self._engine.stack}-{self._since:%H%M%S%f}-{number}"
        port = self._state.port(name)
        url = f"http://127.0.0.1:{port}"
        environment = {
            "PORT": str(port),
            "POOL_FILE": POOL_FILE,
            "POOL_SIZE": str(POOL_SIZE),
            "ACTIVE": "" if behaviour.active is None else str(behaviour.active),
            "DEAF": "1" if behaviour.is_deaf else "",
            "SICK": str(behaviour.sick_from),
            "SLOW": str(behaviour.seconds_to_stop),
            **({"PATH": behaviour.path} if behaviour.path else {}),
        }
        program = containers.Program(
            name=name,
            package=APP,
            python=Path(sys.executable),
            environment=environment,
            health=f"{url}/pool",
        )
        await self._stack.enter_async_context(containers.run(self._state, self._engine, program))
        return {"name": name, "url": url, "container": name, "pool_size": POOL_SIZE}

    @override
    def restarts(self) -> int:
        return sum(event.action == "restart" for event in self.events())

    @override
    def restart(self) -> None:
        with self.container() as container:
            container.restart()

    @override
    def sizes(self) -> list[int]:
        return [
            httpx.get(f"{instance.url}pool", trust_env=False).json()["size"]
            for instance in self.target.instances
        ]

    @override
    def disappear(self) -> None:
        self.reach("tcp://127.0.0.1:9")

    def reach(self, address: str) -> None:
        """Have the port reach the engine there from now on."""
        self.port = self._port(address)

    def events(self) -> list[Event]:
        """What the engine says happened to the target's containers."""
        now = datetime.now(UTC)
        names = [instance.container or "" for instance in self.target.instances]
        return [event for name in names for event in self._engine.events(name, self._since, now)]

    @contextlib.contextmanager
    def container(self, number: int = 0) -> Iterator[Container]:
        """The engine's own object, for the block."""
        with self._engine.client() as client:
            yield client.containers.get(self.target.instances[number].container or "")

    def output(self, *command: str, number: int = 0) -> str:
        """What a command prints inside the container."""
        with self.container(number) as container:
            printed = container.exec_run(list(command)).output
        assert isinstance(printed, bytes)
        return printed.decode()

    def read(self, number: int = 0) -> object:
        """What the pool's file holds; None if there is none."""
        text = self.output("sh", "-c", f"cat {POOL_FILE} 2>&1 || true", number=number)
        return None if "No such file" in text else json.loads(text)

    def write(self, text: str, number: int = 0, mode: int = 0o644, gid: int = 0) -> None:
        """Put this into the pool's file."""
        path, buffer = PurePosixPath(POOL_FILE), io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo(path.name)
            info.size, info.mode, info.gid = len(text), mode, gid
            archive.addfile(info, io.BytesIO(text.encode()))
        with self.container(number) as container:
            container.put_archive(str(path.parent), buffer.getvalue())

    def _port(self, address: str) -> DockerContainers:
        port = DockerContainers(lambda: DockerClient(base_url=address, timeout=20), self._profiles)
        self._stack.callback(port.close)
        return port
