from mcpmesh.model.nearest import did_you_mean, nearest


def test_a_misspelt_name_finds_its_neighbour_first() -> None:
    assert nearest("forcast", ["echo", "forecast", "broadcast"])[0] == "forecast"


def test_case_does_not_count_and_the_known_spelling_comes_back() -> None:
    assert nearest("forecast", ["Forecast"]) == ["Forecast"]


def test_nothing_alike_gives_no_names() -> None:
    assert nearest("zzzz", ["echo", "forecast"]) == []
    assert did_you_mean("zzzz", ["echo"]) == ""


def test_the_hint_is_ready_to_be_appended() -> None:
    assert did_you_mean("ecco", ["echo"]) == "; did you mean echo?"
