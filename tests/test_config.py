"""Settings: syntax, precedence, identity."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.config import Identity, Moment, load_settings
from beatflow.errors import UsageError
from beatflow.gitconfig import parse_config, read_config, set_value, unset_value
from tests.conftest import Bf

SAMPLE = """\
# a comment
[core]
\tbare = true
[user]
  name = "Ada ; L." ; why
\temail = ada@example.com   # here
[Remote "Origin"] url = a\\
b
[x]
flag
empty =
[broken
= nothing
"""


def test_reads_gits_syntax() -> None:
    assert parse_config(SAMPLE) == {
        "core.bare": "true",
        "user.name": "Ada ; L.",
        "user.email": "ada@example.com",
        "remote.Origin.url": "ab",
        "x.flag": "true",
        "x.empty": "",
    }


def test_setting_keeps_the_rest_as_written() -> None:
    changed = set_value(SAMPLE, "core.bare", "false")
    assert changed == SAMPLE.replace("\tbare = true", "\tbare = false")
    assert unset_value(changed, "core.bare") == SAMPLE.replace("\tbare = true\n", "")
    assert parse_config(set_value(SAMPLE, "core.other", "1"))["core.other"] == "1"
    assert set_value("", "beatflow.color", "never") == "[beatflow]\n\tcolor = never\n"


@given(
    st.text(
        st.characters(exclude_characters="\0\r", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40
    )
)
def test_any_value_survives(value: str) -> None:
    text = set_value(SAMPLE, "beatflow.pager", value)
    assert parse_config(text)["beatflow.pager"] == value
    assert parse_config(unset_value(text, "beatflow.pager")) == parse_config(SAMPLE)


@given(st.text(max_size=200))
def test_no_text_is_too_strange_to_read(text: str) -> None:
    parse_config(text)


def test_follows_includes_but_not_forever(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[include]\n\tpath = b\n[user]\n\tname = A\n")
    (tmp_path / "b").write_text("[include]\n\tpath = a\n[user]\n\tname = B\n\temail = b@b\n")
    assert read_config(tmp_path / "a") == {"user.name": "A", "user.email": "b@b"}
    assert read_config(tmp_path / "missing") == {}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a track in it, and no identity in the environment."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.delenv("BF_AUTHOR_NAME")
    monkeypatch.delenv("BF_AUTHOR_EMAIL")
    track = tmp_path / "track" / "stems"
    (track.parent / ".beatflow").mkdir(parents=True)
    track.mkdir()
    return track


def test_flags_over_environment_over_repository_over_user(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def color(**flags: str) -> tuple[str, str]:
        settings = load_settings(place, flags)
        return settings.color, settings.origins["color"]

    assert color() == ("auto", "default")
    user = place.parents[1] / ".config" / "beatflow" / "config"
    user.parent.mkdir(parents=True)
    user.write_text("[beatflow]\ncolor = always\n")
    assert color() == ("always", str(user))
    repository = place.parent / ".beatflow" / "config"
    repository.write_text("[beatflow]\ncolor = never\n")
    assert color() == ("never", str(repository))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert color() == ("always", "$FORCE_COLOR")
    monkeypatch.setenv("NO_COLOR", "1")
    assert color() == ("never", "$NO_COLOR")
    monkeypatch.setenv("BF_COLOR", "auto")
    assert color() == ("auto", "$BF_COLOR")
    assert color(color="always") == ("always", "flag")


def test_bad_values_name_their_origin(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_PROGRESS", "loud")
    with pytest.raises(UsageError, match=r"progress cannot be 'loud' \(\$BF_PROGRESS\)"):
        load_settings(place, {})


def test_identity(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ada")
    monkeypatch.delenv("LOGNAME", raising=False)
    assert load_settings(place, {}).identity.name == "ada"
    assert load_settings(place, {}).identity.email.startswith("ada@")
    (place.parents[1] / ".gitconfig").write_text("[user]\n\tname = Ada <L>\n\temail = a@b\n")
    assert load_settings(place, {}).identity == Identity("Ada L", "a@b")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Git")
    monkeypatch.setenv("BF_AUTHOR_EMAIL", "bf@b")
    assert load_settings(place, {}).identity == Identity("Git", "bf@b")


@pytest.mark.parametrize(
    ("text", "moment"),
    [("1700000000", Moment(1.7e9, 0)), ("12.5 -0130", Moment(12.5, -90)), ("7 +0530", Moment(7, 330))],
)
def test_fixed_clock(text: str, moment: Moment, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_NOW", text)
    assert load_settings(place, {}).now == moment


def test_no_clock(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_NOW", "noon")
    with pytest.raises(UsageError, match="BF_NOW"):
        load_settings(place, {})


def test_config_command(bf: Bf) -> None:
    (bf.directory / ".beatflow").mkdir()
    (bf.directory / ".beatflow" / "config").write_text("[core]\n\tbare = true\n")
    assert bf.ok("config", "color", "never").stderr.startswith("set color in ")
    assert bf.ok("config", "color").stdout == "never\n"
    assert bf.ok("config", "color", "--json").json["settings"][0]["origin"].endswith("config")
    bf.ok("config", "--unset", "color")
    assert (bf.directory / ".beatflow" / "config").read_text() == "[core]\n\tbare = true\n[beatflow]\n"
    assert "meaning" in bf.ok("config").stdout
    assert "cannot be 'blue'" in bf.fails(2, "config", "color", "blue")
    bf.fails(2, "config", "--unset")
    bf.fails(2, "config", "--unset", "color", "never")


def test_config_outside_a_repository(bf: Bf) -> None:
    assert bf.fails(3, "config", "color", "never").startswith(
        "error: not in a repository\nhint: bf config --user"
    )
