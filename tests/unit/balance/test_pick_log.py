from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.pick_log import PickLog
from mcpmesh.model.replica import Replica


def candidates() -> list[Candidate]:
    made = [Candidate(Replica(f"r{at}", "h:1")) for at in range(3)]
    for load, each in enumerate(made):
        each.in_flight = load
    return made


def test_a_pick_is_noted_with_how_it_was_around_it() -> None:
    log, among = PickLog(), candidates()
    log.note(1.0, among[1], among, 2, "ReplicaLost")
    (pick,) = log.picks
    assert (pick.replica_id, pick.attempt) == ("r1", 2)
    assert (pick.in_flight, pick.least, pick.most) == (1, 0, 2)
    assert pick.reason == "the attempt before failed (ReplicaLost)"


def test_a_second_attempt_beside_one_that_did_not_fail_is_a_hedge() -> None:
    log, among = PickLog(), candidates()
    log.note(1.0, among[0], among, 2, "")
    (pick,) = log.picks
    assert pick.reason == "a hedge: the attempt before takes long"


def test_trials_and_slow_starts_are_told() -> None:
    log, among = PickLog(), candidates()
    among[0].health.put_on_probation(0.0, "")
    among[1].health.share = 0.25
    for each in among[:2]:
        log.note(1.0, each, among, 1, "")
    assert [pick.reason for pick in log.picks] == [
        "its turn to prove itself",
        "starts slowly, at 25% of its share",
    ]


def calls(log: PickLog, among: list[Candidate], count: int, apart: float, begin: float) -> int:
    """Make calls so far apart as the balance layer does; return how many were noted."""
    noted = 0
    for number in range(count):
        if not number & log.mask:
            log.note(begin + number * apart, among[0], among, 1, "")
            noted += 1
    return noted


def test_of_a_busy_tool_few_picks_are_noted_and_of_a_quiet_one_all() -> None:
    log, among = PickLog(), candidates()
    assert calls(log, among, 50, apart=10.0, begin=0.0) == 50
    assert len(log.picks) == 16
    assert calls(log, among, 100_000, apart=0.0001, begin=1000.0) < 1000
    # It does not take long until a tool that got quiet is seen in full again.
    calls(log, among, 300, apart=60.0, begin=5000.0)
    assert log.mask == 0
