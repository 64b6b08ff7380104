"""Listening sockets: bind them, listen, and stop listening while the port is kept."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Callable

from trixter.addresses import Address, SocketAddress, text_of, unmapped_ip
from trixter.errors import SettingError, bind_error
from trixter.proxy.closing import close_listening
from trixter.proxy.poller import Poller
from trixter.proxy.resolver import Target, resolve
from trixter.proxy.sockets import AS_THE_KERNEL_HAS_THEM, SocketOptions

# Connections the kernel completes before we accept them. Linux cuts it to net.core.somaxconn.
BACKLOG = 4096

# Linux: a listening socket that is shut down for reading is bound as before, and may listen again. That is
# how haproxy pauses, too. Elsewhere a socket listens until it is closed.
CAN_STOP_LISTENING = sys.platform == "linux"

# An address that this machine does not have, or a whole family: in many containers "localhost" also stands
# for ::1, and there is no IPv6.
NOT_OURS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

# Hosts that stand for every address of this machine.
ANY_HOST = {"0.0.0.0", "::"}

# A socket for each version of IP: with one for both, IPv4 clients would be shown as ::ffff:127.0.0.1.
EVERY_ADDRESS: list[Target] = [(socket.AF_INET, ("0.0.0.0", 0)), (socket.AF_INET6, ("::", 0, 0, 0))]


class ListenSocket:
    """Listen on a bound socket; stop listening, and keep the port meanwhile.

    Args:
        sock: Bound, to a port that was asked for by its number. This closes it.
        poller: Watches it.
        options: Of the sockets of connections, which inherit them.
    """

    def __init__(
        self, sock: socket.socket, poller: Poller, options: SocketOptions = AS_THE_KERNEL_HAS_THEM
    ) -> None:
        self.address = sock.getsockname()
        self._sock = sock
        self._family = sock.family
        self._poller = poller
        self._options = options
        self._is_listening = False

    def __str__(self) -> str:
        return text_of(self.address)

    def listen(self) -> None:
        """Listen; no connection is accepted before ``accept_with``.

        Raises:
            OSError: If the port belongs to another program by now.
        """
        if self._sock.fileno() == -1:  # it was lost when we stopped listening
            self._sock = bound_socket(self._family, self.address)
        # Without it, connections that are left from before would be in the way.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._options.put_on(self._sock, self._family)
        self._sock.listen(BACKLOG)
        self._is_listening = True

    def accept_with(self, on_acceptable: Callable[[socket.socket, int], None]) -> None:
        """Call back, with the socket and its family, whenever a connection waits to be accepted."""
        sock, family = self._sock, int(self._family)
        self._poller.read(sock.fileno(), lambda: on_acceptable(sock, family))

    def pause(self) -> None:
        """Let new connections wait in the kernel, until ``accept_with``."""
        self._poller.pause(self._sock.fileno(), _nothing_to_do)

    def unlisten(self) -> None:
        """Stop listening but keep the port: new and queued connections are refused. Idempotent."""
        if not self._is_listening:
            return
        self._is_listening = False
        if CAN_STOP_LISTENING:
            self.pause()
            self._sock.shutdown(socket.SHUT_RD)
            # Of sockets that only are bound, several may share a port, if all of them agree to it.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        else:
            self.close()
            with contextlib.suppress(OSError):  # another program was quicker: listen() tries again, and tells
                self._sock = bound_socket(self._family, self.address)

    def close(self) -> None:
        """Give the port back."""
        self._is_listening = False
        self._poller.forget(self._sock.fileno())
        close_listening(self._sock)

    def abandon(self) -> None:
        """Close the descriptor in the child of a fork; the parent goes on listening."""
        self._sock.close()


def _nothing_to_do() -> None:
    """A socket that does not listen any more hangs up, once; one that does, never."""


def listen_sockets(text: str, name: str = "listen") -> list[socket.socket]:
    """Bind every address of this machine that ``host:port`` stands for; on port 0, one free port for all.

    Returns:
        Bound, non-blocking sockets that do not listen yet.

    Raises:
        SettingError: If the text is not an address.
        BindError: If one of them cannot be had, or there is none.
    """
    address = Address.parse_listen(text, name)
    bound: list[socket.socket] = []
    not_ours: OSError | None = None
    port = address.port
    try:
        for family, sockaddr in EVERY_ADDRESS if address.is_everywhere else resolve(address):
            try:
                bound.append(
                    bound_socket(family, (sockaddr[0], port, *sockaddr[2:]), is_v6_only=address.is_everywhere)
                )
            except OSError as exc:
                if exc.errno not in NOT_OURS:
                    raise
                not_ours = exc
            else:
                port = bound[-1].getsockname()[1]
        if not_ours is not None and not bound:
            raise not_ours
    except OSError as exc:
        for sock in bound:
            sock.close()
        raise bind_error(text, exc) from exc
    return bound


def bound_socket(family: int, address: SocketAddress, *, is_v6_only: bool = False) -> socket.socket:
    """Bind a new, non-blocking socket; for port 0, to a free port.

    Args:
        family: Of the address.
        address: The address.
        is_v6_only: Whether one of IPv6 leaves IPv4 to another socket; otherwise the system decides.

    Raises:
        OSError: If the address cannot be had.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_v6_only and family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        AS_THE_KERNEL_HAS_THEM.put_on(
            sock, family
        )  # accepted sockets inherit it, which saves a call for each
        sock.bind(address)
        if address[1] == 0:
            # Linux keeps a port for a socket that stops listening only if it was asked for by its number.
            with sock:
                return bound_socket(family, sock.getsockname(), is_v6_only=is_v6_only)
    except OSError:
        sock.close()
        raise
    return sock


def refuse_self_dial(upstream: Address, sockets: list[socket.socket]) -> None:
    """Refuse an upstream that is one of these bound sockets, and close them then.

    Each client would be a client of the client before it, until no descriptor is left. A name is looked up
    only if the port is the same; blocks then.

    Raises:
        SettingError: If the upstream is one of them.
    """
    bound = [sock.getsockname() for sock in sockets]
    if upstream.path or upstream.port not in (address[1] for address in bound):
        return
    try:
        targets = resolve(upstream)
    except OSError:  # connections will say so, and by then it may be known
        return
    for target in targets:
        if any(_leads_to(target, address) for address in bound):
            for sock in sockets:
                sock.close()
            raise SettingError("upstream", str(upstream), "another address than the proxy listens on")


def _leads_to(target: Target, bound: tuple[str, int]) -> bool:
    """Return whether a connection to a target would reach the socket that is bound there."""
    family, address = target
    host, port = str(address[0]), address[1]
    if port != bound[1]:
        return False
    version = unmapped_ip(host.partition("%")[0]).version
    if host in ANY_HOST or str(unmapped_ip(host)) == bound[0]:
        return True
    # A socket of IPv6 on all addresses may take IPv4 as well.
    return bound[0] in ANY_HOST and (bound[0] == "::" or version == 4) and _is_ours(family, host)


def _is_ours(family: int, host: str) -> bool:
    """Return whether an address is one of this machine: only those can be bound."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
