"""Firmware 21.44 (December 2021) on a Gateway 2: HTTPS, cookies, and a customer who may read everything."""

from tests.simulator.gateway import actions, fixed, inventory, meters, power_system
from tests.simulator.gateway.inventory import always
from tests.simulator.gateway.login import LoginRules
from tests.simulator.gateway.nameplate import Nameplate
from tests.simulator.gateway.profile import Access, Endpoint, Profile, reads

OPEN, LOGIN, INSTALLER = Access.OPEN, Access.LOGIN, Access.INSTALLER

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
    endpoints={
        "login/Basic": {"POST": Endpoint(actions.login, OPEN)},
        "logout": {"GET": Endpoint(actions.logout, OPEN)},
        "auth/toggle/supported": reads(inventory.toggle_supported, OPEN),
        "status": reads(inventory.status, OPEN),
        "meters/aggregates": reads(meters.aggregates(meters.SYNCHROMETER), LOGIN, live=True),
        "system_status": reads(power_system.system_status, LOGIN, live=True),
        "system_status/soe": reads(power_system.soe, LOGIN, live=True),
        "system_status/grid_status": reads(power_system.grid_status, LOGIN, live=True),
        "system_status/grid_faults": reads(power_system.grid_faults, LOGIN, live=True),
        "sitemaster": reads(power_system.sitemaster, LOGIN),
        "sitemaster/run": {"GET": Endpoint(actions.run, LOGIN)},
        "sitemaster/stop": {"POST": Endpoint(actions.stop, LOGIN)},
        "config": reads(inventory.config, LOGIN),
        "config/completed": {"GET": Endpoint(actions.completed, LOGIN)},
        "operation": {**reads(inventory.operation, LOGIN), "POST": Endpoint(actions.set_operation_1_15, INSTALLER)},
        "powerwalls": reads(inventory.powerwalls, LOGIN),
        "powerwalls/status": reads(inventory.powerwalls_status, LOGIN),
        "site_info": reads(inventory.site_info, LOGIN),
        "site_info/site_name": {
            **reads(inventory.site_name, LOGIN),
            "POST": Endpoint(actions.set_site_name, INSTALLER),
        },
        "system/update": {"POST": Endpoint(actions.update, LOGIN)},
        "system/update/status": reads(inventory.update_status, LOGIN),
        "v2/islanding/mode": {"POST": Endpoint(actions.islanding_mode, LOGIN)},
        "customer": reads(always(fixed.CUSTOMER), LOGIN),
        "customer/registration": reads(always(fixed.REGISTRATION), LOGIN),
        "solars": reads(always(fixed.SOLARS), LOGIN),
        "generators": reads(always(fixed.NO_GENERATORS), LOGIN),
        "generators/disconnect_types": reads(always(fixed.DISCONNECT_TYPES), LOGIN),
        "meters": reads(inventory.meters, LOGIN),
        "meters/status": reads(always(fixed.METERS_FINE), LOGIN),
        "installer": reads(inventory.installer, LOGIN),
        "networks": reads(always(fixed.NETWORKS), LOGIN),
        "troubleshooting/problems": reads(always(fixed.NO_PROBLEMS), LOGIN),
        "autoconfig/status": reads(always(fixed.AUTOCONFIG), LOGIN),
    },
)
