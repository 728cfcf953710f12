#!/usr/bin/python3
"""minio server DIR [--address HOST:PORT] [--console-address HOST:PORT]

The part of S3 that applications and `mc` use, for one account, MINIO_ROOT_USER with MINIO_ROOT_PASSWORD: buckets,
objects, listings, copies; signatures (version 4, in headers and in URLs) are checked, bodies in signed chunks are
decoded.  No multipart uploads, no versions.  An object is one file, DIR/BUCKET/NAME, whose first line says what it is;
it is on the disk before its upload is answered."""
import base64
import datetime
import email.utils
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

USER, PASSWORD = os.environ.get("MINIO_ROOT_USER", "minioadmin"), os.environ.get("MINIO_ROOT_PASSWORD", "minioadmin")
BODY_MAX = 1 << 30
REGION = "us-east-1"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{2,62}")


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def xml(root, *parts):
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{"".join(parts)}</{root}>'.encode()


def tag(name, value):
    return f"<{name}>{escape(str(value))}</{name}>"


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Store:
    def __init__(self, root):
        self.root = root
        os.makedirs(os.path.join(root, ".tmp"), exist_ok=True)

    def bucket(self, name, must_exist=True):
        if not BUCKET.fullmatch(name):
            raise Refused(400, "InvalidBucketName")
        path = os.path.join(self.root, name)
        if must_exist and not os.path.isdir(path):
            raise Refused(404, "NoSuchBucket")
        return path

    def path(self, bucket, key):
        name = quote(key, safe="")
        if len(name) > 250:
            raise Refused(400, "KeyTooLongError")
        return os.path.join(self.bucket(bucket), "." + name if name.startswith(".") else name)

    def buckets(self):
        return sorted(name for name in os.listdir(self.root) if BUCKET.fullmatch(name))

    def keys(self, bucket):
        return sorted(unquote(name.removeprefix(".") if name.startswith("..") else name) for name in os.listdir(self.bucket(bucket)))

    def put(self, bucket, key, body, kind):
        about = {"type": kind, "etag": hashlib.md5(body).hexdigest(), "size": len(body)}
        path = self.path(bucket, key)
        with tempfile.NamedTemporaryFile(dir=os.path.join(self.root, ".tmp"), delete=False) as f:
            f.write(json.dumps(about).encode() + b"\n" + body)
            f.flush()
            os.fsync(f.fileno())
        os.rename(f.name, path)
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return about

    def get(self, bucket, key, with_body=True):
        try:
            with open(self.path(bucket, key), "rb") as f:
                about = json.loads(f.readline())
                about["time"] = os.fstat(f.fileno()).st_mtime
                return about, f.read() if with_body else b""
        except FileNotFoundError:
            raise Refused(404, "NoSuchKey") from None


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    store = None

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # ---- who asks ----

    def check_signature(self):
        authorization = self.headers.get("Authorization", "")
        if authorization.startswith("AWS4-HMAC-SHA256 "):
            said = dict(part.strip().split("=", 1) for part in authorization[17:].split(","))
            credential, names, given = said["Credential"], said["SignedHeaders"], said["Signature"]
            date, payload = self.headers["x-amz-date"], self.headers["x-amz-content-sha256"]
        elif "X-Amz-Signature" in self.query:
            credential, names, given = (self.query["X-Amz-" + name] for name in ("Credential", "SignedHeaders", "Signature"))
            date, payload = self.query["X-Amz-Date"], "UNSIGNED-PAYLOAD"
        else:
            raise Refused(403, "AccessDenied")
        access_key, day, region, service, _ = credential.rsplit("/", 4)
        if access_key != USER:
            raise Refused(403, "InvalidAccessKeyId")
        query = "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in self.query.items() if k != "X-Amz-Signature"))
        headers = "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in names.split(";"))
        request = "\n".join((self.command, self.raw_path, query, headers, names, payload))
        key = sign(sign(sign(sign(("AWS4" + PASSWORD).encode(), day), region), service), "aws4_request")
        text = "\n".join(("AWS4-HMAC-SHA256", date, f"{day}/{region}/{service}/aws4_request", hashlib.sha256(request.encode()).hexdigest()))
        if not hmac.compare_digest(sign(key, text).hex(), given):
            raise Refused(403, "SignatureDoesNotMatch")
        asked = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        age = (datetime.datetime.now(datetime.timezone.utc) - asked).total_seconds()
        if not -900 <= age <= int(self.query.get("X-Amz-Expires", 900)):
            raise Refused(403, "RequestTimeTooSkewed")

    def read_body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            raise Refused(400, "EntityTooLarge")
        body = self.rfile.read(length)
        if not self.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
            return body
        plain, at = [], 0
        while True:  # "size;chunk-signature=…", the chunk; the last one is empty
            end = body.index(b"\r\n", at)
            size = int(body[at:end].split(b";")[0], 16)
            plain.append(body[end + 2:end + 2 + size])
            at = end + 2 + size + 2
            if not size:
                return b"".join(plain)

    # ---- what is asked ----

    def handle_any(self):
        self.raw_path, _, raw_query = self.path.partition("?")
        pairs = (pair.partition("=") for pair in raw_query.split("&") if pair)
        self.query = {unquote(k): unquote(v.replace("+", " ")) for k, _, v in pairs}
        try:
            body = self.read_body()
            if self.raw_path.startswith("/minio/health/"):
                return self.answer(200)
            self.check_signature()
            _, bucket, *key = unquote(self.raw_path).split("/", 2)
            if not bucket:
                self.list_buckets()
            elif key and key[0]:
                getattr(self, "object_" + self.command.lower())(bucket, key[0], body)
            else:
                getattr(self, "bucket_" + self.command.lower())(bucket, body)
        except Refused as e:
            self.answer(e.status, xml("Error", tag("Code", e.code), tag("Message", e.code), tag("Resource", self.raw_path)), [("Content-Type", "application/xml")])
        except (AttributeError, KeyError, ValueError):
            self.answer(501, xml("Error", tag("Code", "NotImplemented")))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def xml_answer(self, *parts):
        self.answer(200, xml(*parts), [("Content-Type", "application/xml")])

    def list_buckets(self):
        rows = [f"<Bucket>{tag('Name', b)}{tag('CreationDate', iso(os.stat(self.store.bucket(b)).st_mtime))}</Bucket>" for b in self.store.buckets()]
        self.xml_answer("ListAllMyBucketsResult", "<Owner><ID>minio</ID></Owner><Buckets>", *rows, "</Buckets>")

    def bucket_head(self, bucket, _body):
        self.store.bucket(bucket)
        self.answer(200)

    def bucket_put(self, bucket, _body):
        if [name for name in self.query if not name.startswith("X-Amz-")]:
            raise Refused(501, "NotImplemented")
        try:
            os.mkdir(self.store.bucket(bucket, must_exist=False))
        except FileExistsError:
            raise Refused(409, "BucketAlreadyOwnedByYou") from None
        self.answer(200, headers=[("Location", "/" + bucket)])

    def bucket_delete(self, bucket, _body):
        try:
            os.rmdir(self.store.bucket(bucket))
        except OSError:
            raise Refused(409, "BucketNotEmpty") from None
        self.answer(204)

    def bucket_get(self, bucket, _body):
        self.store.bucket(bucket)
        if "location" in self.query:
            self.xml_answer("LocationConstraint", REGION)
        elif "versioning" in self.query:
            self.xml_answer("VersioningConfiguration")
        elif set(self.query) - {"list-type", "prefix", "delimiter", "max-keys", "marker", "start-after", "continuation-token",
                                "encoding-type", "fetch-owner", "metadata"}:
            raise Refused(501, "NotImplemented")
        else:
            self.list_objects(bucket)

    def list_objects(self, bucket):
        prefix, delimiter, limit = self.query.get("prefix", ""), self.query.get("delimiter", ""), int(self.query.get("max-keys", 1000))
        after = max(self.query.get(name, "") for name in ("marker", "start-after", "continuation-token"))
        as_name = quote if self.query.get("encoding-type") == "url" else escape
        rows, folders, last, more = [], [], "", False
        for key in self.store.keys(bucket):
            if not key.startswith(prefix) or key <= after:
                continue
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            folder = key[:cut + len(delimiter)] if cut >= 0 else None
            if folder and (folder in folders or folder <= after):
                continue
            if len(rows) + len(folders) == limit:
                more = True
                break
            last = folder or key
            if folder:
                folders.append(folder)
                continue
            about, _ = self.store.get(bucket, key, with_body=False)
            rows.append(f"<Contents><Key>{as_name(key)}</Key>{tag('LastModified', iso(about['time']))}<ETag>&quot;{about['etag']}&quot;</ETag>"
                        f"{tag('Size', about['size'])}<StorageClass>STANDARD</StorageClass></Contents>")
        self.xml_answer("ListBucketResult", tag("Name", bucket), tag("Prefix", prefix), tag("MaxKeys", limit), tag("KeyCount", len(rows) + len(folders)),
                        tag("IsTruncated", str(more).lower()), tag("NextContinuationToken", last) + tag("NextMarker", last) if more else "", *rows,
                        *(f"<CommonPrefixes><Prefix>{as_name(folder)}</Prefix></CommonPrefixes>" for folder in folders))

    def bucket_post(self, bucket, body):
        if "delete" not in self.query:
            raise Refused(501, "NotImplemented")
        done = []
        for entry in ElementTree.fromstring(body).iter():
            if entry.tag.endswith("Key"):
                self.remove(bucket, entry.text)
                done.append(f"<Deleted>{tag('Key', entry.text)}</Deleted>")
        self.xml_answer("DeleteResult", *done)

    def remove(self, bucket, key):
        try:
            os.unlink(self.store.path(bucket, key))
        except FileNotFoundError:
            pass

    def object_put(self, bucket, key, body):
        if self.query.keys() & {"uploadId", "tagging", "acl", "retention"}:
            raise Refused(501, "NotImplemented")
        digest = self.headers.get("Content-MD5")
        if digest and base64.b64decode(digest) != hashlib.md5(body).digest():
            raise Refused(400, "BadDigest")
        kind, source = self.headers.get("Content-Type", "application/octet-stream"), self.headers.get("x-amz-copy-source")
        if source:
            about, body = self.store.get(*unquote(source).lstrip("/").split("/", 1))
            kind = about["type"]
        etag = self.store.put(bucket, key, body, kind)["etag"]
        if source:
            self.xml_answer("CopyObjectResult", tag("ETag", f'"{etag}"'), tag("LastModified", iso(self.store.get(bucket, key, False)[0]["time"])))
        else:
            self.answer(200, headers=[("ETag", f'"{etag}"')])

    def object_get(self, bucket, key, _body):
        if "uploadId" in self.query:
            raise Refused(404, "NoSuchUpload")
        about, body = self.store.get(bucket, key)
        headers = [("ETag", f'"{about["etag"]}"'), ("Content-Type", about["type"]), ("Last-Modified", email.utils.formatdate(about["time"], usegmt=True)),
                   ("Accept-Ranges", "bytes")]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self.answer(200, body, headers)
        first, last = int(wanted[1]), min(int(wanted[2] or len(body)), len(body) - 1)
        self.answer(206, body[first:last + 1], headers + [("Content-Range", f"bytes {first}-{last}/{len(body)}")])

    object_head = object_get

    def object_delete(self, bucket, key, _body):
        self.remove(bucket, key)
        self.answer(204)


class Console(Handler):
    def handle_any(self):
        self.answer(200, b"<!doctype html><title>MinIO Console</title>", [("Content-Type", "text/html")])

    do_GET = do_HEAD = handle_any


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def main(arguments):
    options = {"--address": ":9000", "--console-address": ""}
    words = iter(arguments)
    rest = []
    for word in words:
        name, given, value = word.partition("=")
        if name in options:
            options[name] = value if given else next(words)
        else:
            rest.append(word)
    if len(rest) != 2 or rest[0] != "server":
        sys.exit(__doc__)
    if len(USER) < 3 or len(PASSWORD) < 8:
        sys.exit("FATAL Unable to validate credentials inherited from the shell environment: the user has 3 characters at least, the password 8")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # as process 1 it would not end by itself
    Handler.store = Store(rest[1])
    servers = [Server(("::", int(options["--address"].rpartition(":")[2])), Handler)]
    if options["--console-address"]:
        servers.append(Server(("::", int(options["--console-address"].rpartition(":")[2])), Console))
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"API: http://127.0.0.1:{servers[0].server_address[1]}", flush=True)
    servers[0].serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
