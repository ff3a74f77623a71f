"""Firmware 1.15.0 (April 2018) on a Gateway 1: plain HTTP, bearer tokens, and a login that stops the Powerwalls."""

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

OPEN, LOGIN = Access.OPEN, Access.LOGIN

PROFILE = Profile(
    firmware="1.15.0",
    tls=False,
    headers={
        "Access-Control-Allow-Credentials": "false",
        "Access-Control-Allow-Headers": (
            "X-Requested-With, X-HTTP-Method-Override, Content-Type, Accept, Accept-Encoding, Authorization"
        ),
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Max-Age": "86400",
    },
    error_headers={"X-Content-Type-Options": "nosniff"},
    nameplate=Nameplate(
        version="1.15.0",
        git_hash="dc337851c6cad15a7e9c7223d60fff719eb8da4d",
        part_number="1118431-00-F",
        serial="T17G0012345",
        pack_part_number="1092170-03-E",
        pack_serial="T17J0001234",
        meter_serial="OBB3172012345",
        boot_seconds=402 * 3600 + 8 * 60 + 20,
        sitemaster_seconds=166_594,
    ),
    login=LoginRules(
        password=lambda serial: f"S{serial}",
        roles={"": "Provider_Engineer"},
        wrong="Invalid Credentials",
        stopping_roles=frozenset({"Provider_Engineer"}),
        unknown_token=401,
    ),
    endpoints={
        "login/Basic": {"POST": Endpoint(login_endpoints.login, OPEN)},
        "logout": {"GET": Endpoint(login_endpoints.logout, OPEN)},
        "status": reads(inventory.status_1_15, OPEN),
        "meters/aggregates": reads(meters.aggregates(meters.NEURIO), OPEN, live=True),
        "system_status/soe": reads(power_system.soe, OPEN, live=True),
        "system_status/grid_status": reads(power_system.grid_status_1_15, OPEN, live=True),
        "system_status/grid_faults": reads(power_system.no_grid_faults, OPEN, live=True),
        "sitemaster": reads(power_system.sitemaster_1_15, OPEN),
        "sitemaster/run": {"GET": Endpoint(actions.run, OPEN)},
        "sitemaster/stop": {"GET": Endpoint(actions.stop_1_15, OPEN)},
        "sitemaster/run_for_commissioning": {"POST": Endpoint(actions.run_for_commissioning, LOGIN)},
        "config/completed": {"GET": Endpoint(actions.completed_1_15, OPEN)},
        "powerwalls": reads(inventory.powerwalls_1_15, OPEN),
        "powerwalls/status": {"GET": Endpoint(power_system.powerwalls_status_1_15, LOGIN)},
        "customer/registration": reads(registration.registration_1_15, OPEN),
        "site_info": reads(inventory.site_info_1_15, OPEN),
        "site_info/grid_codes": reads(installer_lists.grid_codes, LOGIN),
        "site_info/site_name": {
            **reads(inventory.site_name, OPEN),
            "POST": Endpoint(actions.set_site_name, LOGIN),
        },
        "system/update/status": reads(updates.update_status_1_15, OPEN),
        "operation": {
            **reads(inventory.operation_1_15, LOGIN),
            "POST": Endpoint(actions.set_operation_1_15, LOGIN),
        },
        "config": reads(inventory.config, LOGIN),
        "customer": reads(registration.customer_1_15, LOGIN),
        "customer/registration/legal": {"POST": Endpoint(registration.agree, LOGIN)},
        "customer/registration/skip": {"POST": Endpoint(registration.skip, LOGIN)},
        "customer/registration/emailed": {"POST": Endpoint(registration.email, LOGIN)},
        "solars": reads(always(constant_payloads.SOLARS_1_15), LOGIN),
        "solars/brands": reads(installer_lists.brands_1_15, LOGIN),
        "solars/brands/{brand}": {"GET": Endpoint(installer_lists.models, LOGIN)},
        "generators": reads(inventory.generators, LOGIN),
        "generators/disconnect_types": reads(always(constant_payloads.DISCONNECT_TYPES), LOGIN),
        "meters": reads(ct_meters.neurio, LOGIN),
        "meters/readings": reads(ct_meters.neurio_readings, LOGIN),
        "meters/{serial}/verify": {"POST": Endpoint(ct_meters.verify, LOGIN)},
        "installer": reads(always(constant_payloads.INSTALLER_1_15), LOGIN),
        "installer/companies": reads(installer_lists.companies_1_15, LOGIN),
        "networks": {**reads(networks.interfaces, LOGIN), "POST": Endpoint(networks.configure, LOGIN)},
        "networks/wifi_security_types": reads(always(networks.WIFI_SECURITY_TYPES), LOGIN),
        "networks/wifi_scan": {"POST": Endpoint(networks.scan_1_15, LOGIN)},
        "networks/{name}/enable": {"POST": Endpoint(networks.enable, LOGIN)},
        "networks/{name}/disable": {"POST": Endpoint(networks.disable, LOGIN)},
        "system/networks": reads(networks.configured, LOGIN),
        "system/networks/conn_tests": {
            **reads(self_tests.connection_test_1_15, LOGIN),
            "POST": Endpoint(self_tests.start_connection_test_1_15, LOGIN),
        },
        "system/networks/ping_test": reads(always(self_tests.PING), LOGIN),
        "system/testing": reads(self_tests.commissioning_test, LOGIN),
        "logging": {"POST": Endpoint(self_tests.log, LOGIN)},
    },
)
