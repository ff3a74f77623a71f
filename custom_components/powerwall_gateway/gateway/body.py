"""The body of an answer: read up to a limit, whoever reads it, and unpacked up to the same."""

from typing import Final, override
import zlib

from aiohttp import ClientResponse

from .exceptions import GatewayInvalidResponseError

MAX_BYTES: Final = 4_000_000
"""Of one answer; the largest that was seen has 595 kB (`installer/companies`)."""

_GZIP: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS


async def read_body(response: ClientResponse, path: str) -> bytes:
    """Read an answer. Raises `GatewayInvalidResponseError` as soon as it is too long."""
    body = b""
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_BYTES:
            raise GatewayInvalidResponseError(
                "the answer is too long to be one of a gateway", path=path, status=response.status
            )
    return body


def unpacked(body: bytes, path: str) -> bytes:
    """Give what was compressed without a word of it, as firmware from 25.42.2 on answers outside of `/api/`.

    Raises `GatewayInvalidResponseError` where it is damaged, too much, or packed twice: a few kilobytes
    can be made of gigabytes.
    """
    if not body.startswith(_GZIP):
        return body
    opener = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        content = opener.decompress(body, MAX_BYTES)
    except zlib.error as err:
        raise GatewayInvalidResponseError("the answer is damaged", path=path) from err
    if not opener.eof or content.startswith(_GZIP):
        raise GatewayInvalidResponseError("the answer is torn, or too long to be one of a gateway", path=path)
    return content


class LimitedResponse(ClientResponse):
    """An answer that a library reads by itself, and would read and unpack to its end, however far that is."""

    @override
    async def read(self) -> bytes:
        if self._body is None:
            try:
                self._body = unpacked(await read_body(self, self.url.path), self.url.path)
            except BaseException:
                self.close()
                raise
        return await super().read()
