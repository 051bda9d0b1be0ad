"""A check that the paid service can be reached; it costs nothing."""

import ssl

import httpx

from streamwatch.core.endpoint import is_loopback
from streamwatch.core.errors import NotSent
from streamwatch.core.redact import host_of, place_of
from streamwatch.recognition.ocrcars.wire import reason_of


def reach(endpoint: str, timeout: float) -> int:
    """Ask the endpoint by GET without credentials and return the HTTP status; the service refuses that free of charge.

    timeout: seconds. Raise NotSent with the reason if nothing answers.
    """
    host, place = host_of(endpoint), place_of(endpoint)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False, trust_env=not is_loopback(host)) as client:
            return client.get(endpoint).status_code
    except httpx.TimeoutException:
        raise NotSent(f"{place} did not answer within {timeout:g} s.", "Check the network and the firewall.") from None
    except (httpx.TransportError, ssl.SSLError) as error:
        reason, advice = reason_of(error)
        raise NotSent(
            f"{place} cannot be reached{reason}.", advice or "Check recognizer.ocrcars.endpoint, DNS and the firewall."
        ) from None
