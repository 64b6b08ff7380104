"""What has left the chain and waits until the sink takes it."""

from __future__ import annotations

from collections import deque

from trixter.faults import Close, Eof
from trixter.faults.stage import PIECE_OVERHEAD_BYTES
from trixter.proxy.sockets import OWN_SEGMENT, Socket


class Backlog:
    """Keep pieces for a sink that is full, each still a write of its own, and the end behind them."""

    __slots__ = ("_pieces", "end", "held_bytes")

    def __init__(self) -> None:
        self._pieces: deque[bytes | memoryview] = deque()
        self.held_bytes = 0
        self.end: Eof | Close | None = None

    def __len__(self) -> int:
        return len(self._pieces)

    def append(self, piece: bytes | memoryview) -> None:
        """Keep a piece behind the others."""
        self._pieces.append(piece)
        self.held_bytes += len(piece) + PIECE_OVERHEAD_BYTES

    def flush(self, sink: Socket) -> int:
        """Send what the sink takes; return how many bytes that was.

        Raises:
            OSError: If the sink is gone.
        """
        flushed_bytes = 0
        while self._pieces:
            piece = self._pieces[0]
            try:
                sent = sink.send(piece, OWN_SEGMENT)
            except BlockingIOError:
                break
            flushed_bytes += sent
            self.held_bytes -= sent
            if sent < len(piece):
                self._pieces[0] = memoryview(piece)[sent:]
                break
            self._pieces.popleft()
            self.held_bytes -= PIECE_OVERHEAD_BYTES
        return flushed_bytes
