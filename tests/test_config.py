"""Settings: defaults, what is accepted, and one clear line for everything that is wrong."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

import pds
from pds.config import SETTINGS, Config, ConfigError
from pds.environment import load_environment
from pds.local_secrets import FILE_NAME, NAMES

SECRETS = {
    "PDS_JWT_SECRET": "j" * 32,
    "PDS_ADMIN_PASSWORD": "hunter22",
    "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": "1f" * 32,
}
PUBLIC = {**SECRETS, "PDS_HOSTNAME": "pds.example.com"}

# What the reference's installer writes, values made up.
REFERENCE_FILE = """\
PDS_HOSTNAME=pds.example.com
PDS_JWT_SECRET=0123456789abcdef0123456789abcdef
PDS_ADMIN_PASSWORD=fedcba9876543210fedcba9876543210
PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX=00000000000000000000000000000000000000000000000000000000000000aa
PDS_DATA_DIRECTORY=/pds
PDS_BLOBSTORE_DISK_LOCATION=/pds/blocks
PDS_BLOB_UPLOAD_LIMIT=104857600
PDS_DID_PLC_URL=https://plc.directory
PDS_BSKY_APP_VIEW_URL=https://api.bsky.app
PDS_BSKY_APP_VIEW_DID=did:web:api.bsky.app
PDS_REPORT_SERVICE_URL=https://mod.bsky.app
PDS_REPORT_SERVICE_DID=did:plc:ar7c4by46qjdydhdevvrndac
PDS_CRAWLERS=https://bsky.network
LOG_ENABLED=true
PDS_RATE_LIMITS_ENABLED=true
PDS_INVITE_REQUIRED=true
"""


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(environ)
    return caught.value.problems


def test_defaults_in_local_mode() -> None:
    config = Config.from_env(SECRETS)

    assert config.is_local
    assert (config.hostname, config.port, config.bind_address) == ("localhost", 2583, "127.0.0.1")
    assert config.public_url == "http://localhost:2583"
    assert config.service_did == "did:web:localhost"
    assert config.service_handle_domains == (".test",)
    assert config.invite_required is False
    assert config.did_plc_url is None
    assert config.data_directory == Path("data").absolute()
    assert config.blobstore_disk_location == Path("data/blobs").absolute()
    assert config.version == pds.__version__
    assert config.warnings == ()


def test_defaults_of_a_public_server() -> None:
    config = Config.from_env(PUBLIC)

    assert not config.is_local
    assert config.bind_address == "*"
    assert config.public_url == "https://pds.example.com"
    assert config.service_did == "did:web:pds.example.com"
    assert config.service_handle_domains == (".pds.example.com",)
    assert config.invite_required is True
    assert config.service_name == "pds.example.com PDS"
    assert config.did_plc_url == "https://plc.directory"
    assert config.repo_backfill_limit_ms == 72 * 3600 * 1000


def test_given_values_win_over_computed_defaults() -> None:
    config = Config.from_env(
        {
            **PUBLIC,
            "PDS_SERVICE_DID": "did:web:other.example.com",
            "PDS_BIND_ADDRESS": "127.0.0.1",
            "PDS_SERVICE_HANDLE_DOMAINS": ".one.example.com, .Two.example.com,",
            "PDS_INVITE_REQUIRED": "0",
            "PDS_DID_PLC_URL": "http://localhost:2582/",
            "PDS_DATA_DIRECTORY": "/srv/pds",
        }
    )

    assert config.service_did == "did:web:other.example.com"
    assert config.bind_address == "127.0.0.1"
    assert config.service_handle_domains == (".one.example.com", ".two.example.com")
    assert config.invite_required is False
    assert config.did_plc_url == "http://localhost:2582"
    assert config.blobstore_disk_location == Path("/srv/pds/blobs")


def test_empty_value_counts_as_unset() -> None:
    assert Config.from_env({**PUBLIC, "PDS_PORT": " ", "PDS_SERVICE_DID": ""}).port == 2583


def test_list_of_nothing_counts_as_unset() -> None:
    config = Config.from_env({**PUBLIC, "PDS_SERVICE_HANDLE_DOMAINS": ",", "PDS_CRAWLERS": " , "})

    assert config.service_handle_domains == (f".{config.hostname}",)
    assert config.crawlers == ()


@pytest.mark.parametrize(("raw", "level"), [("trace", "DEBUG"), ("Warn", "WARNING")])
def test_log_level_is_one_that_python_knows(raw: str, level: str) -> None:
    assert Config.from_env({**PUBLIC, "LOG_LEVEL": raw}).log_level.upper() == level


def test_ssrf_protection_follows_dev_mode_unless_set() -> None:
    assert Config.from_env(PUBLIC).disable_ssrf_protection is False
    assert Config.from_env({**PUBLIC, "PDS_DEV_MODE": "true"}).disable_ssrf_protection is True
    both = {**PUBLIC, "PDS_DEV_MODE": "1", "PDS_DISABLE_SSRF_PROTECTION": "false"}
    assert Config.from_env(both).disable_ssrf_protection is False


def test_trusted_proxies_are_own_networks_unless_set() -> None:
    assert ip_network("127.0.0.0/8") in Config.from_env(PUBLIC).trusted_proxies
    assert ip_network("fc00::/7") in Config.from_env(PUBLIC).trusted_proxies

    config = Config.from_env({**PUBLIC, "PDS_TRUSTED_PROXIES": "192.0.2.7, 2001:db8::/32"})

    assert config.trusted_proxies == (ip_network("192.0.2.7/32"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("PDS_PORT", "80a", "whole number of 1 to 65535"),
        ("PDS_PORT", "0", "whole number of 1 to 65535"),
        ("PDS_PORT", "65536", "whole number of 1 to 65535"),
        ("PDS_PORT", "\u0662", "whole number"),
        ("PDS_BLOB_UPLOAD_LIMIT", "100MB", "digits only"),
        ("PDS_BLOB_UPLOAD_LIMIT", "-1", "1 or more"),
        ("PDS_INVITE_REQUIRED", "yes", "true, false, 1 or 0"),
        ("PDS_HOSTNAME", "https://pds.example.com", "without https:// and port"),
        ("PDS_HOSTNAME", "pds.example.com:443", "without https:// and port"),
        ("PDS_HOSTNAME", "192.0.2.7", "not a domain name"),
        ("PDS_HOSTNAME", "pds", "not a domain name"),
        ("PDS_HOSTNAME", "pds_.example.com", "not a domain name"),
        ("PDS_SERVICE_DID", "pds.example.com", "not a DID"),
        ("PDS_SERVICE_HANDLE_DOMAINS", "pds.example.com", "starts with a dot"),
        ("PDS_DID_PLC_URL", "plc.directory", "not a web address"),
        ("PDS_DID_PLC_URL", "ftp://plc.directory", "not a web address"),
        ("PDS_DID_PLC_URL", "https://plc.directory:x", "no port"),
        ("PDS_DID_PLC_URL", "https://plc.directory/a b", "blank"),
        ("PDS_CRAWLERS", "https://one.example.com,two", "not a web address"),
        ("PDS_TRUSTED_PROXIES", "10.0.0.0/33", "not an address range"),
        ("PDS_BIND_ADDRESS", "everywhere", "* for all addresses"),
        ("PDS_CONTACT_EMAIL_ADDRESS", "nobody", "not an e-mail address"),
        ("PDS_RECOVERY_DID_KEY", "did:web:example.com", "not a did:key"),
        ("PDS_EMAIL_SMTP_URL", "mail.example.com", "not a mail server address"),
        ("PDS_AGE_ASSURANCE", "yes", "is not one of proxy, assured"),
        ("PDS_BSKY_APP_VIEW_CDN_URL_PATTERN", "https://cdn.test/%s/%s", "%s three times"),
        ("PDS_BSKY_APP_VIEW_CDN_URL_PATTERN", "https://cdn.test/%s/%s/%s%d", "%s three times"),
        ("PDS_BSKY_APP_VIEW_CDN_URL_PATTERN", "cdn.test/%s/%s/%s", "http"),
        ("PDS_DISK_WARN_MIB", "9" * 20, "0 to 9007199254740991"),
        ("PDS_BLOBSTORE_S3_BUCKET", "a b", "not the name of a bucket"),
        ("PDS_BLOBSTORE_S3_BUCKET", "s3://pictures", "without s3://"),
        ("PDS_BACKUP_LOCATION", "s3://a b/c", "names no bucket"),
        ("PDS_SERVICE_HANDLE_DOMAINS", "x" * 201, "its value is not"),
        ("LOG_LEVEL", "loud", "write debug, info, warn, error or fatal"),
    ],
)
def test_wrong_value_is_refused_with_one_line_naming_it(name: str, raw: str, said: str) -> None:
    lines = [line for line in problems({**PUBLIC, name: raw}) if "set both or none" not in line]

    assert len(lines) == 1
    assert lines[0].startswith(f"{name}: ")
    assert said in lines[0]


def test_every_wrong_setting_is_named_at_once() -> None:
    said = problems({"PDS_HOSTNAME": "a b", "PDS_PORT": "x", "PDS_THREADS": "0"})

    named = {line.partition(":")[0] for line in said}
    assert named == {"PDS_HOSTNAME", "PDS_PORT", "PDS_THREADS", *NAMES}


def test_missing_secrets_are_refused_with_the_way_to_make_one() -> None:
    said = problems({"PDS_HOSTNAME": "pds.example.com"})

    assert [line.partition(":")[0] for line in said] == list(NAMES)
    assert all("openssl rand -hex" in line for line in said)


@pytest.mark.parametrize("key", ["00" * 32, "ff" * 32, "1f" * 31, "zz" * 32])
def test_rotation_key_that_is_no_key_is_refused_without_printing_it(key: str) -> None:
    said = problems({**PUBLIC, "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": key})

    assert len(said) == 1
    assert "K-256 private key" in said[0]
    assert key not in said[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"PDS_EMAIL_SMTP_URL": "smtp://mail.example.com"}, "PDS_EMAIL_FROM_ADDRESS"),
        ({"PDS_EMAIL_FROM_ADDRESS": "pds@example.com"}, "PDS_EMAIL_SMTP_URL"),
        ({"PDS_BSKY_APP_VIEW_URL": "https://api.example.com"}, "PDS_BSKY_APP_VIEW_DID"),
        ({"PDS_REPORT_SERVICE_URL": "https://mod.example.com"}, "PDS_REPORT_SERVICE_DID"),
    ],
)
def test_half_of_a_pair_is_refused(one: dict[str, str], other: str) -> None:
    assert any(other in line for line in problems({**PUBLIC, **one}))


@pytest.mark.parametrize(
    "name",
    ["PDS_PLC_ROTATION_KEY_KMS_KEY_ID", "PDS_ENTRYWAY_URL"],
)
def test_setting_that_cannot_be_honoured_stops_the_start(name: str) -> None:
    assert "not supported" in problems({**PUBLIC, name: "https://example.com"})[0]


@pytest.mark.parametrize(
    "name", ["PDS_BLOBSTORE_S3_ACCESS_KEY_ID", "PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY"]
)
def test_half_of_the_keys_of_a_bucket_is_refused(name: str) -> None:
    said = problems({**PUBLIC, "PDS_BLOBSTORE_S3_BUCKET": "pictures", name: "key"})

    assert len(said) == 1
    assert "set both or none" in said[0]


def test_bucket_and_directory_exclude_each_other() -> None:
    both = {"PDS_BLOBSTORE_S3_BUCKET": "pictures", "PDS_BLOBSTORE_DISK_LOCATION": "/pds/blocks"}

    assert problems({**PUBLIC, **both}) == [
        "PDS_BLOBSTORE_S3_BUCKET: pictures and videos are in one place only; remove this or"
        " PDS_BLOBSTORE_DISK_LOCATION"
    ]


def test_settings_of_a_bucket_without_the_bucket_are_refused() -> None:
    said = problems({**PUBLIC, "PDS_BLOBSTORE_S3_REGION": "eu"})

    assert said == [
        "PDS_BLOBSTORE_S3_REGION: only of use together with PDS_BLOBSTORE_S3_BUCKET; set that too,"
        " or remove this"
    ]


@pytest.mark.parametrize(
    ("upload_ms", "request_ms"), [("20000", 15_000), ("10000", 10_000), ("1000", 6_000)]
)
def test_patience_with_a_bucket_is_the_reference_servers(upload_ms: str, request_ms: int) -> None:
    config = Config.from_env(
        {
            **PUBLIC,
            "PDS_BLOBSTORE_S3_BUCKET": "pictures",
            "PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS": upload_ms,
        }
    )

    assert config.blobstore_s3_request_timeout_ms == request_ms


def test_apps_under_test_are_for_developers_servers() -> None:
    wanted = {"PDS_OAUTH_TEST_CLIENTS": "true"}

    (problem,) = problems({**PUBLIC, **wanted})
    assert problem.startswith("PDS_OAUTH_TEST_CLIENTS: ")
    assert "PDS_DEV_MODE" in problem
    assert Config.from_env({**SECRETS, **wanted}).oauth_test_clients
    assert Config.from_env({**PUBLIC, **wanted, "PDS_DEV_MODE": "true"}).oauth_test_clients
    assert not Config.from_env(SECRETS).oauth_test_clients


def test_secret_of_proofs_is_32_bytes() -> None:
    assert Config.from_env(SECRETS).dpop_secret is None
    assert Config.from_env({**SECRETS, "PDS_DPOP_SECRET": "AB" * 32}).dpop_secret == "ab" * 32
    (problem,) = problems({**SECRETS, "PDS_DPOP_SECRET": "cd" * 31})
    assert "openssl rand -hex 32" in problem
    assert "cdcd" not in problem


def test_unknown_setting_is_a_warning() -> None:
    config = Config.from_env(
        {**PUBLIC, "PDS_HOSTNAMES": "typo", "PATH": "/bin", "PDS_ENV_FILE": "x"}
    )

    assert config.warnings == ("PDS_HOSTNAMES: no such setting; check its spelling",)


def test_setting_without_effect_is_a_warning() -> None:
    config = Config.from_env({**PUBLIC, "PDS_ACTOR_STORE_DIRECTORY": "/pds/actors"})

    assert len(config.warnings) == 1
    assert "has no effect" in config.warnings[0]


def test_app_that_cannot_be_trusted_is_a_warning() -> None:
    ids = "https://app.example/client.json, app.example, http://localhost?scope=atproto"
    config = Config.from_env({**SECRETS, "PDS_OAUTH_TRUSTED_CLIENTS": ids})

    bare, loopback = config.warnings
    assert bare.startswith('PDS_OAUTH_TRUSTED_CLIENTS: "app.example" has no effect')
    assert '"http://localhost?scope=atproto"' in loopback


def test_short_jwt_secret_is_a_warning() -> None:
    assert "easier to forge" in Config.from_env({**PUBLIC, "PDS_JWT_SECRET": "short"}).warnings[0]


def test_file_of_the_reference_installer_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pds.env"
    file.write_text(REFERENCE_FILE)
    clear_environment(monkeypatch)
    monkeypatch.setenv("PDS_ENV_FILE", str(file))

    config = Config.from_env(load_environment())

    assert config.hostname == "pds.example.com"
    assert config.blobstore_disk_location == Path("/pds/blocks")
    assert config.blob_upload_limit == 104_857_600
    assert config.crawlers == ("https://bsky.network",)
    assert not any("no such setting" in warning for warning in config.warnings)


def test_secrets_are_masked_in_repr() -> None:
    shown = repr(Config.from_env(PUBLIC))

    assert "hostname='pds.example.com'" in shown
    assert "jwt_secret=***" in shown
    assert not any(secret in shown for secret in SECRETS.values())


def test_every_setting_has_help_and_a_unique_name() -> None:
    names = [row.name for row in SETTINGS]

    assert len(names) == len(set(names))
    assert all(row.help for row in SETTINGS)
    assert all(row.name.startswith(("PDS_", "LOG_")) for row in SETTINGS)


@pytest.mark.parametrize("word", ["SECRET", "PASSWORD", "PRIVATE_KEY", "SMTP_URL", "TOKEN"])
def test_settings_that_sound_secret_are_secret(word: str) -> None:
    rows = [row for row in SETTINGS if word in row.name]

    assert rows
    assert all(row.secret for row in rows)


# --- load_environment ---------------------------------------------------------------------------


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in SETTINGS:
        monkeypatch.delenv(row.name, raising=False)
    monkeypatch.delenv("PDS_ENV_FILE", raising=False)


def test_environment_wins_over_file_and_file_over_generated_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    file = tmp_path / "pds.env"
    file.write_text('PDS_PORT=1111\nPDS_SERVICE_NAME="a # b $c"\nPDS_ADMIN_PASSWORD=from-file\n')
    monkeypatch.setenv("PDS_ENV_FILE", str(file))
    monkeypatch.setenv("PDS_PORT", "2222")
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(tmp_path / "data"))

    config = Config.from_env(load_environment())

    assert config.port == 2222
    assert config.service_name == "a # b $c"
    assert config.admin_password == "from-file"
    assert len(config.jwt_secret) == 64


def test_missing_environment_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_ENV_FILE", str(tmp_path / "absent.env"))

    with pytest.raises(ConfigError, match=r"PDS_ENV_FILE: .* cannot be read"):
        load_environment()


def test_public_server_gets_no_generated_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("PDS_HOSTNAME", "pds.example.com")
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(tmp_path))

    environ = load_environment()

    assert not set(NAMES) & set(environ)
    assert list(tmp_path.iterdir()) == []


def test_local_server_with_secrets_of_its_own_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(tmp_path))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    assert load_environment()["PDS_ADMIN_PASSWORD"] == "hunter22"
    assert not (tmp_path / FILE_NAME).exists()


def test_importing_the_table_imports_no_package() -> None:
    heavy = ("flask", "peewee", "cryptography", "dotenv")
    code = f"import sys, pds.config; print([name for name in {heavy} if name in sys.modules])"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
