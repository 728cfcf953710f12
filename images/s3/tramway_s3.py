"""An S3 endpoint: OpenStack Swift with its S3 API, whole in one process, on the volume at /data.

Swift's four servers (proxy, account, container, object) run as in its own functional tests: each a WSGI application on a
socket of its own, the inner three on 127.0.0.1.  One device, one replica, no memcached.

  tramway-s3          serve.  The keys that may use it come from S3_KEYS, a line per key:
                      BUCKET ACCESS_KEY_ID SECRET_ACCESS_KEY
  tramway-s3 keys     take the lines on standard input instead of those before, at once; buckets are made when missing
  tramway-s3 empty B  delete all that is in bucket B, which has no key any more
  tramway-s3 stats B  {"objectCount": …, "sizeBytes": …}

A bucket has an account of its own in Swift: its keys see it and nothing else.  Secrets are kept in memory only."""
import json
import logging
import os
import pwd
import re
import socket
import sys
from time import time as clock

import eventlet
import eventlet.patcher

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True)

from eventlet import wsgi  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.swob import HTTPForbidden, Request  # noqa: E402
from swift.common.utils import set_swift_dir  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

DATA, CONF = os.environ.get("S3_DATA", "/data"), "/dev/shm/swift"
CONTROL = CONF + "/control"
PORT, REGION = int(os.environ.get("S3_PORT", "9000")), os.environ.get("S3_REGION", "us-east-1")
INNER = {"account": 6202, "container": 6201, "object": 6200}
CONNECTIONS, IDLE_S, START_S, CONTROL_MAX, CACHE_MAX = 1024, 60, 40, 1 << 20, 100000
BUCKET, KEY = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), re.compile(r"[A-Za-z0-9/+=_-]{8,128}")
PIPELINE = "catch_errors gatekeeper healthcheck memory s3api keys bulk slo dlo versioned_writes symlink"

keys = {}  # access key id -> (bucket, secret)


class Memory:
    """What Swift keeps in memcached, of one process."""

    def __init__(self):
        self.values = {}

    def get(self, key, raise_on_error=False):
        value, until = self.values.get(key, (None, 0))
        return value if not until or until > clock() else None

    def set(self, key, value, serialize=True, time=0, min_compress_len=0, raise_on_error=False):
        if len(self.values) >= CACHE_MAX:
            self.values.clear()
        self.values[key] = (value, time and clock() + time)

    def incr(self, key, delta=1, time=0):
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key, delta=1, time=0):
        return self.incr(key, -delta, time)

    def delete(self, key, server_key=None):
        self.values.pop(key, None)


def memory_factory(conf, **local):
    memory = Memory()

    def make(app):
        def call(env, start):
            env["swift.cache"] = memory
            return app(env, start)
        return call
    return make


def account_of(bucket):
    return "AUTH_" + bucket


def keys_factory(conf, **local):
    """Checks the signature, and lets a key at its own bucket only."""
    def make(app):
        def call(env, start):
            details = env.get("s3api.auth_details")
            bucket, secret = keys.get(details["access_key"], (None, None)) if details else (None, None)
            if env.get("tramway.internal"):
                env["swift.authorize"] = lambda req: None
            elif bucket and details["check_signature"](secret):
                own = (None, bucket, bucket + "+segments")
                account = account_of(bucket)
                env["PATH_INFO"] = env["PATH_INFO"].replace(details["access_key"], account, 1)
                env["REMOTE_USER"] = ",".join((account, account))
                env["swift_owner"] = True
                env["swift.clean_acl"] = lambda header, value: value
                env["swift.authorize"] = lambda req: None if req.split_path(2, 4, True)[2] in own else HTTPForbidden(request=req)
            else:
                env["swift.authorize"] = lambda req: HTTPForbidden(request=req)
            return app(env, start)
        return call
    return make


def to_stderr(conf, name, log_to_console, log_route, fmt, logger, adapted_logger):
    """Swift would write to syslog only."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s " + name + ": %(message)s"))
    for other in list(logger.handlers):
        logger.removeHandler(other)
    logger.addHandler(handler)


def write(name, text):
    with open(os.path.join(CONF, name), "w") as file:
        file.write(text)


def common():
    return (f"[DEFAULT]\nswift_dir = {CONF}\ndevices = {DATA}/swift\nmount_check = false\nlog_level = WARNING\n"
            "log_custom_handlers = tramway_s3.to_stderr\nmax_header_size = 32768\n")


def configure():
    salt_file = os.path.join(DATA, "swift", "salt")  # part of where every object lies: never changed
    os.makedirs(os.path.join(DATA, "swift", "d1"), exist_ok=True)
    if not os.path.exists(salt_file):
        with open(salt_file + ".new", "w") as file:
            file.write(os.urandom(16).hex())
            file.flush()
            os.fsync(file.fileno())
        os.rename(salt_file + ".new", salt_file)
    with open(salt_file) as file:
        salt = file.read().strip()
    write("swift.conf", f"[swift-hash]\nswift_hash_path_suffix = {salt}\n[storage-policy:0]\nname = default\ndefault = yes\n")
    set_swift_dir(CONF)
    for kind, port in INNER.items():
        builder = RingBuilder(4, 1, 1)
        builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1",
                         "replication_port": port, "device": "d1", "weight": 1.0, "meta": ""})
        builder.rebalance(seed="1")
        builder.get_ring().save(os.path.join(CONF, kind + ".ring.gz"))
        write(kind + ".conf", common() + f"[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n")
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in PIPELINE.split() if name not in ("memory", "keys"))
    filters = filters.replace("#s3api\n", f"#s3api\nlocation = {REGION}\nallow_multipart_uploads = true\n")
    filters = filters.replace("#versioned_writes\n", "#versioned_writes\nallow_object_versioning = true\n")
    write("proxy.conf", common() + f"[pipeline:main]\npipeline = {PIPELINE} proxy-server\n" + filters
          + "[filter:memory]\npaste.filter_factory = tramway_s3:memory_factory\n"
          + "[filter:keys]\npaste.filter_factory = tramway_s3:keys_factory\n"
          + "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n")


def drop_root():
    """To the user that owns the data, as Debian's packages have it."""
    user = pwd.getpwnam("swift")
    for folder, mode in ((CONF, 0o700), (DATA, 0o750), (os.path.join(DATA, "swift"), 0o750)):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, mode)
        os.chown(folder, user.pw_uid, user.pw_gid)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def ask(app, method, path, query=""):
    """A request of our own, past the keys."""
    request = Request.blank(path, environ={"REQUEST_METHOD": method, "QUERY_STRING": query, "tramway.internal": True})
    response = request.get_response(app)
    return response.status_int, response.headers, response.body


