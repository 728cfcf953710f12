"""Loaded by every Python of the image, those of virtual environments too, whose own pip knows nothing
of Debian's packages: there it is replaced by the image's pip, which is told of the environment."""
import os
import sys

if sys.prefix != sys.base_prefix:
    arguments = sys.orig_argv[1:]
    rest = None
    if arguments[:2] == ["-m", "pip"]:
        rest = arguments[2:]
    elif arguments and os.path.basename(arguments[0]).startswith("pip") and arguments[0].startswith(sys.prefix):
        rest = arguments[1:]
    if rest and rest[0] in ("install", "wheel", "download") and "TRAMWAY_VENV" not in os.environ:
        os.environ["TRAMWAY_VENV"] = sys.prefix
        os.environ["TRAMWAY_VENV_PYTHON"] = sys.executable
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "/usr/share/tramway/pip.py", *rest])
