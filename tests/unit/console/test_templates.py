"""Rules about templates, modules and styles that no page may break: no inline code, no text outside the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console import view
from core.catalogue import LANGS, entries

TEMPLATES = sorted((view.HERE / "templates").rglob("*.html"))
OWN_JS = sorted(path for path in view.STATIC.rglob("*.js") if "vendor" not in path.parts)
OWN_CSS = sorted(path for path in view.STATIC.rglob("*.css") if "vendor" not in path.parts)
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
SPOKEN = {"title", "aria-label", "alt", "placeholder", "label", "content"}
# Not words of a language: a command to type, and what html itself wants.
ALLOWED = {"noindex", "yunjian verify .bag --trust CA.pem", "width=device-width, initial-scale=1", "width=device-width, initial-scale=1, viewport-fit=cover"}  # fmt: skip
BOTH_ON_PURPOSE = {
    "app.other_language",
    "app.switch_language",
    "reports.pdf.banner.demo",
    "reports.pdf.banner.simulated",
}  # said to everybody at once
LETTERS = re.compile(r"[A-Za-z\u3400-\u9fff]")


def name(path: Path) -> str:
    return path.relative_to(view.HERE).as_posix()


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text) == []
    assert re.findall(r"<style\b", text) == []
    assert re.findall(r"\s(?:style|on[a-z]+)\s*=", JINJA.sub("", text)) == []
    assert "javascript:" not in text
    assert "|safe" not in text.replace(" ", "")
    assert re.findall(r"https?://", text.replace('xmlns="http://www.w3.org/2000/svg"', "")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_text_outside_the_catalogue(path: Path) -> None:
    text = re.sub(r"\{% block \w+_class %\}.*?\{% endblock %\}|<kbd[^>]*>\w</kbd>", "", path.read_text(encoding="utf-8"))
    bare = JINJA.sub("", text)
    said = [" ".join(part.split()) for part in re.split(r"<[^>]*>", bare)]
    said += [value for key, value in re.findall(r'([\w-]+)="([^"]*)"', bare) if key in SPOKEN]
    assert [text for text in said if LETTERS.search(text) and text.strip() not in ALLOWED] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_key_is_in_the_catalogue(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole = set(re.findall(r"\bt\('([\w.]+)'\s*[,)]", text))
    assert sorted(whole - set(entries())) == []
    for prefix in re.findall(r"\bt\('([\w.]+)'\s*~", text):
        assert [key for key in entries() if key.startswith(prefix)], f"no key begins with {prefix}"


def test_templates_compile() -> None:
    for path in TEMPLATES:
        view.environment().get_template(path.relative_to(view.HERE / "templates").as_posix())


def test_both_languages_are_complete() -> None:
    """The same fields in both, nothing empty, Chinese in the Chinese one unless it is a name or a sign."""
    for key, texts in entries().items():
        for base in ("", "next_"):
            if base and f"{base}zh" not in texts:
                continue
            fields = [set(re.findall(r"\{(\w+)", texts[base + lang])) for lang in LANGS]
            assert fields[0] == fields[1], key
            assert all(texts[base + lang].strip() for lang in LANGS), key
            assert not re.search(r"[\u3400-\u9fff]", texts[base + "en"]) or key in BOTH_ON_PURPOSE, key


@pytest.mark.parametrize("path", OWN_JS, ids=name)
def test_modules_hold_no_text_and_no_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"[\u3400-\u9fff]", text)
    assert not re.search(r"\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert text.startswith(("//", "/**")), "a module says what it owns"


@pytest.mark.parametrize("path", OWN_CSS, ids=name)
def test_styles_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"url\(\s*[\"']?(?:https?:)?//", text) == []
    assert "@import" not in text
