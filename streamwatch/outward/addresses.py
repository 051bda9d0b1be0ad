"""Which addresses may be sent to. A receiver outside must not lead into the network of the gate."""

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Return True if a numeric address is one of the open internet.

    False for private, loopback, link-local (also 169.254.169.254, where clouds tell secrets), shared, multicast and
    reserved ones, and for IPv6 addresses that stand for such an IPv4 address.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
        elif found.teredo is not None or found.is_site_local:
            return False
    return found.is_global and not found.is_multicast
