"""Firmware 1.50.1 (October 2020) on a Gateway 1: HTTPS and cookies, open reads, installer login by the switch."""

from dataclasses import replace

from simulator.firmware.shared import WIZARD, closed
from simulator.gateway import (
    actions,
    constant_payloads,
    ct_meters,
    installer_lists,
    inventory,
    login_endpoints,
    meters,
    networks,
    power_system,
    registration,
    self_tests,
    updates,
)
from simulator.gateway.inventory import always
from simulator.gateway.login import LoginRules
from simulator.gateway.nameplate import Nameplate
from simulator.gateway.profile import Access, Endpoint, Profile, reads

OPEN, LOGIN, INSTALLER = Access.OPEN, Access.LOGIN, Access.INSTALLER
FOUR_METERS = replace(meters.NEURIO, fields=(*meters.NEURIO_FIELDS, "timeout"), unused=())

PROFILE = Profile(
    firmware="1.50.1",
    tls=True,
    redirects=True,
    headers={"Cache-Control": "no-cache, no-store"},
    error_headers={"X-Content-Type-Options": "nosniff"},
    nameplate=Nameplate(
        version="1.50.1 c58c2df3",
        git_hash="c58c2df3be1d37f2b4f1a6a9e6c0f8a1d2b3c4e5",
        part_number="1118431-00-F",
        serial="T18J0004711",
        pack_part_number="2012170-05-C",
        pack_serial="T18K0002345",
        meter_serial="OBB3172012345",
        boot_seconds=211 * 3600 + 5 * 60 + 3,
        sitemaster_seconds=759_800,
        commission_count=4,
    ),
    login=LoginRules(
        password=lambda serial: serial[-5:],
        roles={"customer": "Home_Owner"},
        behind_switch={"installer": "Provider_Engineer"},
        stopping_roles=frozenset({"Provider_Engineer"}),
        wrong="bad credentials",
        cookies=True,
        login_time=True,
    ),
    endpoints={
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
        "status": reads(inventory.status_1_50, OPEN),
        # power and energy
        "meters/aggregates": reads(meters.aggregates(FOUR_METERS), OPEN, live=True),
        "system_status/soe": reads(power_system.soe, OPEN, live=True),
        "system_status/grid_status": reads(power_system.grid_status_1_15, OPEN, live=True),
        "system_status/grid_faults": reads(power_system.grid_faults, OPEN, live=True),
        # operation
        "sitemaster": reads(power_system.sitemaster, OPEN),
        "sitemaster/run": {"GET": Endpoint(actions.run, LOGIN)},
        "sitemaster/stop": {"GET": Endpoint(actions.stop_1_15, LOGIN)},
        "config": reads(inventory.config, LOGIN),
        "config/completed": {"GET": Endpoint(actions.completed_1_50, LOGIN)},
        "operation": {**reads(inventory.operation, LOGIN), "POST": Endpoint(actions.set_operation, INSTALLER)},
        # hardware
        "powerwalls": reads(inventory.powerwalls_1_50, OPEN),
        "powerwalls/status": reads(inventory.powerwalls_status, LOGIN),
        "site_info": reads(inventory.site_info, OPEN),
        "site_info/site_name": {
            **reads(inventory.site_name, OPEN),
            "POST": Endpoint(actions.set_site_name, INSTALLER),
        },
        "site_info/grid_regions": reads(installer_lists.grid_regions, LOGIN),
        "solars": reads(always(constant_payloads.SOLARS_1_15), LOGIN),
        "solars/brands": reads(installer_lists.brands, LOGIN),
        "solars/brands/{brand}": {"GET": Endpoint(installer_lists.models, LOGIN)},
        "generators": reads(inventory.generators, LOGIN),
        "generators/disconnect_types": reads(always(constant_payloads.DISCONNECT_TYPES), LOGIN),
        "meters": {**reads(ct_meters.neurio_1_50, LOGIN), **closed("POST")},
        "meters/readings": reads(ct_meters.neurio_readings, LOGIN),
        "meters/site": reads(ct_meters.site, LOGIN),
        "meters/solar": reads(ct_meters.solar, LOGIN),
        "meters/status": reads(always(constant_payloads.METERS_FINE), LOGIN),
        # site and owner
        "customer": reads(registration.customer, LOGIN),
        "customer/registration": reads(registration.registration, OPEN),
        "installer": reads(inventory.installer, LOGIN),
        "installer/companies": reads(installer_lists.companies, LOGIN),
        # networks, updates, login
        "networks": {**reads(networks.connections, LOGIN), **closed("POST")},
        "system/networks/conn_tests": {
            **reads(self_tests.connection_test, LOGIN),
            "POST": Endpoint(self_tests.start_connection_test, LOGIN),
        },
        "system/networks/ping_test": reads(always(self_tests.PING), LOGIN),
        "system/testing": {**reads(always(self_tests.NOT_TESTED), LOGIN), **closed("DELETE")},
        "system/update": {"POST": Endpoint(updates.update, LOGIN)},
        "system/update/status": reads(updates.update_status, LOGIN),
        "troubleshooting/problems": reads(self_tests.problems, LOGIN),
        "autoconfig/status": reads(always(constant_payloads.AUTOCONFIG), LOGIN),
        "logging": {"POST": Endpoint(self_tests.log, LOGIN)},
    },
)
