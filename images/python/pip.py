#!/usr/bin/python3
"""pip for Tramway's Python base image.

Where a package index answers, this is pip.  Where none does, `install`, `wheel` and `download` meet
requirements from Debian's python3-* packages instead, where these satisfy the version specifiers:

  * `>=`, `<`, `!=`, `~=` must hold;
  * an exact pin (`==1.2.3`) is met by another version of the same major release, with a warning;
  * whatever cannot be met is named, all at once, and fails the command.

docs/adr/0005-python-without-an-index.md says why.
"""
import importlib
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from importlib import metadata

try:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version
except ImportError:  # inside of a virtual environment, which has only pip's own copy
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    from pip._vendor.packaging.utils import canonicalize_name
    from pip._vendor.packaging.version import InvalidVersion, Version

DEBIAN_NAMES = "/usr/share/tramway/pydist"
SAVED = ".debian-requirement"  # what `wheel` and `download` leave in place of a wheel
COMMANDS = ("install", "wheel", "download")
TOOLS = {"pip", "setuptools", "wheel"}  # there already; asking for newer ones changes nothing
# The same code under another name.
SAME = {"psycopg2-binary": "psycopg2", "psycopg-binary": "psycopg", "psycopg-c": "psycopg", "uvloop": "uvloop"}
WITH_VALUE = {
    "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target", "--prefix", "--root",
    "--src", "--platform", "--python-version", "--implementation", "--abi", "--no-binary", "--only-binary",
    "--progress-bar", "--cache-dir", "--timeout", "--retries", "--trusted-host", "--cert", "--proxy", "--log",
    "--upgrade-strategy", "--report", "--use-feature", "--global-option", "--config-settings", "-C",
    "--exists-action", "--root-user-action", "--build-option",
}


def real_pip(arguments):
    environment = os.environ.get("TRAMWAY_VENV_PYTHON")  # that of a virtual environment: its pip is untouched
    if environment:
        os.execv(environment, [environment, "-m", "pip", *arguments])
    os.execv(sys.executable, [sys.executable, "-m", "pip.__real_main__", *arguments])


def index_url(arguments):
    for i, argument in enumerate(arguments):
        if argument in ("-i", "--index-url") and i + 1 < len(arguments):
            return arguments[i + 1]
        if argument.startswith("--index-url="):
            return argument.partition("=")[2]
    return os.environ.get("PIP_INDEX_URL") or default_index_url()


def default_index_url():
    """What pip itself would ask.  In a process of its own: beside this file, `import pip` is this file."""
    program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True).stdout.strip()


def index_answers(url):
    """None when it does, else why not."""
    try:
        urllib.request.urlopen(url.rstrip("/") + "/pip/", timeout=4).close()
        return None
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


class Failure(Exception):
    pass


class Wanted:
    """What a command line asks for."""

    def __init__(self):
        self.requirements, self.constraints, self.files, self.folders = [], {}, [], []
        self.problems, self.destination, self.elsewhere = [], ".", None

    def add_line(self, line, base):
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        line = re.sub(r"\s+--hash[= ]\S+", "", line).rstrip("\\").strip()
        if not line or line == "\\":
            return
        option = re.match(r"(-r|--requirement|-c|--constraint|-e|--editable)[\s=]*(\S.*)$", line)
        if option and option[1] in ("-r", "--requirement"):
            self.add_file(os.path.join(base, option[2]))
        elif option and option[1] in ("-c", "--constraint"):
            self.add_constraints(os.path.join(base, option[2]))
        elif option:
            self.folders.append(os.path.join(base, option[2]))
        elif not line.startswith("-"):
            self.add_item(line, base)

    def add_file(self, path):
        try:
            text = open(path, encoding="utf-8-sig").read().replace("\\\n", " ")
        except OSError as error:
            raise Failure(f"Could not open requirements file: {error}") from error
        for line in text.splitlines():
            self.add_line(line, os.path.dirname(path))

    def add_constraints(self, path):
        limits = Wanted()
        limits.add_file(path)
        for requirement in limits.requirements:
            self.constraints[canonicalize_name(requirement.name)] = requirement.specifier

    def add_item(self, item, base=""):
        path = os.path.join(base, item.partition("[")[0])
        if item.endswith(SAVED):
            self.add_file(path)
        elif item.endswith((".whl", ".tar.gz", ".zip")) and os.path.exists(path):
            self.files.append(path)
        elif item.startswith((".", "/")) or (os.sep in item and os.path.isdir(path)):
            self.folders.append(path)
        else:
            self.add_requirement(item)

    def add_requirement(self, text):
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise Failure(f"Invalid requirement: {text!r}: {error}") from error
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            return
        if requirement.url:
            self.problems.append(f"{text}: downloads from a URL are not possible here")
        else:
            self.requirements.append(requirement)

    def add_project(self, folder):
        try:
            import tomllib
            project = tomllib.load(open(os.path.join(folder, "pyproject.toml"), "rb")).get("project", {})
        except (OSError, ImportError):
            project = {}
        for text in project.get("dependencies", []):
            self.add_requirement(text)


