"""Whether a server still answers, one look after the other."""

from mcpmesh.transport.liveness import LOOK, Liveness, Sign


class Server:
    """Looks at a server that a test describes, and notes the signs."""

    def __init__(self, silence: float = 1.5) -> None:
        self.liveness = Liveness(silence)
        self.last_id = 1
        self.pings = 0

    def quiet(self, seconds: float, *, busy: bool = True, pong: bool = False) -> list[Sign]:
        """Let time pass without a byte, or with nothing but answers to PINGs."""
        signs = []
        for _ in range(round(seconds / LOOK)):
            sign = self.look(busy=busy)
            if sign is Sign.ASK:
                self.pings += 1
                if pong:
                    assert self.look(heard=True, only_pong=True) is None
            if sign is not None:
                signs.append(sign)
        return signs

    def look(
        self, *, heard: bool = False, only_pong: bool = False, busy: bool = True
    ) -> Sign | None:
        return self.liveness.look(heard=heard, only_pong=only_pong, busy=busy, last_id=self.last_id)


def test_a_server_that_does_not_answer_is_asked_and_then_silent() -> None:
    server = Server()
    assert server.quiet(0.5) == []
    assert server.quiet(0.25) == [Sign.ASK]
    assert server.quiet(0.5) == []
    assert server.quiet(0.25) == [Sign.SILENT]
    assert server.quiet(100.0) == []


def test_one_that_is_heard_again_is_silent_no_more() -> None:
    server = Server()
    server.quiet(2.0)
    assert server.look(heard=True) is Sign.HEARD
    assert server.look(heard=True) is None
    assert server.quiet(2.0) == [Sign.ASK, Sign.SILENT]


def test_one_that_sends_all_along_is_never_asked() -> None:
    server = Server()
    for _ in range(1000):
        assert server.look(heard=True) is None


def test_one_without_calls_is_not_asked() -> None:
    assert Server().quiet(1000.0, busy=False) == []


def test_a_silent_one_whose_calls_were_moved_away_is_still_listened_to() -> None:
    server = Server()
    server.quiet(2.0)
    assert server.quiet(5.0, busy=False) == []
    assert server.look(heard=True, only_pong=True, busy=False) is Sign.HEARD


def test_a_long_call_is_asked_after_no_more_than_servers_bear() -> None:
    server = Server()
    server.quiet(300.0, pong=True)
    assert server.pings == 2
    server.last_id = 3
    server.quiet(2.0, pong=True)
    assert server.pings == 3
    server.last_id = 5
    server.quiet(300.0, pong=True)
    assert server.pings == 3
    server.quiet(20.0, pong=True)
    assert server.pings == 4


def test_what_the_server_sends_itself_gives_its_patience_back() -> None:
    server = Server()
    server.quiet(100.0, pong=True)
    server.look(heard=True)
    server.quiet(1.0, pong=True)
    assert server.pings == 3


def test_a_short_silence_still_leaves_time_for_an_answer() -> None:
    server = Server(silence=0.1)
    assert server.quiet(0.5) == [Sign.ASK, Sign.SILENT]
