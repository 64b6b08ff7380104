"""Lose request: nothing of a message to the server arrives."""

from tests.faults.flows import Flow
from trixter.faults import Close, LoseRequest


def test_the_request_is_lost_as_a_whole_whatever_it_is_read_in() -> None:
    for request in ([b"GET /"], [b"GET", b" /"]):
        flow = Flow.under(LoseRequest(probability=1))
        for part in request:
            flow.put(part)
        assert (flow.bytes_out, flow.ended) == (b"", Close("request lost", reset=True))
