"""Self-dials: an upstream that is the proxy's own listening address."""

from __future__ import annotations

import socket

from trixter.errors import SettingError
from trixter.proxy.address import Address, Target, resolve

ANY_HOST = {"0.0.0.0", "::"}


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
    if host == bound[0] or host in ANY_HOST:
        return True
    return bound[0] in ANY_HOST and _is_ours(family, host)


def _is_ours(family: int, host: str) -> bool:
    """Return whether an address is one of this machine: only those can be bound."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
