"""Serve `/simulator`, where tests and tools read and change the state of the simulator."""

from collections import Counter
import json

from aiohttp import web

from simulator.control_requests import MistakeError, Orders, parse
from simulator.gateway import Gateway
from simulator.gateway.keys import KeyState
from simulator.server import GatewayServer
from simulator.timing import Timing

PATH = "/simulator"


class ControlApi:
    """Return the state and carry out orders."""

    def __init__(self, gateway: Gateway, server: GatewayServer, timing: Timing) -> None:
        self._gateway = gateway
        self._server = server
        self._timing = timing

    def response(self, method: str, body: bytes, connections: int) -> web.Response:
        """Respond to a request to `/simulator`."""
        if method not in {"GET", "POST"}:
            return _response({"error": "Ask with GET, give orders with POST."}, 405)
        if method == "POST":
            try:
                self.obey(parse(body))
            except MistakeError as mistake:
                return _response({"error": str(mistake)}, 400)
        return _response(self.state(connections))

    def obey(self, orders: Orders) -> None:
        """Carry the orders out. Raises MistakeError, before any change, if the home lacks something that they name."""
        self._check_home(orders)
        self._change_packs(orders)
        self._change_timing(orders)
        self._change_home(orders)
        self._change_gateway(orders)
        self._change_uplinks(orders)
        self._change_faults(orders)

    def _check_home(self, orders: Orders) -> None:
        if orders.generator_power is not None and self._gateway.home.generator is None:
            raise MistakeError("This home has no generator; start the simulator with one.")

    def _change_packs(self, orders: Orders) -> None:
        home, order = self._gateway.home, orders.pack
        if order is None:
            return
        try:
            if order.verb == "add":
                home.add_pack(order.number)
            elif order.verb == "remove":
                home.remove_pack(order.number)
            else:
                reasons = [order.reason] if order.verb == "disable" else []
                home.pack(order.number).disabled_reasons[:] = reasons
        except ValueError as mistake:
            raise MistakeError(str(mistake)) from None

    def _change_timing(self, orders: Orders) -> None:
        if orders.speed is not None:
            self._timing.speed = orders.speed
        if orders.latency is not None:
            self._timing.latency = orders.latency

    def _change_home(self, orders: Orders) -> None:
        home = self._gateway.home
        if orders.time is not None:
            home.now = orders.time
        if orders.charge is not None:
            home.charge = orders.charge
        if orders.solar_power is not None:
            home.solar_power = orders.solar_power.watts
        if orders.home_power is not None:
            home.home_power = orders.home_power.watts
        if orders.generator_power is not None:
            home.generator_power = orders.generator_power.watts
        if orders.off_grid is not None:
            home.off_grid_on_purpose = orders.off_grid
        if orders.grid == "down":
            home.outage()
        elif orders.grid == "up":
            home.restore()

    def _change_gateway(self, orders: Orders) -> None:
        gateway = self._gateway
        if orders.connected_to_tesla is not None:
            gateway.connected_to_tesla = orders.connected_to_tesla
        if orders.new_firmware is not None:
            gateway.new_firmware = orders.new_firmware
        if orders.lose_sessions:
            gateway.desk.tokens.clear()
        if orders.register_key is not None:
            gateway.keyring.register(orders.register_key)
        if orders.follows_config is not None:
            gateway.follows_config = orders.follows_config
        if orders.switch is True:
            gateway.desk.presence.flip()
            gateway.keyring.confirm()
        elif orders.switch is False:
            gateway.desk.presence.end()
        if orders.running is True:
            gateway.run()
        elif orders.running is False:
            gateway.stop()

    def _change_faults(self, orders: Orders) -> None:
        gateway, faults = self._gateway, self._server.faults
        if orders.find_meters:
            gateway.lost_meters.clear()
        if orders.lose_meter is not None:
            gateway.lost_meters.setdefault(orders.lose_meter, None)
        if orders.in_sync is not None:
            gateway.in_sync = orders.in_sync
        if orders.clear_problems:
            gateway.problems.clear()
        if orders.problem is not None:
            gateway.problems.append(orders.problem)
        if orders.clear_alerts:
            gateway.alerts.clear()
        if orders.alert is not None:
            gateway.alerts.add(orders.alert)
        if orders.clear_faults:
            faults.clear()
        if orders.fault is not None:
            faults.active.append(orders.fault)

    def _change_uplinks(self, orders: Orders) -> None:
        uplinks = self._gateway.uplinks
        if orders.ethernet is not None:
            uplinks.ethernet = orders.ethernet
        if orders.wifi_signal is not None:
            uplinks.wifi_signal = orders.wifi_signal
        if orders.cellular_signal is not None:
            uplinks.cellular_signal = orders.cellular_signal

    def state(self, connections: int) -> dict[str, object]:
        """Return the whole state, whatever firmware and login allow."""
        gateway, home, server = self._gateway, self._gateway.home, self._server
        flow = home.flow
        faults = [
            {
                name: value.decode(errors="replace") if isinstance(value, bytes) else value
                for name, value in vars(fault).items()
            }
            for fault in server.faults.active
        ]
        return {
            "firmware": server.profile.firmware,
            "serial": gateway.serial,
            "running": gateway.running,
            "stopped_seconds": round(gateway.stopped_seconds, 3),
            "time": home.now.isoformat(),
            "speed": self._timing.speed,
            "latency": self._timing.latency,
            "grid": "up" if home.grid.up else "down",
            "grid_status": home.grid_status,
            "off_grid": home.off_grid_on_purpose,
            "mode": home.mode,
            "reserve": home.reserve,
            "charge": home.charge,
            "solar_power": flow.solar,
            "home_power": flow.home,
            "battery_power": flow.battery,
            "grid_power": flow.grid,
            "generator_power": flow.generator,
            "grid_import_energy": home.grid_import_energy,
            "grid_export_energy": home.grid_export_energy,
            "solar_energy": home.solar_energy,
            "home_energy": home.home_energy,
            "battery_charge_energy": home.battery_charge_energy,
            "battery_discharge_energy": home.battery_discharge_energy,
            "generator_energy": home.generator_energy,
            "packs": [
                {"number": pack.number, "serial": serial, "disabled_reasons": pack.disabled_reasons}
                for pack, serial in zip(home.packs, gateway.pack_serials, strict=True)
            ],
            "lost_meters": sorted(gateway.lost_meters),
            "in_sync": gateway.in_sync,
            **vars(gateway.uplinks),
            "problems": gateway.problems,
            "alerts": sorted(gateway.alerts),
            "connected_to_tesla": gateway.connected_to_tesla,
            "new_firmware": gateway.new_firmware,
            "switch": gateway.desk.presence.proven,
            "keys": [(gateway.keyring.state(key.public_key) or KeyState.EXPIRED).name for key in gateway.keyring.keys],
            "follows_config": gateway.follows_config,
            "sessions": len(gateway.desk.tokens),
            "logins": server.logins,
            "connections": connections,
            "busy_seconds": round(server.busy_seconds, 3),
            "requests": dict(Counter(request.path for request in server.requests)),
            "faults": faults,
        }


def _response(value: dict[str, object], status: int = 200) -> web.Response:
    return web.json_response(value, status=status, dumps=lambda data: json.dumps(data, indent=2) + "\n")
