"""Clients for signed requests, and their state."""

from collections.abc import Awaitable, Callable

from custom_components.powerwall_gateway.gateway import PowerwallGateway
from custom_components.powerwall_gateway.gateway.signed.client import SignedGateway

DIN = "/tedapi/din"

type Sign = Callable[..., Awaitable[SignedGateway]]


def powerwall_of(signed: SignedGateway) -> PowerwallGateway:
    """Give the unsigned client that the signing one stands on."""
    return signed._gateway


def verified(signed: SignedGateway) -> bool | None:
    """Say whether the gateway took the key the last time."""
    return signed.verified
