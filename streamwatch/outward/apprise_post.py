"""Messages to people by Apprise. No other module uses it, and it is imported only when somebody is to be told.

Apprise logs addresses, which hold passwords, so its log is silent. It keeps nothing on disk, loads no plugins of
others, and follows no redirects.
"""

import logging
from typing import Any

from streamwatch.core.errors import ConfigError

INSTALL_NOTIFY = (
    "In the clone of streamwatch run: pip install '.[notify]' "
    "(with a wheel instead: pip install 'streamwatch_gate-….whl[notify]')."
)


class ApprisePost:
    """Sends messages to one address. For one thread at a time."""

    def __init__(self, address: str, place: str) -> None:
        """address: a secret. place: where it stands in config.yaml, for messages.

        Raise ConfigError if Apprise is not installed, or does not know the address.
        """
        try:
            import apprise
            from apprise.attachment.memory import AttachMemory
        except ImportError:
            raise ConfigError(
                "Notifications need the extra `notify`, which is not installed.", INSTALL_NOTIFY
            ) from None
        _silence()
        asset = apprise.AppriseAsset(
            app_id="streamwatch",
            app_desc="streamwatch",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            async_mode=False,
            http_redirects=False,
            pgp_autogen=False,
            pem_autogen=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            plugin_paths=[],
            secure_logging=True,
            service_timeout=0,  # other values need threads that nobody ends; each request has limits of its own
        )
        self._service = apprise.Apprise(asset=asset)
        self._text: Any = apprise.NotifyFormat.TEXT
        self._attachment: Any = AttachMemory
        if not self._service.add(address):
            raise ConfigError(
                f"{place} is no address that Apprise knows.", "See https://appriseit.com/services/ for its form."
            )

    def send(self, title: str, body: str, jpeg: bytes | None = None) -> bool:
        """Send a message, with a picture where the service takes one; return True if the service has taken it."""
        picture = None if jpeg is None else self._attachment(content=jpeg, name="gate.jpg", mimetype="image/jpeg")
        try:
            done = self._service.notify(
                body=body or title, title=title if body else "", body_format=self._text, attach=picture
            )
        except Exception as error:  # a plugin's error may hold its address, so only its kind is told
            logging.getLogger(__name__).warning("a notification failed: %s", type(error).__name__)
            return False
        return bool(done)


def _silence() -> None:
    """Let Apprise log nothing, nor what it sends with (requests, urllib3)."""
    for name in ("apprise", "urllib3", "requests", "requests_oauthlib", "markdown"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [logging.NullHandler()], False
