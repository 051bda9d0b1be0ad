"""`python -m streamwatch`, and the program `streamwatch`."""

import signal


def main() -> None:
    """Before anything else is imported: Ctrl+C ends the program quietly until a verb handles it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from streamwatch.cli.main import main

    main()


if __name__ == "__main__":
    main()
