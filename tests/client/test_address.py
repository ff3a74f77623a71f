"""Parse addresses as owners enter them."""

import pytest

from custom_components.powerwall_gateway.gateway import Address, parse_serial


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("192.168.1.50", "https://192.168.1.50"),
        (" 192.168.1.50:8443 ", "https://192.168.1.50:8443"),
        ("Powerwall.LAN", "https://powerwall.lan"),
        ("http://192.168.1.50/summary", "https://192.168.1.50"),
        ("HTTPS://teg:443/", "https://teg"),
        ("[fd00::17]", "https://[fd00::17]"),
        ("[fd00::17]:8443", "https://[fd00::17]:8443"),
        ("fd00::17", "https://[fd00::17]"),
        ("fe80::1%eth0", "https://[fe80::1%eth0]"),
        ("1118431-00-F--T1234567890", "https://1118431-00-f--t1234567890"),
    ],
)
def test_address_is_parsed_in_every_form(typed: str, url: str) -> None:
    assert Address.parse(typed).url == url


@pytest.mark.parametrize(
    "typed",
    [
        *("", "   ", "not a host", "192.168.1.50:0", "192.168.1.50:99999", "host:port", "[nonsense]", "a:b:c", "-x"),
        *("fe80::1%", "fe80::1%eth0:]", "[fe80::1%eth 0]", "fe80::1%eth0?x::"),
    ],
)
def test_invalid_address_is_rejected(typed: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Address.parse(typed)


def test_address_has_the_port_of_its_scheme() -> None:
    address = Address.parse("10.0.0.2:80", "http")
    assert address.url == "http://10.0.0.2"
    assert address.over("https").url == "https://10.0.0.2:80"
    assert str(address) == "10.0.0.2:80"
    assert str(Address.parse("[fd00::17]:81")) == "[fd00::17]:81"


@pytest.mark.parametrize(
    ("host", "server_name"),
    [("192.168.1.50", None), ("fd00::17", None), ("teg", "teg"), ("powerwall.lan", "powerwall")],
)
def test_address_has_a_known_server_name(host: str, server_name: str | None) -> None:
    assert Address.parse(host).server_name == server_name


@pytest.mark.parametrize(
    ("typed", "serial"),
    [
        ("TG1234567890AB", "TG1234567890AB"),
        (" tg 1234 5678 90ab ", "TG1234567890AB"),
        ("1232100-00-E--TG1234567890AB", "TG1234567890AB"),
    ],
)
def test_serial_is_parsed_in_every_form(typed: str, serial: str) -> None:
    assert parse_serial(typed) == serial


@pytest.mark.parametrize("typed", ["", "12", "TG12-34", "1232100-00-E--", "TG1234567890AB!"])
def test_invalid_serial_is_rejected(typed: str) -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        parse_serial(typed)
