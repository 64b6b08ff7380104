"""A journal in a file: bounded in size, and never waited for."""

from __future__ import annotations

import os
import stat

from trixter.cli.log_writer import LogWriter
from trixter.control.journal import VERSION, Dropped, Header, JournaledProxy, Line, line_of
from trixter.errors import JournalError, os_error_text

# Some 250,000 decisions. As much again is in the part before.
LIMIT_BYTES = 64 * 1024 * 1024


class JournalFile(LogWriter):
    """Write a journal in the background. A full file becomes ``FILE.1``, in place of the former one.

    A disk that is slower than the journal loses lines, and never slows the proxy down; a line says how many
    are missing.

    Args:
        path: The file; what it held is overwritten.
        proxies: The proxies, for the header.
        limit_bytes: The size at which a file is full.

    Raises:
        JournalError: If the file cannot be written.
    """

    def __init__(
        self, path: str, proxies: tuple[JournaledProxy, ...], *, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self._path = path
        self._proxies = proxies
        self._limit_bytes = limit_bytes
        self._part = 1
        try:
            descriptor = self._open()
            # A pipe or a terminal has no size, and must not be renamed.
            self._is_rotated = stat.S_ISREG(os.fstat(descriptor).st_mode)
        except OSError as exc:
            raise JournalError(path, 0, os_error_text(exc)) from exc
        super().__init__(descriptor, lambda lines, why: line_of(Dropped(lines, _why(why))))
        self._written_bytes = 0
        self.add(self._header())

    def add(self, line: Line) -> None:
        """Write a line soon."""
        self.write(line_of(line))

    def end(self, timeout_s: float = 1.0) -> None:
        """Write what waits, for so long at most, and close the file. Idempotent."""
        if self._descriptor >= 0 and self.close(timeout_s):
            os.close(self._descriptor)
            self._descriptor = -1

    def _write_out(self, data: bytes, lines: int = 0) -> None:
        super()._write_out(data, lines)
        self._written_bytes += len(data)
        if self._is_rotated and self._written_bytes > self._limit_bytes:
            self._rotate()

    def _rotate(self) -> None:
        self._part += 1
        try:
            os.replace(self._path, f"{self._path}.1")
            following = self._open()
            os.dup2(following, self._descriptor, inheritable=False)
            os.close(following)
        except OSError:  # the folder is gone or closed to us: the disk is not filled all the same
            os.ftruncate(self._descriptor, 0)
        header = line_of(self._header()).encode() + b"\n"
        with self._lock:
            self._waiting_bytes += len(header)
        self._written_bytes = 0
        super()._write_out(header)

    def _header(self) -> Header:
        return Header(VERSION, self._proxies, self._part)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _why(why: str) -> str:
    return "the disk was too slow" if why.startswith("standard error") else why