def take_keys(app, text):
    wanted = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or not BUCKET.fullmatch(words[0]) or not KEY.fullmatch(words[1]) or not KEY.fullmatch(words[2]):
            raise ValueError(f"line {number} is not: BUCKET ACCESS_KEY_ID SECRET_ACCESS_KEY")
        wanted[words[1]] = (words[0], words[2])
    for bucket in sorted({bucket for bucket, _ in wanted.values()}):
        status, _, _ = ask(app, "PUT", f"/v1/{account_of(bucket)}/{bucket}")
        if status not in (201, 202):
            raise ValueError(f"the bucket {bucket} could not be made: status {status}")
    keys.clear()
    keys.update(wanted)
    return {"keys": len(keys)}


def containers(bucket):
    return [f"/v1/{account_of(bucket)}/{name}" for name in (bucket, bucket + "+segments")]


def stats(app, bucket):
    found = [ask(app, "HEAD", path) for path in containers(bucket)]
    if found[0][0] != 204:
        raise ValueError(f"there is no bucket {bucket}")
    size = sum(int(headers.get("X-Container-Bytes-Used", 0)) for status, headers, _ in found if status == 204)
    return {"objectCount": int(found[0][1]["X-Container-Object-Count"]), "sizeBytes": size}


def empty(app, bucket):
    if any(bucket == other for other, _ in keys.values()):
        raise ValueError(f"the bucket {bucket} has a key still")
    count = 0
    for path in containers(bucket):
        while True:
            status, _, body = ask(app, "GET", path, "format=json&limit=1000")
            listed = json.loads(body) if status == 200 else []
            if not listed:
                break
            for entry in listed:
                ask(app, "DELETE", path + "/" + Request.blank("/" + entry["name"]).path_info[1:])
                count += 1
        ask(app, "DELETE", path)
    return {"deleted": count}


def control(app):
    """One request per connection: a line with the command, then what it is given, to the end."""
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(CONTROL):
        os.unlink(CONTROL)
    listener.bind(CONTROL)
    listener.listen(16)

    def answer(connection):
        try:
            connection.settimeout(IDLE_S)
            data = b""
            while len(data) < CONTROL_MAX:
                part = connection.recv(65536)
                if not part:
                    break
                data += part
            command, _, rest = data.decode().partition("\n")
            name, _, argument = command.partition(" ")
            done = {"keys": lambda: take_keys(app, rest), "stats": lambda: stats(app, argument),
                    "empty": lambda: empty(app, argument)}.get(name)
            result = done() if done else {"error": f"there is no command {name!r}"}
        except (ValueError, OSError) as problem:
            result = {"error": str(problem)}
        try:
            connection.sendall(json.dumps(result).encode() + b"\n")
        except OSError:
            pass  # who asked has gone
        connection.close()

    while True:
        connection, _ = listener.accept()
        eventlet.spawn_n(answer, connection)


def serve():
    if os.getuid() == 0:
        drop_root()
    configure()
    for kind, port in INNER.items():
        app = loadapp(os.path.join(CONF, kind + ".conf"))
        eventlet.spawn(wsgi.server, eventlet.listen(("127.0.0.1", port)), app, log_output=False, custom_pool=eventlet.GreenPool(CONNECTIONS))
    app = loadapp(os.path.join(CONF, "proxy.conf"))
    take_keys(app, os.environ.pop("S3_KEYS", ""))
    eventlet.spawn(control, app)
    listener = eventlet.listen(("::", PORT), family=socket.AF_INET6)
    print(f"serving S3 on port {PORT}: {len({bucket for bucket, _ in keys.values()})} buckets", flush=True)
    wsgi.server(listener, app, log_output=False, max_size=CONNECTIONS, keepalive=IDLE_S, protocol=SwiftHttpProtocol,
                capitalize_response_headers=False, url_length_limit=32768)


def command(arguments):
    """Asks the server in this container, which may have been started just now."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(IDLE_S)
    until = clock() + START_S
    while True:
        try:
            connection.connect(CONTROL)
            break
        except OSError as problem:
            if clock() > until:
                sys.exit(f"tramway-s3: the server does not answer: {problem.strerror}")
            eventlet.sleep(0.1)
    connection.sendall((" ".join(arguments) + "\n").encode())
    if arguments[0] == "keys":
        connection.sendall(sys.stdin.buffer.read(CONTROL_MAX))
    connection.shutdown(socket.SHUT_WR)
    answer = b""
    while part := connection.recv(65536):
        answer += part
    result = json.loads(answer)
    if "error" in result:
        sys.exit("tramway-s3: " + result["error"])
    print(json.dumps(result))
