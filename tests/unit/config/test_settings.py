"""The four sources of settings and their order; a wrong setting is named with its source."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import ConfigError, load_settings, pack_path
from config.settings import SITE_FILE_VARIABLE


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text('language = "en"\n[web]\nport = 8001\nhost = "127.0.0.2"\n', encoding="utf-8")
    return path


def test_defaults_are_complete_and_every_value_has_a_source() -> None:
    settings = load_settings(environ={})
    flat = {
        f"{section}.{name}"
        for section, values in tomllib.loads(pack_path("defaults.toml").read_text(encoding="utf-8")).items()
        if isinstance(values, dict)
        for name in values
    }
    assert flat <= set(settings.source_of)
    assert set(settings.source_of.values()) == {"defaults"}


def test_order_of_the_four_sources(site: Path) -> None:
    env = {"YUNJIAN_WEB__PORT": "8002", "YUNJIAN_WEB__SESSION_HOURS": "3"}
    settings = load_settings({"web.port": 8003}, environ=env, site_file=site)
    assert (settings.web.port, settings.web.session_hours, settings.web.host, settings.web.max_body_mb) == (
        8003,
        3,
        "127.0.0.2",
        64,
    )
    names = ("web.port", "web.session_hours", "web.host", "web.max_body_mb")
    assert [settings.source_of[name] for name in names] == ["arguments", "environment", "site file", "defaults"]
    assert load_settings(environ=env, site_file=site).web.port == 8002
    assert load_settings(environ={}, site_file=site).web.port == 8001


def test_site_file_by_environment(site: Path) -> None:
    assert load_settings(environ={SITE_FILE_VARIABLE: str(site)}).language == "en"
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        load_settings(environ={SITE_FILE_VARIABLE: "/missing.toml"})
    site.write_text("not toml [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"site\.toml"):
        load_settings(environ={}, site_file=site)


@pytest.mark.parametrize("source", ["arguments", "environment", "site file"])
def test_a_misspelt_key_is_named_with_its_source_and_the_nearest_name(source: str, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[web]\nprot = 1\n" if source == "site file" else "", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(
            {"web.prot": 1} if source == "arguments" else None,
            environ={"YUNJIAN_WEB__PROT": "1"} if source == "environment" else {},
            site_file=site,
        )
    assert str(caught.value).startswith(source)
    assert "'web.prot'" in str(caught.value)
    assert "'web.port'" in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("web.port", 70000), ("web.port", "x"), ("language", "fr"), ("jobs.poll_s", 0)])
def test_a_wrong_value_is_named_with_its_source(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({name: value}, environ={})
    assert str(caught.value).startswith(f"{name} (arguments)")


def test_environment_values_are_json_or_text() -> None:
    env = {"YUNJIAN_VIDEO__ICE_SERVERS": '["turn:a"]', "YUNJIAN_WEB__PUBLIC_URL": "https://a.test", "OTHER": "x"}
    settings = load_settings(environ=env)
    assert settings.video.ice_servers == ("turn:a",)
    assert settings.web.public_url == "https://a.test"


def test_config_show_prints_value_and_source(monkeypatch: pytest.MonkeyPatch) -> None:
    from console.cli.config import app

    monkeypatch.setenv("YUNJIAN_WEB__PORT", "8443")
    monkeypatch.setenv("YUNJIAN_DATABASE__URL", "postgresql+psycopg://yunjian:hunter2@db/yunjian")
    shown = CliRunner().invoke(app, ["show"])
    assert shown.exit_code == 0
    line = next(line for line in shown.stdout.splitlines() if line.startswith("web.port"))
    assert line.split() == ["web.port", "=", "8443", "#", "environment"]
    assert "hunter2" not in shown.stdout
    data = json.loads(CliRunner().invoke(app, ["show", "web", "--json"]).stdout)
    assert data["schema"] == "yunjian.config/1"
    assert {"name": "web.port", "value": 8443, "source": "environment"} in data["data"]
    assert CliRunner().invoke(app, ["show", "nothing"]).exit_code == 2
    monkeypatch.setenv("YUNJIAN_WEB__PROT", "1")
    assert CliRunner().invoke(app, ["show"]).exit_code == 2
