"""What a Temporal namespace must have before incidents run in it: search attributes, and a long memory."""

from collections.abc import Iterator
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from worker.errors import NotSetUp, TemporalUnavailable
from worker.temporal import is_silent
from workflows import attributes

RETENTION = timedelta(days=90)
"""An audit must outlive the incident."""
PATIENCE = timedelta(seconds=5)


async def set_up(client: Client) -> list[str]:
    """Register what is missing, and lengthen the retention; a sentence for each thing, done or found done.

    Safe to repeat. Raises `NotSetUp` where the server does not permit it, or has another type for a name.
    """
    return [*await _register(client), await _retain(client)]


async def require_set_up(client: Client) -> None:
    """Raises `NotSetUp` if a search attribute is missing: writing it would stop every incident for ever."""
    missing = [key.name for key in await _missing(client)]
    if missing:
        names = ", ".join(missing)
        raise NotSetUp(
            f"namespace {client.namespace} lacks the search attributes {names}; run `poolmedic setup`"
        )


async def _register(client: Client) -> list[str]:
    missing = await _missing(client)
    if missing:
        await _add(client, missing)
    return [
        f"search attribute {key.name}: {'registered' if key in missing else 'was there'}"
        for key in attributes.ALL
    ]


async def _add(client: Client, keys: list[SearchAttributeKey[str]]) -> None:
    request = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes={key.name: _kind(key) for key in keys}
    )
    try:
        await client.operator_service.add_search_attributes(request, retry=True, timeout=PATIENCE)
    except RPCError as error:
        # Another process was quicker: the same thing is done.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise _translate(error, f"search attributes cannot be added to {client.namespace}") from error


async def _missing(client: Client) -> list[SearchAttributeKey[str]]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        known = await client.operator_service.list_search_attributes(request, retry=True, timeout=PATIENCE)
    except RPCError as error:
        raise _translate(error, f"the search attributes of {client.namespace} cannot be read") from error
    found = {**known.custom_attributes}
    wrong = list(_wrong(found))
    if wrong:
        raise NotSetUp(f"{'; '.join(wrong)}; remove it with `temporal operator search-attribute remove`")
    return [key for key in attributes.ALL if key.name not in found]


def _wrong(found: dict[str, IndexedValueType.ValueType]) -> Iterator[str]:
    for key in attributes.ALL:
        if found.get(key.name, _kind(key)) != _kind(key):
            yield f"search attribute {key.name} exists with another type"


def _kind(key: SearchAttributeKey[str]) -> IndexedValueType.ValueType:
    return IndexedValueType.ValueType(int(key.indexed_value_type))


async def _retain(client: Client) -> str:
    asked = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        described = await client.workflow_service.describe_namespace(asked, retry=True, timeout=PATIENCE)
    except RPCError as error:
        raise _translate(error, f"namespace {client.namespace} cannot be read") from error
    now = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if now >= RETENTION:
        return f"retention: was {now.days} days"
    wanted = Duration()
    wanted.FromTimedelta(RETENTION)
    request = UpdateNamespaceRequest(
        namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=wanted)
    )
    try:
        await client.workflow_service.update_namespace(request, retry=True, timeout=PATIENCE)
    except RPCError as error:
        refused = f"retention: still {now.days} days, because Temporal refused ({_first_line(error)})"
        return f"{refused}; closed incidents are forgotten after that"
    return f"retention: now {RETENTION.days} days, was {now.days}"


def _translate(error: RPCError, what: str) -> NotSetUp | TemporalUnavailable:
    if is_silent(error):
        return TemporalUnavailable("Temporal did not answer in time; check TEMPORAL_ADDRESS")
    said = _first_line(error)
    if error.status is RPCStatusCode.NOT_FOUND:
        return NotSetUp(f"{what}: {said} Create it, or set TEMPORAL_NAMESPACE to one that is there")
    return NotSetUp(f"{what}: {said}")


def _first_line(error: RPCError) -> str:
    return error.message.splitlines()[0] if error.message else error.status.name.lower()
