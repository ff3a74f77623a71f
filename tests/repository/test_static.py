"""No text or icon is missing, no module is too long, and generated pages are up to date."""

import ast
from itertools import chain
import re

from custom_components.powerwall_gateway import DESCRIPTIONS, issues
from custom_components.powerwall_gateway.condition import CONDITIONS
from custom_components.powerwall_gateway.const import DOMAIN
from custom_components.powerwall_gateway.exceptions import _COMMAND_KEYS, _KEYS, _LOGIN_KEYS
from custom_components.powerwall_gateway.gateway import KeyProblem, SignedOperationController
from custom_components.powerwall_gateway.sensor import SENSORS
from custom_components.powerwall_gateway.trigger import TRIGGERS
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.util.yaml import load_yaml_dict
from tests.helpers import INTEGRATION, ROOT, load
from tools import entity_table

ICON_BY_DEVICE_CLASS = {"charge", "battery_charging", "problem"}
"""Home Assistant draws these by itself, the battery at its level."""


TEXTS = load("translations/en.json")


def test_every_entity_has_a_name_and_an_icon() -> None:
    icons = load("icons.json")["entity"]
    for platform, descriptions in DESCRIPTIONS.items():
        keys = {description.translation_key or description.key for description in descriptions}
        assert set(TEXTS["entity"][platform]) == keys
        with_class = {each.translation_key or each.key for each in descriptions if each.device_class}
        assert keys - with_class <= set(icons[platform]) <= keys - ICON_BY_DEVICE_CLASS


def test_every_trigger_and_condition_has_texts_and_an_icon() -> None:
    icons = load("icons.json")
    for kind, keys in (("trigger", TRIGGERS), ("condition", CONDITIONS)):
        written = load_yaml_dict(str(INTEGRATION / f"{kind}s.yaml"))
        described = {key: value for key, value in written.items() if not key.startswith(".")}
        texts = TEXTS[f"{kind}s"]
        assert set(described) == set(keys) == set(texts)
        assert {key: {kind} for key in keys} == {key: set(icon) for key, icon in icons[f"{kind}s"].items()}
        for key, value in described.items():
            assert set(texts[key]) - {"fields"} == {"name", "description"}
            assert set(texts[key].get("fields", {})) == set(value.get("fields", {}))


def test_every_state_of_an_enum_has_a_text() -> None:
    for description in SENSORS:
        texts = TEXTS["entity"]["sensor"][description.translation_key or description.key]
        assert set(texts.get("state", {})) == set(description.options or ())
        assert {STATE_UNAVAILABLE, STATE_UNKNOWN}.isdisjoint(description.options or ()), description.key


CONFIG_FLOW = "config_flow.py:PowerwallGatewayConfigFlow"
OPTIONS_FLOW = "config_flow.py:PowerwallGatewayOptionsFlow"


def source(part: str) -> str:
    """Return the text of a module, or of a class in it (`module.py:Class`)."""
    module, _, name = part.partition(":")
    text = (INTEGRATION / module).read_text()
    if not name:
        return text
    (found,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name]
    return ast.get_source_segment(text, found) or ""


def strings(part: str) -> set[str]:
    """Return every string that a module, or a class in it, writes."""
    tree = ast.parse(source(part))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


KEY_PROBLEMS = {f"key_{problem}" for problem in KeyProblem}
"""The texts that are named after what is wrong with a signing key."""


def _error_keys(*parts: str) -> set[str]:
    """Return the error keys that modules or classes raise, directly or by their table of exceptions."""
    keys = (
        r'FormError\("(\w+)"|_form_error\(err, "(\w+)"\)|return "(key_\w+)"|'
        r'^    (?:\(\w+Error,|LoginProblem\.\w+:) "(\w+)"'
    )
    found = (re.findall(keys, source(part), re.MULTILINE) for part in parts)
    return set(chain.from_iterable(chain.from_iterable(found))) - {""}


def test_every_error_has_a_text_and_every_text_an_error() -> None:
    assert _error_keys(CONFIG_FLOW, "probe.py") == set(TEXTS["config"]["error"])


def test_every_error_of_the_options_has_a_text_and_every_text_an_error() -> None:
    of_key = (OPTIONS_FLOW, "signing_key.py")
    raised = {name for part in of_key for name in strings(part)} | KEY_PROBLEMS
    assert _error_keys(*of_key) <= set(TEXTS["options"]["error"])
    assert set(TEXTS["options"]["error"]) | set(TEXTS["options"]["abort"]) <= raised


