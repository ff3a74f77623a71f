"""No translation has a key that English lacks; hassfest checks English in validate.yml.

A text that a language lacks is shown in English. `python -m tools.translations` lists it, and no test fails for it.
"""

import json
from pathlib import Path
import re
import shutil

import pytest

from homeassistant.generated.languages import LANGUAGES as HOME_ASSISTANTS
from tools import translations
from tools.translations import FOLDER, LANGUAGES, changes, gaps, mark_done, texts

ENGLISH = texts("en")
SAME_AS_ENGLISH = {
    "de": {"Aggregation", "Ethernet", "Gateway", "Name", "Problem", "Reserve"},
    "es": {"Ethernet", "Wi-Fi"},
    "fr": {"Charge", "Ethernet", "Mode", "Options", "Wi-Fi"},
    "it": {"Ethernet", "Gateway", "Password", "Wi-Fi"},
    "ja": {"Wi-Fi"},
    "nl": {"Ethernet", "Gateway", "Off-grid", "Reserve"},
    "pt-BR": {"Ethernet", "Gateway", "Wi-Fi"},
}
"""Words a language shares with English; any other text that is the same was forgotten."""

in_every_language = pytest.mark.parametrize("language", LANGUAGES)


def test_the_languages_are_home_assistants() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {"en", *LANGUAGES}
    assert set(LANGUAGES) <= HOME_ASSISTANTS


@in_every_language
def test_no_language_has_a_text_that_english_lacks(language: str) -> None:
    assert texts(language).keys() <= ENGLISH.keys(), "run: python -m tools.translations"


def test_a_missing_text_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    german = json.loads((FOLDER / "de.json").read_text())
    del german["entity"]["sensor"]["charge"]
    (tmp_path / "de.json").write_text(json.dumps(german))
    monkeypatch.setattr(translations, "FOLDER", tmp_path)
    assert f"+ entity.sensor.charge.name: {ENGLISH['entity.sensor.charge.name']!r}" in list(gaps("de"))


def test_a_text_is_outdated_until_its_language_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    shutil.copy(translations.DONE, tmp_path / "done")
    monkeypatch.setattr(translations, "FOLDER", tmp_path)
    monkeypatch.setattr(translations, "DONE", tmp_path / "done")
    mark_done("de")
    english = json.loads((FOLDER / "en.json").read_text())
    english["entity"]["sensor"]["charge"]["name"] = "State of charge"
    (tmp_path / "en.json").write_text(json.dumps(english))
    assert list(changes("de")) == ["~ entity.sensor.charge.name is now 'State of charge'"]
    mark_done("de")
    assert list(changes("de")) == []


@in_every_language
def test_text_is_plain(language: str) -> None:
    for key, text in texts(language).items():
        assert text, key
        assert text == text.strip(), key
        # A path of menus has " > " between its names, but no text has HTML.
        assert not re.search(r"https?://|<|>|'\{\w+\}'", text.replace("** > **", "")), key


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize("section", ["config.error", "options.error", "exceptions"])
def test_no_error_has_the_text_of_another(language: str, section: str) -> None:
    found = [text for key, text in texts(language).items() if key.startswith(f"{section}.")]
    assert len(set(found)) == len(found) > 10


@in_every_language
def test_no_text_is_left_in_english(language: str) -> None:
    same = {text for key, text in texts(language).items() if text == ENGLISH[key]}
    assert same - {"Powerwall {number}"} <= SAME_AS_ENGLISH[language]


@in_every_language
def test_a_text_keeps_its_placeholders_figures_and_paragraphs(language: str) -> None:
    for key, text in texts(language).items():
        english = ENGLISH[key]
        for kept in (r"\{\w+\}", r"\n\n", "`"):
            assert sorted(re.findall(kept, text)) == sorted(re.findall(kept, english)), key
        # A language may have figures where English writes the number out: 10分 is ten minutes.
        figures = r"(?<![\w{])\d+(?:\.\d+)*"
        assert set(re.findall(figures, english)) <= set(re.findall(r"\d+(?:\.\d+)*", text)), key


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_text_that_names_another_names_it_as_it_is_shown(language: str) -> None:
    shown = ENGLISH | texts(language)
    box = shown["options.step.settings.data.allow_control"]
    assert shown["config.step.control.data.allow_control"] == shown["config.step.login.data.allow_control"] == box
    for key in ("exceptions.control_not_allowed.message", "exceptions.login_needed.message"):
        assert box in shown[key]
    again = shown["options.step.pairing.menu_options.register_key"]
    checked = shown["options.step.check_key.description"]
    assert f"*{again}*" in checked
    confirmed = re.search(r"\n2\. (.*)\n3\. ", shown["options.step.register_key.description"], re.DOTALL)
    assert confirmed
    assert checked.startswith(confirmed[1])
    for mode in ("backup", "self_consumption"):
        assert (
            shown[f"selector.operation_mode.options.{mode}"]
            == shown[f"entity.select.operation_mode.state.{mode}"]
            == shown[f"entity.sensor.operation_mode.state.{mode}"]
        )
        assert shown[f"selector.operation_mode.options.{mode}"].lower() in (
            shown["services.set_operation.fields.mode.description"].lower()
        )
