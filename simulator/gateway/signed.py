"""Serve `/tedapi`: requests that are signed with a confirmed key."""

from collections.abc import Callable
import gzip
import struct
import time
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from google.protobuf.message import DecodeError
from tesla_protocol.energy_device import (
    authorization_types_pb2 as authorization,
    graphql_api_pb2 as graphql,
    signed_message_pb2 as signed,
    teg_api_pb2 as teg,
)
from tesla_protocol.energy_device.signed_message_pb2 import RoutableMessage
from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

from simulator.gateway import config_file, device_queries
from simulator.gateway.call import Call, Response
from simulator.gateway.gateway import Gateway
from simulator.gateway.keys import KeyState
from simulator.home.home import FAILSAFE
from simulator.protobuf import message, part, text

LONGEST_VALIDITY: Final = 60
"""Seconds; a guess. Clients sign for 12."""

MOST_DISPATCHED: Final = 10_000.0
"""W of a discharge, above which a Powerwall 3 rejects the request (pypowerwall)."""

UNIMPLEMENTED, OUT_OF_RANGE, ABORTED, PERMISSION_DENIED, NOT_FOUND = 12, 11, 10, 7, 5
"""google.rpc.Code"""


def din(gateway: Gateway, _: Call) -> Response:
    """`GET /tedapi/din`: plain text."""
    return Response(payload=_packed(gateway.din.encode()), content_type="text/plain; charset=utf-8")


def v1r(gateway: Gateway, call: Call) -> Response:
    """`POST /tedapi/v1r`: the body is a signed message, which requires no login."""
    request = RoutableMessage()
    try:
        request.ParseFromString(call.body)
    except DecodeError:
        return _response(_fault(signed.MESSAGEFAULT_ERROR_DECODING))
    public_key = request.signature_data.signer_identity.public_key
    state = gateway.keyring.state(public_key)
    if state is None:
        known = gateway.keyring.names_unknown
        return _response(
            _fault(signed.MESSAGEFAULT_ERROR_UNKNOWN_KEY_ID) if known else RoutableMessage(uuid=request.uuid)
        )
    if fault_name := gateway.keyring.fault(public_key):
        return _response(_fault(getattr(signed, f"MESSAGEFAULT_ERROR_{fault_name}")))
    if fault := _signature_fault(gateway, request):
        return _response(_fault(fault))
    if state is not KeyState.VERIFIED:
        return _response(_message(_error(PERMISSION_DENIED, "v1r: client authorization not verified")))
    asked = MessageEnvelope()
    asked.ParseFromString(request.protobuf_message_as_bytes)
    is_lost = gateway.dispatch.follows == "lost" and "dispatch" in ".".join(_names(asked))
    return Response(payload=b"<html>") if is_lost else _response(_message(_reply(gateway, asked)))


