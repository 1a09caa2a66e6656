from dataclasses import dataclass

import pytest

from mcpmesh.sdk.call_result import ToolError, UnexpectedResult, result_from_message
from mcpmesh.v1 import tool_pb2


@dataclass
class Report:
    result: int


def read(structured=b"", text="", result_type=None):
    content = [tool_pb2.Content(text=tool_pb2.TextContent(text=text))] if text else []
    message = tool_pb2.ToolResult(structured_content=structured, content=content)
    return result_from_message(message, result_type)


def test_wrapped_result_is_unwrapped_in_data_and_kept_in_structured():
    result = read(b'{"result":[1,2]}')
    assert result.data == [1, 2]
    assert result.structured == {"result": [1, 2]}


@pytest.mark.parametrize(
    ("structured", "result_type", "data"),
    [
        (b'{"result":[1,2]}', list[int], [1, 2]),
        (b'{"result":7}', int, 7),
        (b'{"result":7}', Report, Report(7)),
        (b'{"result":7}', dict[str, int], {"result": 7}),
        (b"[1]", tuple[int, ...], (1,)),
    ],
)
def test_result_type_fits_what_is_wrapped_or_the_whole(structured, result_type, data):
    assert read(structured, result_type=result_type).data == data


def test_unstructured_result_can_be_read_as_text():
    assert read(text="hello", result_type=str).data == "hello"
    assert read(text="hello").data is None
    with pytest.raises(UnexpectedResult, match="no Report: value: Input should be"):
        read(text="hello", result_type=Report)


def test_structured_content_that_is_not_json_is_an_unexpected_result():
    with pytest.raises(UnexpectedResult, match="structured content is not JSON"):
        read(b"{")


def test_failure_without_details_is_a_tool_error():
    result = result_from_message(tool_pb2.ToolResult(is_error=True), int)
    with pytest.raises(ToolError, match="the tool failed with TOOL_ERROR") as caught:
        _ = result.data
    assert caught.value.code == "TOOL_ERROR"
    assert not caught.value.retryable
