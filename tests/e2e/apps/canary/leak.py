"""Prints its secrets in every way that an app does by mistake, then serves, or fails when told to."""
import base64
import json
import os
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

print("a long line " + "x" * 8170 + os.environ["PLAIN_SECRET"] + "y" * 9000)
for name in ("PLAIN_SECRET", "SEALED", "DATABASE_URL"):
    value = os.environ[name]
    print("environment:", name, "=", value)
    print(json.dumps({"level": "error", "message": f"cannot log in with {value}", "config": {"key": value}}))
    print("GET /?key=" + urllib.parse.quote(value) + "&form=" + urllib.parse.quote_plus(value), file=sys.stderr)
    for before in ("", "u", "u:"):
        print("Authorization: Basic", base64.b64encode((before + value + "!").encode()).decode())
    sys.stdout.write("in parts: " + value[:9])
    sys.stdout.flush()
    time.sleep(0.1)
    sys.stdout.write(value[9:] + "\n")
print("ordinary words: production true 8080 localhost")
print("last word of", os.environ["SEALED"])
if os.environ.get("FAIL"):
    sys.exit(7)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *args):
        pass


HTTPServer(("", int(os.environ.get("PORT", 8080))), Answer).serve_forever()
