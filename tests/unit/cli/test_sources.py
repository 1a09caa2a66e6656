"""Options come from argv, then the environment, then the file; a wrong one is refused."""

from pathlib import Path

import pytest
from cyclopts import App

from mcpmesh.cli.app import Access, Router
from mcpmesh.cli.exits import CommandError
from mcpmesh.cli.sources import ExactEnv, find_file, read_file
from mcpmesh.config import AccessSettings, InvalidSetting, RouterSettings, StaticReplica
from mcpmesh.policy.access import AccessRule

DEFAULT = RouterSettings()
KNOWN = {"grpc", "static", "tool", "capability", "lease", "call_log", "discovery_file", "access"}


def router(argv: list[str], path: Path | None = None) -> RouterSettings:
    """Return what a command with the router's settings would run with."""
    file = () if path is None else (read_file(path, KNOWN),)
    app = App(config=(ExactEnv("MCPMESH_", command=False), *file))
    app.default(command)
    found = app(argv, exit_on_error=False, print_error=False, result_action="return_value")
    assert isinstance(found, RouterSettings)
    return found


def command(*, settings: Router = DEFAULT) -> RouterSettings:
    """Give the settings back."""
    return settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mesh.toml"
    path.write_text('grpc = "127.0.0.1:3"\nlease = 5\n')
    return path


def test_default_counts_when_nothing_is_said() -> None:
    assert router([]) == RouterSettings()


def test_file_goes_before_the_default(file: Path) -> None:
    assert router([], file) == RouterSettings(grpc="127.0.0.1:3", lease=5.0)


def test_environment_goes_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCPMESH_GRPC", "127.0.0.1:2")
    assert router([], file) == RouterSettings(grpc="127.0.0.1:2", lease=5.0)


def test_command_line_goes_before_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCPMESH_GRPC", "127.0.0.1:2")
    assert router(["--grpc", "127.0.0.1:1"], file).grpc == "127.0.0.1:1"


def test_variables_of_kubernetes_services_are_not_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCPMESH_GRPC_PORT", "tcp://10.0.0.1:7070")
    monkeypatch.setenv("MCPMESH_GRPC_SERVICE_HOST", "10.0.0.1")
    assert router([]) == RouterSettings()


def test_list_in_the_environment_is_split_at_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCPMESH_STATIC", "h:1=a,b h:2")
    assert router([]).static == ("h:1=a,b", "h:2")


def test_replica_tables_are_static_replicas(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(
        'static = ["h:1"]\n[[replica]]\nendpoint = "h:2"\ntools = ["a", "b"]\n'
        '[[replica]]\nendpoint = "h:3"\n'
    )
    assert router([], path).static == ("h:1", "h:2=a,b", "h:3")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('grcp = "x"', "unknown key 'grcp'; did you mean grpc"),
        ("grpc = ", "cannot read"),
        ('[replica]\nendpoint = "h:1"', "two brackets"),
        ('[[replica]]\ntools = ["a"]', "needs endpoint"),
        ('[[replica]]\nendpoint = "h:1"\ntools = "a"', "not a list"),
        ('[[replica]]\nendpoint = "h:1"\ntool = ["a"]', "did you mean tools"),
        ("static = 1", "not a list"),
        ('[access]\ncallers = ["*"]', "two brackets"),
        ("access = 1", "not a list"),
        ("[[access]]\ncallers = [2026-01-01]", "of a rule is no text"),
    ],
)
def test_file_that_cannot_be_right_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=reason):
        read_file(path, KNOWN)


def test_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'grpc = "\xff"')
    for path, reason in ((latin, "it is not UTF-8"), (tmp_path, "Is a directory")):
        with pytest.raises(CommandError) as failed:
            read_file(path, KNOWN)
        assert failed.value.message == f"cannot read {path}: {reason}"


def test_static_replica_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text('[[replica]]\nendpoint = "h:0"')
    with pytest.raises(CommandError, match="port above 0"):
        read_file(path, KNOWN)


