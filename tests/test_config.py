import datetime as dt

import pytest

from qfb_gpu.config import load_config
from qfb_gpu.errors import ConfigError

GOOD = """
as_of = 2024-12-31
[sources.transactions]
path = "payments.parquet"
columns = { customer_id = "acct", date = "booked", amount = "value" }
"""


def write(tmp_path, text):
    path = tmp_path / "night.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_config_reads_with_defaults_and_paths_relative_to_it(tmp_path):
    config = load_config(write(tmp_path, GOOD))
    assert config.as_of == dt.date(2024, 12, 31)
    assert config.output_dir == tmp_path / "out"
    assert config.data_dir == tmp_path
    assert config.sources["transactions"][0].path == "payments.parquet"


def test_overrides_reach_nested_keys_and_list_items(tmp_path):
    overrides = {
        "as_of": "2024-06-30",
        "payments.horizon_days": "30",
        "output": "elsewhere",
        "sources.transactions.path": "other.csv",
    }
    config = load_config(write(tmp_path, GOOD), overrides)
    assert config.as_of == dt.date(2024, 6, 30)
    assert config.payments.horizon_days == 30
    assert config.output == "elsewhere"
    assert config.sources["transactions"][0].path == "other.csv"


def test_an_environment_variable_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("QFB_TEST_DATA", "/somewhere")
    text = GOOD.replace("as_of = 2024-12-31", 'as_of = 2024-12-31\ndata = "${QFB_TEST_DATA}/x"')
    assert load_config(write(tmp_path, text)).data == "/somewhere/x"
    monkeypatch.delenv("QFB_TEST_DATA")
    with pytest.raises(ConfigError, match="QFB_TEST_DATA.*not set.*--set data="):
        load_config(write(tmp_path, text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("as_of = 2024-12-31", ""), "'as_of' is missing"),
        (("as_of = 2024-12-31", 'as_of = "soon"'), "'as_of'.*soon"),
        (("[sources", "colour = 1\n[sources"), "unknown key 'colour'"),
        (("[sources.transactions]", "[sources.payments]"), "no source is called 'payments'"),
        (("acct", 'acct", town = "x'), "no column 'town'.*customer_id"),
        (("as_of", "as_of ="), "not valid TOML"),
        (("as_of", 'currency = "RMB"\nas_of'), "RMB.*ISO 4217"),
        (("path =", "# path ="), "path.*missing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, change, message):
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("key", ["sources.transactions.5.path", "as_of.year", "sources.x.0.path"])
def test_an_override_that_leads_nowhere_is_a_config_error(tmp_path, key):
    with pytest.raises(ConfigError):
        load_config(write(tmp_path, GOOD), {key: "1"})


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("segments.seed", "-1", "greater than or equal to 0"),
        ("finance.orders.seed", "4294967296", "less than 4294967296"),
        ("segments.sample_rows", "99999999999999999999", "a number up to 4,294,967,296"),
        ("finance.orders.default_after_days", "4294967295", "less than or equal to 36525"),
        ("network.resolution", "inf", "finite"),
        ("workers", "true", "expected a number"),
        ("finance.matching.confidence", "true", "expected a number"),
        ("as_of", "20241231", "expected a date, e.g. 2024-12-31"),
        ("as_of", "0", "expected a date, e.g. 2024-12-31"),
        ("as_of", "2024-12-31T10:00:00", "a date without a time"),
        ("sources.transactions.since", "0", "expected a date"),
        ("output", '"a\\u0000"', "character of value 0"),
        ("sources.transactions.path", '"\\u0000"', "character of value 0"),
    ],
)
def test_values_that_would_stop_a_night_or_mean_something_else(tmp_path, key, value, words):
    """Seeds stopped it after minutes, ``as_of = 0`` was 1970-01-01, ``workers = true`` was 1."""
    with pytest.raises(ConfigError, match=f"{key}'.*{words}"):
        load_config(write(tmp_path, GOOD), {key: value})


def test_a_truth_value_may_be_written_as_one(tmp_path):
    assert load_config(write(tmp_path, GOOD), {"text.train": "true"}).text.train


@pytest.mark.parametrize(("encoding", "byte"), [("utf-16", "0xff at 0"), ("gb18030", "0xca at")])
def test_a_config_that_is_no_utf_8_is_told_what_it_has_to_be(tmp_path, encoding, byte):
    """It was Python's line on a codec, called invalid TOML."""
    path = tmp_path / "night.toml"
    path.write_bytes(GOOD.replace("acct", "数据").encode(encoding))
    with pytest.raises(ConfigError, match=rf"not UTF-8 text \(byte {byte}.*save it as UTF-8"):
        load_config(path)


def test_a_config_of_windows_is_read(tmp_path):
    path = tmp_path / "night.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_config(path) == load_config(write(tmp_path, GOOD))