def read_arguments(arguments):
    wanted, i = Wanted(), 0
    while i < len(arguments):
        name, _, value = arguments[i].partition("=")
        takes = name in ("-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-w", "--wheel-dir",
                         "-d", "--dest") or name in WITH_VALUE
        if takes and not value:
            i += 1
            value = arguments[i] if i < len(arguments) else ""
        if name in ("-r", "--requirement"):
            wanted.add_file(value)
        elif name in ("-c", "--constraint"):
            wanted.add_constraints(value)
        elif name in ("-e", "--editable"):
            wanted.folders.append(value)
        elif name in ("-w", "--wheel-dir", "-d", "--dest"):
            wanted.destination = value
        elif name in ("-t", "--target", "--prefix", "--user"):
            wanted.elsewhere = name
        elif not name.startswith("-"):
            wanted.add_item(arguments[i])
        i += 1
    for folder in wanted.folders:
        wanted.add_project(folder)
    return wanted


def debian_names():
    names = {}
    for line in open(DEBIAN_NAMES, encoding="utf-8"):
        parts = line.split("#")[0].replace(";", " ").split()
        if len(parts) >= 2:
            names.setdefault(canonicalize_name(parts[0]), parts[1])
    return names


def apt(*arguments):
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    result = subprocess.run(["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True)
    if result.returncode:
        raise Failure(f"apt-get {arguments[0]}: {result.stderr.strip()[-1500:]}")


def candidate(package):
    """The version that apt would install, or None."""
    output = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True).stdout
    found = re.search(r"Candidate: (\S+)", output)
    return found[1] if found and found[1] != "(none)" else None


def upstream(debian_version):
    """1:2.0.32+ds1-1+deb13u1 → 2.0.32"""
    text = debian_version.partition(":")[2] or debian_version
    text = re.split(r"[+](?:dfsg|ds|really|git|repack|debian)|[~+-](?:dfsg|ds)", text.rpartition("-")[0] or text)[0]
    try:
        return Version(text.replace("~", ""))
    except InvalidVersion:
        return None


def judge(requirement, version):
    """("ok" | "pin" | "no")"""
    if requirement.specifier.contains(version, prereleases=True):
        return "ok"
    specifiers = list(requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator in ("==", "==="):
        try:
            if Version(specifiers[0].version.rstrip(".*")).major == version.major:
                return "pin"
        except InvalidVersion:
            pass
    return "no"


def installed(name):
    try:
        importlib.invalidate_caches()
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


class Resolution:
    def __init__(self, wanted):
        self.wanted, self.names = wanted, debian_names()
        self.problems, self.warnings, self.done, self.packages = list(wanted.problems), [], {}, []
        self.updated = False

    def update(self):
        if not self.updated:
            apt("update")
        self.updated = True

    def guesses(self, name):
        yield from filter(None, [self.names.get(name)])
        short = re.sub(r"^python-|^py(?=[a-z]{3})|-python$", "", name)
        yield from (f"python3-{name}", f"python3-{short}", name)

    def find_package(self, name):
        self.update()
        for package in self.guesses(name):
            version = candidate(package)
            if version and (package.startswith("python3-") or package in self.names.values()):
                return package, version
        return None, None

    def check(self, requirement, version, where):
        verdict = judge(requirement, version)
        if verdict == "no":
            self.problems.append(f"{requirement}: Debian's is {version} ({where})")
        elif verdict == "pin":
            self.warnings.append(f"{requirement}: Debian's {version} is used instead")
        return verdict != "no"

    def plan(self, requirement):
        """Adds the Debian package that meets it; what is there already is checked after installing."""
        name = canonicalize_name(requirement.name)
        name = SAME.get(name, name)
        if name in TOOLS or installed(name):
            return
        package, debian_version = self.find_package(name)
        if not package:
            self.problems.append(f"{requirement}: Debian has no package of it")
            return
        version = upstream(debian_version)
        if version and judge(requirement, version) == "no":
            self.problems.append(f"{requirement}: Debian's is {version} ({package})")
        elif package not in self.packages:
            self.packages.append(package)

    def verify(self, requirement):
        """Checks the installed version; returns what its extras ask for."""
        name = canonicalize_name(requirement.name)
        name = SAME.get(name, name)
        if name in TOOLS:
            return []
        distribution = installed(name)
        if not distribution:
            self.problems.append(f"{requirement}: Debian's package brings no distribution of that name")
            return []
        key = (name, tuple(sorted(requirement.extras)))
        if key in self.done or not self.check(requirement, Version(distribution.version), "installed"):
            return []
        self.done[key] = distribution
        return self.of_extras(requirement, distribution)

    @staticmethod
    def of_extras(requirement, distribution):
        found = []
        for extra in requirement.extras:
            for text in distribution.requires or []:
                inner = Requirement(text)
                if inner.marker and "extra" in str(inner.marker) and inner.marker.evaluate({"extra": extra}):
                    inner.marker = None
                    found.append(inner)
        return found

    def run(self):
        todo = [self.constrained(r) for r in self.wanted.requirements]
        for _ in range(6):  # extras of extras end
            self.packages = []
            for requirement in todo:
                self.plan(requirement)
            self.fail_if_problems()
            if self.packages:
                print(f"Installing Debian's {' '.join(self.packages)}", flush=True)
                apt("install", "-y", "--no-install-recommends", *self.packages)
            todo = [inner for requirement in todo for inner in self.verify(requirement)]
            self.fail_if_problems()
            if not todo:
                break

    def constrained(self, requirement):
        limit = self.wanted.constraints.get(canonicalize_name(requirement.name))
        if limit is not None:
            requirement.specifier &= limit
        return requirement

    def fail_if_problems(self):
        if self.problems:
            lines = "\n".join(f"  {problem}" for problem in dict.fromkeys(self.problems))
            raise Failure(
                "no package index answers, and Debian's packages do not meet these requirements:\n" + lines +
                "\nLoosen them, take the packages of another Debian release (service variable "
                "TRAMWAY_DEBIAN_SUITE=trixie), or let builds reach an index (PIP_INDEX_URL, or a proxy).")


def make_scripts(distributions, folder):
    """Debian puts some programs into packages of their own; pip's users expect them."""
    for distribution in distributions:
        for entry in distribution.entry_points:
            path = os.path.join(folder, entry.name)
            there = folder == "/usr/local/bin" and os.path.exists(os.path.join("/usr/bin", entry.name))
            if entry.group != "console_scripts" or there or os.path.exists(path):
                continue
            module, _, function = entry.value.partition("[")[0].strip().partition(":")
            with open(path, "w", encoding="utf-8") as script:
                script.write(f"#!/usr/bin/python3\nimport sys\nfrom {module} import {function.split('.')[0]}\n"
                             f"sys.exit({function}())\n")
            os.chmod(path, 0o755)


def open_environment(folder):
    """Lets a virtual environment see the system's packages."""
    path = os.path.join(folder, "pyvenv.cfg")
    text = open(path, encoding="utf-8").read()
    open(path, "w", encoding="utf-8").write(
        re.sub(r"include-system-site-packages *= *\w+", "include-system-site-packages = true", text))


def save(wanted):
    os.makedirs(wanted.destination, exist_ok=True)
    for requirement in wanted.requirements:
        path = os.path.join(wanted.destination, canonicalize_name(requirement.name) + SAVED)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{requirement}\n")
        print(f"Saved {path}")


def install(wanted):
    resolution = Resolution(wanted)
    resolution.run()
    if resolution.updated:
        subprocess.run("rm -rf /var/lib/apt/lists/*", shell=True, check=False)
    environment = os.environ.get("TRAMWAY_VENV")
    make_scripts(resolution.done.values(), os.path.join(environment, "bin") if environment else "/usr/local/bin")
    if environment:
        open_environment(environment)
    local = wanted.files + wanted.folders
    if local:
        subprocess.run([sys.executable, "-m", "pip.__real_main__", "install", "--no-index", "--no-deps",
                        "--no-build-isolation", *local], check=True)
    for warning in dict.fromkeys(resolution.warnings):
        print(f"WARNING: {warning}", flush=True)
    if wanted.elsewhere or environment:
        print("WARNING: Debian's packages are in the system, not in the folder asked for: a later stage that "
              "copies only that folder lacks them", flush=True)
    names = sorted(f"{d.metadata['Name']}-{d.version}" for d in resolution.done.values())
    print("Successfully installed", " ".join(dict.fromkeys(names)) if names else "(nothing new)")


def main():
    arguments = sys.argv[1:]
    command = next((a for a in arguments if not a.startswith("-")), "")
    if command not in COMMANDS:
        real_pip(arguments)
    url = index_url(arguments)
    why = index_answers(url)
    if why is None:
        real_pip(arguments)
    rest = arguments[arguments.index(command) + 1:]
    print(f"No package index answers ({re.sub('//[^/@]*@', '//', url)}: {why}): using Debian's packages", flush=True)
    try:
        wanted = read_arguments(rest)
        if command == "install":
            install(wanted)
        else:
            save(wanted)
    except Failure as failure:
        print(f"ERROR: {failure}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
