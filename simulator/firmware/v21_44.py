"""Firmware 21.44 (December 2021) on a Gateway 2: HTTPS, cookies, and a customer login that reads everything."""

from simulator.firmware.shared import WIZARD, closed
from simulator.gateway import (
    actions,
    constant_payloads,
    installer_lists,
    inventory,
    login_endpoints,
    meters,
    networks,
    power_system,
    powerwall_plus,
    registration,
    self_tests,
    synchrometers,
    updates,
    vitals,
)
from simulator.gateway.inventory import always
from simulator.gateway.login import LoginRules
from simulator.gateway.nameplate import Nameplate
from simulator.gateway.profile import Access, Endpoint, Profile, reads

OPEN, LOGIN, INSTALLER = Access.OPEN, Access.LOGIN, Access.INSTALLER

ENDPOINTS = {
    **WIZARD,
    "login/Basic": {"POST": Endpoint(login_endpoints.login, OPEN)},
    "logout": {"GET": Endpoint(login_endpoints.logout, OPEN)},
    "auth/toggle/supported": reads(login_endpoints.toggle_supported, OPEN),
    "auth/toggle/start": {"POST": Endpoint(login_endpoints.start_toggle, OPEN)},
    "auth/toggle/login": {
        "POST": Endpoint(login_endpoints.toggle_login, OPEN),
        "DELETE": Endpoint(login_endpoints.end_toggle, OPEN),
    },
    "password/change": {"POST": Endpoint(login_endpoints.change_password, OPEN)},
    "status": reads(inventory.status, OPEN),
    "legal/radio": reads(always(networks.RADIO_MODULES), OPEN),
    # power and energy
    "meters/aggregates": reads(meters.aggregates(meters.SYNCHROMETER), LOGIN, live=True),
    "system_status": reads(power_system.system_status, LOGIN, live=True),
    "system_status/soe": reads(power_system.soe, LOGIN, live=True),
    "system_status/grid_status": reads(power_system.grid_status, LOGIN, live=True),
    "system_status/grid_faults": reads(power_system.grid_faults, LOGIN, live=True),
    "devices/vitals": {"GET": Endpoint(vitals.vitals, LOGIN)},
    # operation
    "sitemaster": reads(power_system.sitemaster, LOGIN),
    "sitemaster/run": {"GET": Endpoint(actions.run, LOGIN)},
    "sitemaster/stop": {"POST": Endpoint(actions.stop, LOGIN)},
    "config": reads(inventory.config, LOGIN),
    "config/completed": {"GET": Endpoint(actions.completed, LOGIN)},
    "operation": {**reads(inventory.operation, LOGIN), "POST": Endpoint(actions.set_operation, INSTALLER)},
    "v2/islanding/mode": {"POST": Endpoint(actions.islanding_mode, LOGIN)},
    # hardware
    "powerwalls": reads(inventory.powerwalls, LOGIN),
    "powerwalls/status": reads(inventory.powerwalls_status, LOGIN),
    "powerwalls/phase_usages": {"GET": Endpoint(inventory.phase_usages, LOGIN)},
    "site_info": reads(inventory.site_info, LOGIN),
    "site_info/site_name": {**reads(inventory.site_name, LOGIN), "POST": Endpoint(actions.set_site_name, INSTALLER)},
    "site_info/grid_regions": reads(installer_lists.grid_regions, LOGIN),
    "solars": reads(inventory.solars, LOGIN),
    "solars/brands": reads(installer_lists.brands, LOGIN),
    "solars/brands/{brand}": {"GET": Endpoint(installer_lists.models, LOGIN)},
    "generators": reads(inventory.generators, LOGIN),
    "generators/disconnect_types": reads(always(constant_payloads.DISCONNECT_TYPES), LOGIN),
    "meters": {**reads(synchrometers.meters, LOGIN), **closed("POST")},
    "meters/site": reads(synchrometers.site, LOGIN),
    "meters/solar": reads(synchrometers.solar, LOGIN),
    "meters/readings": reads(synchrometers.channel_readings, LOGIN),
    "meters/status": reads(always(constant_payloads.METERS_FINE), LOGIN),
    "meters/{serial}/cts": {"GET": Endpoint(synchrometers.transformers, LOGIN), **closed("POST", "DELETE")},
    "meters/{serial}/ct_config": {"GET": Endpoint(synchrometers.transformer_config, LOGIN), **closed("POST")},
    "synchrometer/ct_voltage_references": reads(synchrometers.phases, LOGIN),
    "synchrometer/ct_voltage_references/options": {"GET": Endpoint(synchrometers.phase_options, LOGIN)},
    # site and owner
    "customer": reads(registration.customer, LOGIN),
    "customer/registration": reads(registration.registration, LOGIN),
    "installer": reads(inventory.installer, LOGIN),
    "installer/companies": reads(installer_lists.companies, LOGIN),
    # networks, updates, login
    "networks": {**reads(networks.connections, LOGIN), **closed("POST")},
    "networks/access_points": reads(networks.access_points, LOGIN),
    "networks/request_scan_wifi": {"POST": Endpoint(networks.request_scan, LOGIN)},
    "networks/client_protocols": {**reads(always(networks.CLIENT_PROTOCOLS), LOGIN), **closed("POST")},
    "system/networks/conn_tests": {
        **reads(self_tests.connection_test, LOGIN),
        "POST": Endpoint(self_tests.start_connection_test, LOGIN),
    },
    "system/networks/ping_test": reads(always(self_tests.PING), LOGIN),
    "system/testing": {**reads(always(self_tests.NOT_TESTED), LOGIN), **closed("DELETE")},
    "system/update": {"POST": Endpoint(updates.update, LOGIN)},
    "system/update/status": reads(updates.update_status, LOGIN),
    "system/update/urgency": {"GET": Endpoint(updates.urgency, LOGIN)},
    "troubleshooting/problems": reads(self_tests.problems, LOGIN),
    "autoconfig/status": reads(always(constant_payloads.AUTOCONFIG), LOGIN),
    "logging": {"POST": Endpoint(self_tests.log, LOGIN)},
}

PROFILE = Profile(
    firmware="21.44",
    tls=True,
    headers={"Cache-Control": "no-cache, no-store"},
    error_headers={"X-Content-Type-Options": "nosniff"},
    nameplate=Nameplate(
        version="21.44 223a56cd",
        git_hash="223a56cd5e8f3c5b1a6b8a1c1f2b8f6e7a9d0c42",
        part_number="1232100-00-E",
        serial="TG1212340000A7",
        pack_part_number="3012170-05-B",
        pack_serial="TG121108000123",
        meter_serial="JBL20345678901",
        boot_seconds=55 * 3600 + 46 * 60 + 11,
        sitemaster_seconds=200_655,
        commission_count=9,
    ),
    login=LoginRules(
        password=lambda serial: serial[-5:],
        roles={"customer": "Home_Owner"},
        behind_switch={"installer": "Provider_Engineer"},
        wrong="bad credentials",
        cookies=True,
        login_time=True,
    ),
    endpoints=ENDPOINTS,
    powerwall_plus={"solar_powerwall": reads(powerwall_plus.solar_powerwall, LOGIN)},
)