def test_every_step_has_its_texts() -> None:
    flow = strings(CONFIG_FLOW) | {
        node.name.removeprefix("async_step_")
        for node in ast.walk(ast.parse(source(CONFIG_FLOW)))
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert set(TEXTS["config"]["step"]) <= flow
    assert set(TEXTS["config"]["progress"]) == {"looking", "logging_in"}
    assert set(TEXTS["options"]["progress"]) == {
        "opening",
        "make_key",
        "registering_key",
        "checking_key",
        "listing_keys",
        "removing_key",
    }
    without_page = set(TEXTS["options"]["progress"]) | {
        "opened",
        "key_registered",
        "key_checked",
        "keys_listed",
        "key_removed",
    }
    assert (
        set(TEXTS["options"]["step"]) == set(re.findall(r"async_step_(\w+)\(self", source(OPTIONS_FLOW))) - without_page
    )


def test_every_failure_of_a_repair_has_its_text() -> None:
    """A repair's form has texts of its own for the exceptions that the supervisor raises: a start checks less."""
    for_others = {"operation", "settings", "rule", "island", "charge", "no_grid_to_leave", "key", "clocks_differ"}
    for_others |= {"backup", "dispatch"}
    texts = {*_COMMAND_KEYS.values(), *_LOGIN_KEYS.values(), *_KEYS.values(), "login_needed"}
    keys = {key for key in texts if not any(key.startswith(start) for start in for_others)}
    before_a_stop = {"guard_busy", "journal_failed", "not_on_grid", "not_sure", "too_many_logins"}
    of_a_start = keys - before_a_stop
    for issue, needed in (
        (issues.LOGIN_NEEDED, keys),
        (issues.STOPPED, of_a_start),
        (issues.STOPPED_LONG_AGO, of_a_start),
    ):
        errors = TEXTS["issues"][issue.key]["fix_flow"]["error"]
        assert set(errors) == needed
        for key, text in errors.items():
            assert _placeholders(text) <= _placeholders(TEXTS["exceptions"][key]["message"]), key


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"{\w+}", text))


def test_every_exception_has_a_text_and_every_text_an_exception() -> None:
    raising = ["__init__.py", "control.py", "exceptions.py", "services.py"]
    written = set(chain.from_iterable(strings(module) for module in raising))
    assert KEY_PROBLEMS <= set(TEXTS["exceptions"]) <= written | KEY_PROBLEMS
    keys = (
        r'translation_key="(\w+)"|(?:validation|action)_error\(\s*"(\w+)"|key = "(\w+)"|'
        r'^    \(?(?:\w+Error|(?:CommandFailure|LoginProblem)\.\w+)[,:] "(\w+)"'
    )
    used = chain.from_iterable(re.findall(keys, (INTEGRATION / module).read_text(), re.MULTILINE) for module in raising)
    assert set(chain.from_iterable(used)) - {""} <= set(TEXTS["exceptions"])


def test_every_issue_has_its_texts() -> None:
    assert {issue.key for issue in issues.ALL} == set(TEXTS["issues"])
    for issue in issues.ALL:
        assert ("fix_flow" in TEXTS["issues"][issue.key]) is issue.is_fixable
        assert ("description" in TEXTS["issues"][issue.key]) is not issue.is_fixable


def test_every_field_is_explained() -> None:
    for step in chain(TEXTS["config"]["step"].values(), TEXTS["options"]["step"].values()):
        assert step["title"]
        assert set(step.get("data", ())) == set(step.get("data_description", ()))


def test_modules_stay_small() -> None:
    for path in chain(INTEGRATION.rglob("*.py"), (ROOT / "tests").rglob("*.py"), (ROOT / "tools").rglob("*.py")):
        assert len(path.read_text().splitlines()) <= 1000, f"split {path}"


def test_every_entity_is_listed() -> None:
    assert entity_table.PAGE.read_text() == entity_table.page(), "run: python -m tools.entity_table"


def test_every_meaning_belongs_to_an_entity() -> None:
    assert entity_table.unused_meanings() == set()


def test_every_settable_mode_can_be_chosen() -> None:
    modes = set(SignedOperationController.modes)
    action = load_yaml_dict(str(INTEGRATION / "services.yaml"))["set_operation"]["fields"]["mode"]
    assert set(action["selector"]["select"]["options"]) == modes
    inputs = load_yaml_dict(str(ROOT / "blueprints" / "automation" / DOMAIN / "time_of_use.yaml"))["blueprint"]["input"]
    options = inputs["charging"]["input"]["charge_mode"]["selector"]["select"]["options"]
    assert {option["value"] for option in options} == {"unchanged", *modes}
