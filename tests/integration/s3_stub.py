"""An S3 endpoint in memory, as far as restic asks: objects of any bucket, listing, ranges.  Signatures are not
computed, but the access key must be the one that is given: s3_stub.py PORT-FILE ACCESS-KEY"""
import sys, urllib.parse, xml.sax.saxutils
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

objects, key = {}, sys.argv[2]

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_): pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers: self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(body)

    def fail(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), Content_Type="application/xml")

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.headers.get("x-amz-content-sha256", "").startswith("STREAMING"): return data
        out = b""
        while data:  # aws-chunked: <hex length>;chunk-signature=…
            head, data = data.split(b"\r\n", 1)
            size = int(head.split(b";")[0], 16)
            out, data = out + data[:size], data[size + 2:]
        return out

    def list(self, bucket, query):
        prefix, xml_ = query.get("prefix", [""])[0], xml.sax.saxutils.escape
        names = sorted(n[len(bucket) + 1:] for n in list(objects) if n.startswith(bucket + "/" + prefix))
        items = "".join(f"<Contents><Key>{xml_(n)}</Key><Size>{len(objects[bucket + '/' + n])}</Size><ETag>x</ETag>"
                        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>" for n in names)
        self.answer(200, f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode(),
                    Content_Type="application/xml")

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        query, name = urllib.parse.parse_qs(url.query, keep_blank_values=True), urllib.parse.unquote(url.path).strip("/")
        data = self.body() if self.command in ("PUT", "POST") else b""
        if f"Credential={key}/" not in self.headers.get("Authorization", ""): return self.fail(403, "AccessDenied")
        if "location" in query: return self.answer(200, b"<LocationConstraint/>", Content_Type="application/xml")
        if "/" not in name: return self.list(name, query) if self.command == "GET" else self.answer(200)
        if self.command == "PUT":
            objects[name] = data
            return self.answer(200, ETag='"x"')
        if self.command == "DELETE":
            objects.pop(name, None)
            return self.answer(204)
        if name not in objects: return self.fail(404, "NoSuchKey")
        data, status = objects[name], 200
        span = self.headers.get("Range", "")
        if span.startswith("bytes="):
            first, last = span[6:].split("-")
            data, status = data[int(first):int(last) + 1 if last else None], 206
        self.answer(status, data, ETag='"x"', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT", Content_Length=str(len(data)))

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as f: f.write(str(server.server_port))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