def _signature_fault(gateway: Gateway, request: RoutableMessage) -> signed.MessageFault_E:
    """Return the fault of a signature, or None. The signed data names the gateway."""
    rsa_data = request.signature_data.rsa_data
    covered = b"".join(
        (
            _tag(signed.TAG_SIGNATURE_TYPE, bytes([signed.SIGNATURE_TYPE_RSA])),
            _tag(signed.TAG_DOMAIN, bytes([request.to_destination.domain])),
            _tag(signed.TAG_PERSONALIZATION, gateway.din.encode()),
            _tag(signed.TAG_EXPIRES_AT, struct.pack(">I", rsa_data.expires_at)),
            bytes([signed.TAG_END]),
            request.protobuf_message_as_bytes,
        )
    )
    key = load_der_public_key(request.signature_data.signer_identity.public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(rsa_data.signature, covered, padding.PKCS1v15(), hashes.SHA512())
    except InvalidSignature:
        return signed.MESSAGEFAULT_ERROR_INVALID_SIGNATURE
    left = rsa_data.expires_at - time.time() - gateway.clock_ahead
    if left < 0:
        return signed.MESSAGEFAULT_ERROR_TIME_EXPIRED
    if left > LONGEST_VALIDITY:
        return signed.MESSAGEFAULT_ERROR_TIME_TO_LIVE_TOO_LONG
    return signed.MESSAGEFAULT_ERROR_NONE


def _reply(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    """Respond for this gateway, whichever device the message names: for a follower it returns the leader's data."""
    wanted = ".".join(_names(asked))
    if ("backup_event" in wanted and gateway.full_backup.follows == "unsupported") or (
        "dispatch" in wanted and gateway.dispatch.follows == "unsupported"
    ):
        return _error(UNIMPLEMENTED, f"unimplemented: {wanted}")
    if wanted.rpartition(".")[2] in gateway.keyring.unsupported:
        return _error(UNIMPLEMENTED, f"unimplemented: {wanted}")
    if reply := _REPLIES.get(wanted):
        response = reply(gateway, asked)
        response.delivery_channel = asked.delivery_channel
        response.sender.din = gateway.din
        return response
    return _error(UNIMPLEMENTED, f"unimplemented: {wanted}")


def _names(asked: MessageEnvelope) -> tuple[str, str]:
    """Return the subject and the request that a message carries."""
    for field, subject in asked.ListFields():
        if field.name not in {"delivery_channel", "sender", "recipient"}:
            return field.name, next((inner.name for inner, _ in subject.ListFields()), "")
    return "", ""


def _read_file(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    name = asked.filestore.read_file_request.name
    if name != config_file.NAME:
        return _error(NOT_FOUND, f"no such file: {name}")
    response = MessageEnvelope()
    read = response.filestore.read_file_response
    read.file.name, read.file.blob = name, config_file.read(gateway)
    read.hash = config_file.hash_of(read.file.blob)
    return response


def _update_file(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    request = asked.filestore.update_file_request
    if request.hash != config_file.hash_of(config_file.read(gateway)):
        return _error(ABORTED, "hash mismatch")
    config_file.write(gateway, request.file.blob)
    response = MessageEnvelope()
    written = response.filestore.update_file_response
    written.file.name = request.file.name
    written.hash = config_file.hash_of(config_file.read(gateway))
    return response


def _list_clients(gateway: Gateway, _: MessageEnvelope) -> MessageEnvelope:
    response = MessageEnvelope()
    response.authorization.list_authorized_clients_response.SetInParent()
    for key in gateway.keyring.keys:
        response.authorization.list_authorized_clients_response.clients.add(
            type=authorization.AUTHORIZED_CLIENT_TYPE_CUSTOMER_MOBILE_APP,
            description=key.description,
            key_type=authorization.AUTHORIZED_KEY_TYPE_RSA,
            public_key=key.public_key,
            roles=[authorization.AUTHORIZATION_ROLE_CUSTOMER],
            state=gateway.keyring.state(key.public_key) or authorization.AUTHORIZED_STATE_INVALID,
            verification=authorization.AUTHORIZED_VERIFICATION_TYPE_PRESENCE_PROOF,
        )
    return response


def _remove_client(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    """Remove a key. Presence need not be proved, and the response has no content (aiopowerwall)."""
    gateway.keyring.forget(asked.authorization.remove_authorized_client_request.public_key)
    response = MessageEnvelope()
    response.authorization.remove_authorized_client_response.SetInParent()
    return response


def _query(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    """Respond to a query about the devices. Each comes with Tesla's own signature, so there are few."""
    response = MessageEnvelope()
    response.graphql.query_response.status = graphql.GRAPH_QL_STATUS_SUCCESS
    request = asked.graphql.query_request
    response.graphql.query_response.data = device_queries.response(gateway, request.query, request.variables_json.value)
    return response


def _set_island_mode(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    request = asked.teg.set_island_mode_request
    response = MessageEnvelope()
    leaves = request.mode == teg.TEG_ISLAND_MODE_INTENTIONAL_WITH_RECONNECT_FAILSAFE
    gateway.signed_islanding.orders.append((leaves, request.force))
    if leaves and not request.force and gateway.home.charge <= FAILSAFE:
        response.teg.set_island_mode_response.result = teg.TEG_SET_ISLAND_MODE_RESULT_REJECTED_LOW_ENERGY
        return response
    followed = {"forced": request.force, "always": True, "never": False}[gateway.signed_islanding.follows]
    gateway.home.off_grid_on_purpose = leaves and followed
    response.teg.set_island_mode_response.result = teg.TEG_SET_ISLAND_MODE_RESULT_ACCEPTED
    return response


def _schedule_backup(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    if gateway.full_backup.duration is not None:
        return _error(ABORTED, "manual backup event exists")  # even one that is over has to be canceled (aiopowerwall)
    answer = MessageEnvelope()
    answer.teg.schedule_manual_backup_event_response.SetInParent()
    if gateway.full_backup.follows == "always":
        info = asked.teg.schedule_manual_backup_event_request.scheduling_info
        gateway.full_backup.start, gateway.full_backup.duration = info.start_time.seconds, info.duration_seconds
    return answer


def _cancel_backup(gateway: Gateway, _: MessageEnvelope) -> MessageEnvelope:
    if gateway.full_backup.cancels:
        gateway.full_backup.duration = None
    answer = MessageEnvelope()
    answer.teg.cancel_manual_backup_event_response.SetInParent()
    return answer


def _backup_events(gateway: Gateway, _: MessageEnvelope) -> MessageEnvelope:
    answer = MessageEnvelope()
    events = answer.teg.get_backup_events_response
    events.SetInParent()
    if gateway.full_backup.duration is not None:
        info = events.manual_backup_event.scheduling_info
        info.start_time.seconds, info.duration_seconds = gateway.full_backup.start, gateway.full_backup.duration
    return answer


def _dispatch(gateway: Gateway, asked: MessageEnvelope) -> MessageEnvelope:
    """Set the power of the battery for a time, or end that. The response is empty, whatever follows."""
    dispatch, request = gateway.dispatch, asked.teg.dispatch_battery_power_request
    answer = MessageEnvelope()
    answer.teg.dispatch_battery_power_response.SetInParent()
    if request.HasField("resume_device_mode"):
        dispatch.orders.append(None)
        if dispatch.resumes:
            dispatch.ends_at = 0.0
        return answer
    order = request.real_power
    if order.power_watts > MOST_DISPATCHED:
        return _error(OUT_OF_RANGE, "power out of range")
    dispatch.orders.append((order.power_watts, order.duration_seconds))
    if dispatch.follows == "always":
        dispatch.watts, dispatch.ends_at = order.power_watts, time.monotonic() + order.duration_seconds
    return answer


def _system_info(gateway: Gateway, _: MessageEnvelope) -> MessageEnvelope:
    """Return hardware and firmware by field numbers: the versions of the protocol differ in the names."""
    plate = gateway.nameplate
    device = message(text(1, plate.part_number), text(2, gateway.serial))
    firmware = message(text(1, plate.version), part(2, bytes.fromhex(plate.git_hash)))
    response = MessageEnvelope()
    response.common.get_system_info_response.ParseFromString(message(part(1, device), part(3, firmware)))
    return response


_REPLIES: Final[dict[str, Callable[[Gateway, MessageEnvelope], MessageEnvelope]]] = {
    "filestore.read_file_request": _read_file,
    "filestore.update_file_request": _update_file,
    "authorization.list_authorized_clients_request": _list_clients,
    "authorization.remove_authorized_client_request": _remove_client,
    "teg.set_island_mode_request": _set_island_mode,
    "teg.schedule_manual_backup_event_request": _schedule_backup,
    "teg.cancel_manual_backup_event_request": _cancel_backup,
    "teg.get_backup_events_request": _backup_events,
    "teg.dispatch_battery_power_request": _dispatch,
    "graphql.query_request": _query,
    "common.get_system_info_request": _system_info,
}


def _error(code: int, message: str) -> MessageEnvelope:
    """Return an error inside the response."""
    response = MessageEnvelope()
    response.common.error_response.status.code = code
    response.common.error_response.status.message = message
    return response


def _message(inner: MessageEnvelope) -> RoutableMessage:
    return RoutableMessage(protobuf_message_as_bytes=inner.SerializeToString())


def _fault(fault: signed.MessageFault_E) -> RoutableMessage:
    """Return a fault in place of a response."""
    response = RoutableMessage()
    response.signed_message_status.message_fault = fault
    return response


def _response(message: RoutableMessage) -> Response:
    """Send it as it is: pypowerwall's hardware (26.18.1, 26.26.4) reads it so, and unpacks the DIN alone."""
    return Response(payload=message.SerializeToString(), content_type="application/octet-stream")


def _packed(body: bytes) -> bytes:
    """Compress as firmware does since 25.42.2 with the DIN, which says so in no header."""
    return gzip.compress(body, mtime=0)


def _tag(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value
