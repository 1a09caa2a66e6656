"""What the official client logs of a server that misbehaves."""

import logging

import pytest

from mcpmesh.adopt.mcp_client_log import quiet_client


def test_of_each_kind_one_line_is_logged_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("client")
    before = list(logger.filters)
    with quiet_client():
        for method in ("a", "b"):
            try:
                raise ValueError("first\nsecond")
            except ValueError:
                logger.warning("cannot read %s", method, exc_info=True)
        logger.warning("as it is")
    assert caplog.messages == [
        "cannot read a: first second; more of this kind is not told",
        "as it is",
    ]
    assert not any(each.exc_info for each in caplog.records)
    assert logger.filters == before
