"""`python -m streamwatch`, and the program `streamwatch`."""

import signal
import sys


def main() -> None:
    """Run a verb. Until one handles Ctrl+C, that ends the program quietly, also while modules are imported."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        from streamwatch import __version__

        print(f"streamwatch {__version__}")  # scripts ask for it, and the command line costs ten times as much
        return
    from streamwatch.cli.main import main

    main()


if __name__ == "__main__":
    main()
