"""The base of adapters whose deciding is done by chains."""

from __future__ import annotations

from anyio import BrokenResourceError, EndOfStream, ResourceGuard

from trixter.errors import TrixterError
from trixter.faults import Abort, Action, Eof
from trixter.netem.adapter import READ_BYTES, Adapter, AnyByteStream
from trixter.netem.async_chain import AsyncChain


class ChainedAdapter(Adapter):
    """Let what is read, what is written, or both, go through a chain; around it while it is calm.

    A send that is cancelled has sent the pieces that the stream inside accepted; the rest is forgotten, and
    never sent. A receive that is cancelled loses nothing: the next one has it.

    Args:
        inner: The stream.
        reads, writes: The chains, if that direction has one.
    """

    def __init__(
        self,
        inner: AnyByteStream,
        *,
        reads: AsyncChain | None = None,
        writes: AsyncChain | None = None,
    ) -> None:
        super().__init__(inner)
        self._reads = reads
        self._writes = writes
        self._ready = bytearray()  # has left the chain, and waits to be received
        self._has_ended = False
        self._broken: BrokenResourceError | None = None  # by the other side; raised behind the bytes
        self._receiving = ResourceGuard("receiving from")
        self._sending = ResourceGuard("sending to")

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        reads = self._reads
        if reads is None:
            return await super().receive(max_bytes)
        reads.begin_call()
        if reads.is_calm and not self._ready and not self._has_ended:
            try:
                received = await super().receive(max_bytes)
            except (EndOfStream, BrokenResourceError) as exc:
                if reads.is_calm:
                    raise
                self._put_end(reads, exc)  # a knob was turned while this waited
            else:
                if reads.is_calm:
                    return received
                reads.put(received)
        with self._receiving:
            self._require_open()
            while not self._ready:
                if self._has_ended:
                    raise self._broken.with_traceback(None) if self._broken else EndOfStream
                await self._fill(reads)
            received = bytes(self._ready[:max_bytes])
            del self._ready[:max_bytes]
            return received

    async def send(self, item: bytes) -> None:
        writes = self._writes
        if writes is not None:
            writes.begin_call()
        if writes is None or writes.is_calm:
            await self._inner.send(item)
            return
        with self._sending:
            self._require_open()
            if not item:
                self._send_nothing(writes)
            writes.put(bytes(item))
            await self._drain(writes)

    async def send_eof(self) -> None:
        writes = self._writes
        if writes is not None:
            writes.begin_call()
        if writes is None or writes.is_calm:
            await self._inner.send_eof()
            return
        with self._sending:
            self._require_open()
            writes.put_eof()
            await self._drain(writes)

    def _take_unread(self) -> bytes:
        with self._receiving, self._sending:
            unread = bytes(self._ready) + (self._reads.release() if self._reads is not None else b"")
            self._ready.clear()
            return unread

    def _send_nothing(self, writes: AsyncChain) -> None:
        """Note that a send has no bytes; most faults need not know."""

    async def _fill(self, reads: AsyncChain) -> None:
        """Read once, unless something is held; and take what leaves."""
        actions: list[Action] = []
        if reads.is_empty and not (actions := reads.begin_read()):
            try:
                reads.put(await self._inner.receive(READ_BYTES))
            except (EndOfStream, BrokenResourceError) as exc:
                self._put_end(reads, exc)
        for action in actions or await reads.next_actions():
            if isinstance(action, bytes):
                self._ready += action
            elif isinstance(action, Abort):
                self._abort(action)
            else:
                self._has_ended = True

    def _put_end(self, reads: AsyncChain, end: EndOfStream | BrokenResourceError) -> None:
        """Let an end of the stream inside travel like its bytes; but not a failure that an adapter made."""
        if isinstance(end, TrixterError):
            raise end
        if isinstance(end, BrokenResourceError):
            self._broken = end
            reads.put_reset()
        else:
            reads.put_eof()

    async def _drain(self, writes: AsyncChain) -> None:
        """Send what leaves until nothing is held."""
        try:
            while actions := await writes.next_actions():
                for action in actions:
                    await self._perform(action)
        except BaseException:
            writes.discard()
            raise

    async def _perform(self, action: Action) -> None:
        if isinstance(action, bytes):
            await self._inner.send(action)
        elif isinstance(action, Eof):
            await self._inner.send_eof()
        elif isinstance(action, Abort):
            self._abort(action)

    def _abort(self, abort: Abort) -> None:
        """Fail, as the chain demands."""
        raise NotImplementedError(f"no fault of {type(self).__name__} aborts, but one did: {abort.reason}")
