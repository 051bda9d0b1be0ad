"""Which cameras post, and where to."""

from streamwatch.config.settings import PUSH, Settings

PATH = "/push/"
PUSH_FILES = "push.tls_certificate", "push.tls_key"


def push_cameras(settings: Settings) -> list[str]:
    """Return the names of the cameras that post what they have seen."""
    return [name for name, camera in settings.cameras.items() if camera.source == PUSH]


def push_address(settings: Settings, camera: str) -> str:
    """Return what is entered in a camera as the path to which it posts; `SECRET` stands for its secret."""
    push = settings.cameras[camera].push
    return f"{PATH}{camera}" + ("/SECRET" if push is not None and push.secret is not None else "")
