"""The client builds as a wheel, installs into an empty environment, and reads a gateway as its README shows."""

import asyncio
from pathlib import Path
import subprocess
import sys
from zipfile import ZipFile

import pytest
from uv import find_uv_bin

from tests.conftest import StartSimulator
from tools import release

CLIENT = release.ROOT / release.INTEGRATION / "gateway"
README = (CLIENT / "README.md").read_text(encoding="utf-8")


def uv(*arguments: str | Path) -> None:
    """Run uv, and fail with its output."""
    command = [find_uv_bin(), "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- the arguments are constants
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--wheel", "--python", sys.executable, "--out-dir", folder, CLIENT)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment that has the wheel and what it depends on."""
    environment = tmp_path_factory.mktemp("environment")
    uv("venv", "--python", sys.executable, environment, "--clear")
    uv("pip", "install", "--python", environment / "bin" / "python", wheel)
    return environment / "bin"


def test_wheel_has_every_module_and_the_types(wheel: Path) -> None:
    modules = {str(path.relative_to(CLIENT)) for path in CLIENT.rglob("*.py")}
    package = "powerwall_gateway_client/"
    with ZipFile(wheel) as archive:
        inside = {name.removeprefix(package) for name in archive.namelist() if name.startswith(package)}
    assert inside == modules | {"py.typed"}


@pytest.mark.parametrize("firmware", ["1.15.0", "21.44"])
async def test_example_prints_the_power(simulator: StartSimulator, programs: Path, firmware: str) -> None:
    gateway = await simulator(firmware, password="12345")
    gateway.home.home_power, gateway.home.solar_power = 1100, 5200
    example = README.partition("```python\n")[2].partition("```")[0]
    assert "192.168.1.50" in example
    out = await _run(programs / "python", "-I", "-c", example.replace("192.168.1.50", f"{gateway.host}:{gateway.port}"))
    assert isinstance(float(out), float)
    assert gateway.tokens == {}
    assert gateway.running


async def test_command_reads_the_gateway(simulator: StartSimulator, programs: Path) -> None:
    gateway = await simulator("1.15.0")
    assert "Solar" in await _run(programs / "powerwall-gateway", "flows", f"{gateway.host}:{gateway.port}")


async def _run(program: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return out.decode()
