"""An adapter whose deciding is done by chains."""

from __future__ import annotations

from anyio import EndOfStream, ResourceGuard

from trixter.faults import Abort, Action, Eof
from trixter.netem.adapter import READ_BYTES, Adapter, AnyByteStream
from trixter.netem.awaited_chain import AwaitedChain


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
        reads: AwaitedChain | None = None,
        writes: AwaitedChain | None = None,
    ) -> None:
        super().__init__(inner)
        self._reads = reads
        self._writes = writes
        self._ready = bytearray()  # has left the chain, and waits to be received
        self._has_ended = False
        self._receiving = ResourceGuard("receiving from")
        self._sending = ResourceGuard("sending to")

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        reads = self._reads
        if reads is None:
            return await super().receive(max_bytes)
        if reads.is_calm and not self._ready and not self._has_ended:
            # Somebody may turn a knob while this waits.
            try:
                received = await super().receive(max_bytes)
            except EndOfStream:
                if reads.is_calm:
                    raise
                reads.put_eof()
            else:
                if reads.is_calm:
                    return received
                reads.put(received)
        with self._receiving:
            self._require_open()
            while not self._ready:
                if self._has_ended:
                    raise EndOfStream
                await self._fill(reads)
            received = bytes(self._ready[:max_bytes])
            del self._ready[:max_bytes]
            return received

    async def send(self, item: bytes) -> None:
        writes = self._writes
        if writes is None or writes.is_calm:
            await self._inner.send(item)
            return
        with self._sending:
            self._require_open()
            writes.put(bytes(item))
            await self._drain(writes)

    async def send_eof(self) -> None:
        writes = self._writes
        if writes is None or writes.is_calm:
            await self._inner.send_eof()
            return
        with self._sending:
            self._require_open()
            writes.put_eof()
            await self._drain(writes)

    async def _fill(self, reads: AwaitedChain) -> None:
        """Read once, unless something is held; and take what leaves."""
        if reads.is_empty:
            try:
                reads.put(await self._inner.receive(READ_BYTES))
            except EndOfStream:
                reads.put_eof()
        for action in await reads.leaving():
            if isinstance(action, bytes):
                self._ready += action
            elif isinstance(action, Abort):
                self._abort(action)
            else:
                self._has_ended = True

    async def _drain(self, writes: AwaitedChain) -> None:
        """Send what leaves until nothing is held."""
        try:
            while actions := await writes.leaving():
                for action in actions:
                    await self._perform(action)
        except BaseException:
            writes.drop()
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
