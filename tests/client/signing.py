"""Clients for signed requests, and their state."""

from collections.abc import Awaitable, Callable

from custom_components.powerwall_gateway.gateway import PowerwallGateway
from custom_components.powerwall_gateway.gateway.signed.client import SignedGateway

DIN = "/tedapi/din"

type Sign = Callable[..., Awaitable[SignedGateway]]


def powerwall_of(signed: SignedGateway) -> PowerwallGateway:
    """Return the unsigned client that a client for signed requests uses."""
    return signed._gateway


def verified(signed: SignedGateway) -> bool | None:
    """Return whether the gateway accepted the key in the last request."""
    return signed.verified
