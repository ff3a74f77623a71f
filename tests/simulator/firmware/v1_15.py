"""Firmware 1.15.0 (April 2018) on a Gateway 1: plain HTTP, Bearer tokens, and a login that stops the batteries."""

from tests.simulator.gateway import actions, fixed, inventory, meters, power_system
from tests.simulator.gateway.inventory import always
from tests.simulator.gateway.login import LoginRules
from tests.simulator.gateway.nameplate import Nameplate
from tests.simulator.gateway.profile import Access, Endpoint, Profile, reads

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
        boot_seconds=402 * 3600 + 8 * 60 + 20,
        sitemaster_seconds=166_594,
    ),
    login=LoginRules(
        password=lambda serial: f"S{serial}",
        roles={"": "Provider_Engineer"},
        wrong="Invalid Credentials",
        stops_sitemaster=True,
        unknown_token=401,
    ),
    endpoints={
        "login/Basic": {"POST": Endpoint(actions.login, OPEN)},
        "logout": {"GET": Endpoint(actions.logout, OPEN)},
        "status": reads(inventory.status_1_15, OPEN),
        "meters/aggregates": reads(meters.aggregates(meters.NEURIO), OPEN, live=True),
        "system_status/soe": reads(power_system.soe, OPEN, live=True),
        "system_status/grid_status": reads(power_system.grid_status_1_15, OPEN, live=True),
        "system_status/grid_faults": reads(power_system.no_grid_faults, OPEN, live=True),
        "sitemaster": reads(power_system.sitemaster_1_15, OPEN),
        "sitemaster/run": {"GET": Endpoint(actions.run, OPEN)},
        "sitemaster/stop": {"GET": Endpoint(actions.stop_1_15, OPEN)},
        "config/completed": {"GET": Endpoint(actions.completed_1_15, OPEN)},
        "powerwalls": reads(inventory.powerwalls_1_15, OPEN),
        "powerwalls/status": {"GET": Endpoint(power_system.powerwalls_status_1_15, LOGIN)},
        "customer/registration": reads(always(fixed.REGISTRATION_1_15), OPEN),
        "site_info": reads(inventory.site_info_1_15, OPEN),
        "site_info/site_name": {
            **reads(inventory.site_name, OPEN),
            "POST": Endpoint(actions.set_site_name, LOGIN),
        },
        "system/update/status": reads(inventory.update_status_1_15, OPEN),
        "operation": {
            **reads(inventory.operation_1_15, LOGIN),
            "POST": Endpoint(actions.set_operation_1_15, LOGIN),
        },
        "config": reads(inventory.config, LOGIN),
        "customer": reads(always(fixed.CUSTOMER_1_15), LOGIN),
        "solars": reads(always(fixed.SOLARS_1_15), LOGIN),
        "generators": reads(always(fixed.NO_GENERATORS), LOGIN),
        "generators/disconnect_types": reads(always(fixed.DISCONNECT_TYPES), LOGIN),
        "meters": reads(always(fixed.METERS_1_15), LOGIN),
        "installer": reads(always(fixed.INSTALLER_1_15), LOGIN),
        "networks": reads(always(fixed.NETWORKS_1_15), LOGIN),
        "networks/wifi_security_types": reads(always(fixed.WIFI_SECURITY_TYPES), LOGIN),
        "system/networks": reads(always(fixed.CONFIGURED_NETWORKS_1_15), LOGIN),
    },
)