def test_replica_tables_may_say_more_than_the_short_form(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(
        '[[replica]]\nendpoint = "h:2"\ntools = ["a"]\nweight = 3\nlabels = { zone = "a" }\n'
        'server_name = "x"\n'
    )
    expected = StaticReplica("h:2", ("a",), "x", {"zone": "a"}, 3)
    assert router([], path).static_replicas() == (expected,)


def test_discovery_table_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text('[discovery]\nfile = "replicas.toml"\n')
    assert router([], path).discovery_file == "replicas.toml"
    path.write_text('[discovery]\nfiles = "replicas.toml"\n')
    with pytest.raises(CommandError, match="did you mean file"):
        read_file(path, KNOWN)


def test_file_in_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_file(None) is None
    Path("mcpmesh.toml").touch()
    assert find_file(None) == Path("mcpmesh.toml")


def test_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no configuration file"):
        find_file(tmp_path / "none.toml")


def test_tool_tables_are_settings_of_tools(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text('[tools."*"]\nbalance = "p2c"\n[tools.weather]\nbalance = { policy = "p2c" }\n')
    settings = router([], path)
    assert settings.tool == ('*={"balance": "p2c"}', 'weather={"balance": {"policy": "p2c"}}')
    assert set(settings.tool_policies().tables) == {"*", "weather"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tools = 1", "write .tools.NAME."),
        ("[tool.weather]\nbalance = 'p2c'", r"write \[tools\.NAME\] for a table; tool is a list"),
        ("[capability.rate]\nexplore = 0.1", r"write \[capabilities\.NAME\] for a table; capab"),
        ("[tools]\nweather = 1", "write .tools.NAME."),
        ("[tools.weather]\nbalance = 2026-01-01", "no text, number or list"),
    ],
)
def test_tool_tables_that_cannot_be_right_are_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=reason):
        read_file(path, KNOWN)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("weather", "is not NAME="),
        ("weather={", "is not NAME="),
        ('weather={"balanec": "p2c"}', "tools.weather: unknown key 'balanec'; did you mean"),
    ],
)
def test_settings_of_a_tool_that_cannot_be_right_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        RouterSettings(tool=(text,))


def test_the_health_table_is_the_policy_of_health(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text("[health]\nslow_start = 3\n[health.outlier]\nfailures_in_row = 9\n")
    policy = router([], path).health_policy()
    assert (policy.slow_start.window, policy.outlier.failures_in_row) == (3.0, 9)
    assert policy.panic_ratio == 0.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fine", "is not {"),
        ('{"panic": 1}', "health: unknown key 'panic'"),
        ('{"panic_ratio": 2.0}', "panic_ratio 2.0 is not 0 to 1"),
        ('{"outlier": {"trials": 0}}', "health.outlier: trials 0 is not 1 or more"),
    ],
)
def test_settings_of_health_that_cannot_be_right_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        RouterSettings(health=text)


def test_capability_tables_are_tools_or_settings(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(
        '[capabilities]\nrates = ["bank", "broker"]\n\n[capabilities."*"]\nexplore = 0.02\n'
    )
    settings = router([], path).choosings()
    assert settings.named() == {"rates": ("bank", "broker")}
    assert settings.of("rates").explore == 0.02


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("capabilities = 3", "write \\[capabilities\\]"),
        ("[capabilities]\nrates = 2030-01-01", "a setting of a capability is no text"),
        ("capability = 'rates'", "capability is not a list"),
    ],
)
def test_a_wrong_table_of_capabilities_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=message):
        router([], path)


@pytest.mark.parametrize("said", ["rates", "rates=[", 'rates={"explore": 2}', 'rates={"x": 1}'])
def test_a_wrong_capability_is_refused(said: str) -> None:
    with pytest.raises(InvalidSetting, match="capability"):
        RouterSettings(capability=(said,))


def test_access_tables_are_rules(tmp_path: Path) -> None:
    path = tmp_path / "mesh.toml"
    path.write_text(
        '[[access]]\ncallers = ["spiffe://mesh/*"]\ntools = ["a", "b*"]\n'
        '[[access]]\ncallers = [""]\ntools = ["ping"]\n'
    )
    app = App(config=(read_file(path, KNOWN),))
    app.default(rules)
    found = app([], exit_on_error=False, print_error=False, result_action="return_value")
    assert isinstance(found, AccessSettings)
    assert found.rules().rules == (
        AccessRule(("spiffe://mesh/*",), ("a", "b*")),
        AccessRule(("",), ("ping",)),
    )


def rules(*, access: Access = AccessSettings()) -> AccessSettings:  # noqa: B008
    """Give the settings back."""
    return access
