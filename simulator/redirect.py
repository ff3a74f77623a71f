"""Port 80 of a gateway with HTTPS: redirect to HTTPS."""

from html import escape

from aiohttp import web


def moved(url: str) -> web.Response:
    """Send a browser to HTTPS, the way Go does."""
    body = f'<a href="{escape(url)}">Moved Permanently</a>.\n\n'
    headers = {"Location": url, "Content-Type": "text/html; charset=utf-8"}
    return web.Response(status=301, headers=headers, body=body.encode())
