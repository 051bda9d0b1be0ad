"""The conditions under which the console is served, and its address."""

import socket
import ssl
from contextlib import closing

from streamwatch.config.settings import Settings, WebSettings
from streamwatch.core.errors import ConfigError, DatabaseUnusable, StorageFailed, StoreError
from streamwatch.http.tls import tls_context
from streamwatch.store import open_reader


def protection(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS with which the console is served, if any.

    Raise ConfigError if other machines could reach the console without users or https, and StoreError.
    """
    web = settings.web
    tls = tls_context(web.tls_certificate, web.tls_key, ("web.tls_certificate", "web.tls_key"))
    if web.is_shared:
        if tls is None and not web.behind_proxy:
            raise ConfigError(
                f"The console would be served to other machines (on {web.host}) without https, and passwords could be "
                "read on the way.",
                "Set web.tls_certificate and web.tls_key, or web.behind_proxy for a reverse proxy with https, or "
                "web.host to 127.0.0.1.",
            )
        if not has_users(settings):
            raise ConfigError(
                "The console would be served to other machines, and there is no user who could log in.",
                "Add one with `streamwatch user add NAME --role admin`, or set web.host to 127.0.0.1 without "
                "web.behind_proxy.",
            )
    return tls


def console_address(web: WebSettings) -> str:
    """Return the address for people: of this machine by its name if the console is served on all its addresses."""
    host = socket.gethostname() if web.host in ("0.0.0.0", "::") else web.host
    scheme = "http" if web.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{web.port}"


def has_users(settings: Settings) -> bool:
    """Return True if the database has a user; False if there is no database yet. Raise StoreError if it fails."""
    try:
        with closing(open_reader(settings.database, settings.data_dir)) as reader:
            return reader.accounts.any_user()
    except (DatabaseUnusable, StorageFailed):
        raise
    except StoreError:  # it is not there yet, or of an older version
        return False
