"""Where the engine and h2 may differ, and why we are content with it.

Each entry is looked for in what the two sides said; a difference that is not here is a fault.
"""

from dataclasses import dataclass

from mcpmesh.wire.frame import HEADERS, WINDOW_UPDATE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side made of a frame; `refused` is empty when it took it."""

    refused: str
    events: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A difference and its reason.

    `ours` and `theirs` are parts of what each side says when it refuses; "" is acceptance.
    `silent`: we tell nobody anything of the frame.
    """

    ours: str
    theirs: str
    why: str
    silent: bool = False
    #: The kind of frame; None for any.
    kind: int | None = None

    def covers(self, kind: int, ours: Outcome, theirs: Outcome) -> bool:
        """Tell whether this is the difference at hand."""
        return (
            self.kind in (None, kind)
            and _says(self.ours, ours.refused)
            and _says(self.theirs, theirs.refused)
            and not (self.silent and ours.events)
        )


def _says(part: str, refused: str) -> bool:
    return part in refused if part else not refused


DIFFERENCES: tuple[Known, ...] = (
    Known(
        "",
        "invalid padding",
        "h2 refuses a frame that is padding alone; RFC 9113, section 6.1 only refuses padding as "
        "long as the payload or longer",
    ),
    Known(
        "RST_STREAM on stream",
        "",
        "h2 overlooks RST_STREAM for an idle stream; RFC 9113, section 6.4 asks for a connection "
        "error",
    ),
    Known(
        "",
        "stream",
        "h2 answers frames for a stream that was reset with another RST_STREAM; after our own "
        "reset they may have been under way, and section 5.1 has them ignored",
        silent=True,
    ),
    Known(
        "",
        "Invalid content-length header",
        "h2 reads content-length in trailers too, where it says nothing of the body",
    ),
    Known(
        "",
        "does not have an :authority or Host header",
        "h2 insists on :authority or host; section 8.3.1 lets a request be without, and gRPC "
        "does not need it",
    ),
    Known(
        "PUSH_PROMISE",
        "",
        "h2 refuses PUSH_PROMISE when its header block is complete, we at its first frame",
    ),
    Known(
        "",
        "non-compliant data",
        "h2 refuses WINDOW_UPDATE with the reserved bit set; section 6.9 has receivers ignore it",
        kind=WINDOW_UPDATE,
    ),
    Known(
        "a second HEADERS that does not end",
        "",
        "h2 takes an interim response after the final one; in section 8.1 it stands before",
    ),
    Known(
        "content-length without a body",
        "",
        "h2 takes content-length of more than 0 with END_STREAM on HEADERS; section 8.1.1 calls "
        "that malformed",
    ),
    Known(
        "the body differs from content-length",
        "",
        "h2 takes content-length of more than 0 with END_STREAM on HEADERS; section 8.1.1 calls "
        "that malformed",
        kind=HEADERS,
    ),
    Known(
        "not lower-case token characters",
        "",
        "h2 refuses some characters in field names, we all that are no token characters (RFC "
        "9110, section 5.1)",
    ),
    Known(
        ":path does not start with /",
        "",
        "h2 only refuses an empty :path; section 8.3.1 has it begin with / or be *",
    ),
    Known(
        "response with :status",
        "",
        "h2 takes any :status; section 8.3.2 wants the three digits of RFC 9110",
    ),
    Known(
        "not in a request",
        "",
        "h2 takes te in responses and trailers; RFC 9110, section 10.1.4 has it in requests",
    ),
    Known(
        "a server enables push",
        "",
        "h2 lets a server send ENABLE_PUSH of 1; section 6.5.2 obliges clients to refuse it",
    ),
    Known(
        "HTTP/2 switches to no other protocol",
        "",
        "h2 takes 101; section 8.6 has it removed",
    ),
    Known(
        "depends on itself",
        "",
        "h2 looks at the priority of HEADERS when their block is complete, we at once",
        kind=HEADERS,
    ),
)
