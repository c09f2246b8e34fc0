"""Reading and validating the configuration."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import pytest

from appliance.config import Config, ConfigError, get_config, load_config, use_config


def load(folder: Path, text: str = "", **environment: str) -> Config:
    file = folder / "hearth.toml"
    file.write_text(text)
    return load_config({"HEARTH_CONFIG": str(file), **environment})


def problems(folder: Path, text: str = "", **environment: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environment)
    return dict(caught.value.problems)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.server.name == "localhost"
    assert config.server.listen == ("127.0.0.1:8008", "[::1]:8008")


def test_a_setting_that_is_no_more_is_named_as_any_that_never_was(tmp_path: Path) -> None:
    gone = "retention.device_messages_days"
    for found in (
        problems(tmp_path, "[retention]\ndevice_messages_days = 30\n"),
        problems(tmp_path, HEARTH_RETENTION__DEVICE_MESSAGES_DAYS="30"),
    ):
        assert set(found) == {gone}
        assert found[gone].startswith("there is no such key")


def test_the_file_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, '[server]\nname = "example.org"\n[rate_limits.login]\nburst = 3\n')
    assert config.server.name == "example.org"
    assert config.rate_limits.login.burst == 3


def test_a_nested_section_keeps_the_rest_of_its_own_defaults(tmp_path: Path) -> None:
    before = load(tmp_path).rate_limits.login
    assert (
        load(tmp_path, "[rate_limits.login]\nburst = 3\n").rate_limits.login.per_second == before.per_second
    )


def test_files_of_conf_d_override_the_file_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-a.toml").write_text(
        '[server]\nname = "a.org"\nsupport_page = "https://a.org"\n'
    )
    (tmp_path / "conf.d" / "20-b.toml").write_text('[server]\nname = "b.org"\n')
    config = load(tmp_path, '[server]\nname = "file.org"\n')
    assert (config.server.name, config.server.support_page) == ("b.org", "https://a.org")


def test_the_environment_overrides_the_files(tmp_path: Path) -> None:
    config = load(tmp_path, '[server]\nname = "file.org"\n', HEARTH_SERVER__NAME="env.org")
    assert config.server.name == "env.org"


@pytest.mark.parametrize("text", ["[::]:80, 0.0.0.0:80", '["[::]:80", "0.0.0.0:80"]', "[::]:80,0.0.0.0:80"])
def test_a_list_in_the_environment_is_json_or_parted_by_commas(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, HEARTH_SERVER__LISTEN=text).server.listen == ("[::]:80", "0.0.0.0:80")


def test_the_environment_holds_numbers_booleans_tables_and_nested_keys(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        HEARTH_WEB__THREADS="7",
        HEARTH_PRESENCE__ENABLED="true",
        HEARTH_LOGGING__LEVELS='{"django": "error"}',
        HEARTH_RATE_LIMITS__LOGIN__PER_SECOND="0.5",
    )
    assert config.web.threads == 7
    assert config.presence.enabled is True
    assert config.logging.levels == {"django": "error"}
    assert config.rate_limits.login.per_second == 0.5


@pytest.mark.parametrize(
    ("variable", "written", "found"),
    [
        ("HEARTH_DATABASE__URL", "postgresql://hearth:s3cret@db/hearth\n", "database.url"),
        ("HEARTH_METRICS__TOKEN", "s3cret\n", "metrics.token"),
        ("HEARTH_REDIS__URL", "redis://:s3cret@cache/0\n", "redis.url"),
        ("HEARTH_CAPTCHA__PRIVATE_KEY", "s3cret", "captcha.private_key"),
        ("HEARTH_MEDIA__S3__BUCKET", "pictures\n", "media.s3.bucket"),
    ],
)
def test_a_file_named_by_the_environment_holds_the_value(
    tmp_path: Path, variable: str, written: str, found: str
) -> None:
    (tmp_path / "held").write_text(written)
    for named in ("held", str(tmp_path / "held")):
        config = load(tmp_path, **{f"{variable}_FILE": named})
        assert attrgetter(found)(config) == written.strip()


def test_a_list_may_be_in_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "uris").write_text("turn:a.org, turn:b.org\n")
    config = load(tmp_path, '[turn]\nsecret = "s"\n', HEARTH_TURN__URIS_FILE="uris")
    assert config.turn.uris == ("turn:a.org", "turn:b.org")


def test_a_setting_that_is_a_file_itself_stays_a_path(tmp_path: Path) -> None:
    config = load(tmp_path, HEARTH_MAIL__PASSWORD_FILE="/run/secrets/mail")
    assert config.mail.password_file == Path("/run/secrets/mail")
    assert config.mail.password == ""


def test_an_empty_name_of_a_file_names_none(tmp_path: Path) -> None:
    assert load(tmp_path, HEARTH_DATABASE__URL_FILE="").database.url == Config().database.url


def test_a_value_and_a_file_that_holds_it_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "held").write_text("example.org")
    found = problems(tmp_path, HEARTH_SERVER__NAME="a.org", HEARTH_SERVER__NAME_FILE="held")
    assert "HEARTH_SERVER__NAME" in found["HEARTH_SERVER__NAME_FILE"]


def test_a_file_with_a_value_that_cannot_be_read_is_told_of_and_its_content_never(tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(b"\xff s3cret")
    found = problems(tmp_path, HEARTH_METRICS__TOKEN_FILE="held", HEARTH_DATABASE__URL_FILE="nowhere")
    assert found["HEARTH_DATABASE__URL_FILE"].endswith("nowhere cannot be read: No such file or directory")
    assert found["HEARTH_METRICS__TOKEN_FILE"].endswith("is no text")
    assert "s3cret" not in str(found)


def test_a_file_for_a_setting_that_does_not_exist_is_told_of(tmp_path: Path) -> None:
    assert "server.nmae_file" in problems(tmp_path, HEARTH_SERVER__NMAE_FILE="held")


def test_every_error_is_listed_at_once_by_its_key(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        '[server]\nnaem = "x"\nlisten = ["nowhere"]\n'
        '[web]\nthreads = "four"\nprocesses = 2\n[mail]\nport = 0\n',
        HEARTH_REGISTRATION__MODE="wide-open",
    )
    assert set(found) == {
        "server.naem",
        "server.listen",
        "web.threads",
        "web.processes",
        "mail.port",
        "registration.mode",
    }
    assert "did you mean name?" in found["server.naem"]
    assert "nowhere" in found["server.listen"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[server]\nname = "not a name"', "server.name"),
        ('[server]\npublic_baseurl = "matrix.example.org"', "server.public_baseurl"),
        ('[server]\ndefault_room_version = "0"', "server.default_room_version"),
        ("[server]\nlisten = []", "server.listen"),
        ('[server]\nlisten = ["unix:relative.sock"]', "server.listen"),
        ('[server]\nlisten = ["1.2.3.4:99999"]', "server.listen"),
        ('[server]\ntrusted_proxies = ["10.0.0.0/99"]', "server.trusted_proxies"),
        ('[database]\nurl = "mysql://db"', "database.url"),
        ('[database]\nurl = "sqlite://"', "database.url"),
        ('[database]\nurl = "postgresql://host"', "database.url"),
        ('[redis]\nurl = "http://redis"', "redis.url"),
        ('[mail]\nhost = "mail.example.org"', "mail.sender"),
        ("[registration]\nrequire_email = true", "registration.require_email"),
        ('[registration.terms]\nversion = "1"', "registration.terms.url"),
        ('server = "example.org"', "server"),
        ("[web]\nthreads = 0", "web.threads"),
        ("[web]\nthreads = 1.5", "web.threads"),
        ("[presence]\nenabled = 1", "presence.enabled"),
        ('[updates]\nurl = "http://releases.example"', "updates.url"),
        ('[diagnostics]\nresolvers = ["dns.example"]', "diagnostics.resolvers"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(tmp_path: Path, text: str, key: str) -> None:
    assert set(problems(tmp_path, text)) == {key}


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, "name = \n")
    assert "line 1" in found[str(tmp_path / "hearth.toml")]


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"HEARTH_CONFIG": str(tmp_path / "none.toml")})
    assert caught.value.problems[0].key == "HEARTH_CONFIG"


def test_variables_without_a_section_are_not_settings(tmp_path: Path) -> None:
    assert load(tmp_path, HEARTH_VENV="/somewhere") == load(tmp_path)


def test_relative_paths_start_at_the_folder_that_their_documentation_names(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        '[server]\ndata_dir = "d"\n[app_services]\nregistration_files = ["irc.yaml", "/etc/x.yaml"]\n',
    )
    assert config.server.data_dir == tmp_path / "d"
    assert config.server.run_dir == tmp_path / "d" / "run"
    assert config.media.dir == tmp_path / "d" / "media"
    assert config.federation.signing_key_file == tmp_path / "d" / "secrets" / "signing.key"
    assert config.app_services.registration_files == (tmp_path / "irc.yaml", Path("/etc/x.yaml"))


def test_a_configuration_can_be_laid_over_the_process(tmp_path: Path) -> None:
    config = load(tmp_path, HEARTH_SERVER__NAME="laid.org")
    with use_config(config):
        assert get_config() is config
    assert get_config() is not config


def test_turn_servers_need_credentials_of_one_kind(tmp_path: Path) -> None:
    assert "turn.uris" in problems(tmp_path, '[turn]\nuris = ["turn:t.example.org"]')
    assert "turn.uris" in problems(tmp_path, '[turn]\nuris = ["https://t.example.org"]\nsecret = "s"')
    assert "turn.user" in problems(tmp_path, '[turn]\nuser = "u"\nsecret = "s"')
    assert "turn.secret_file" in problems(tmp_path, '[turn]\nsecret = "s"\nsecret_file = "f"')


def test_a_required_captcha_needs_its_keys(tmp_path: Path) -> None:
    assert set(problems(tmp_path, "[captcha]\nrequired = true\n")) == {"captcha.required"}
    keys = 'public_key = "a"\nprivate_key = "b"\n'
    assert load(tmp_path, f"[captcha]\nrequired = true\n{keys}").captcha.required


def test_what_the_setup_wrote_is_read_and_everything_else_wins(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "setup.toml").write_text('[server]\nname = "set.up"\npublic_baseurl = "https://set.up"\n')
    text = '[server]\ndata_dir = "data"\n'
    assert load(tmp_path, text).server.name == "set.up"
    assert load(tmp_path, text + 'name = "file.example"\n').server.name == "file.example"
    assert load(tmp_path, text, HEARTH_SERVER__NAME="env.example").server.name == "env.example"
    config = load(tmp_path, HEARTH_SERVER__DATA_DIR=str(data))
    assert (config.server.name, config.server.public_baseurl) == ("set.up", "https://set.up")


def test_a_fault_in_what_the_setup_wrote_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "setup.toml").write_text("[server")
    assert any("setup.toml" in key for key in problems(tmp_path))
