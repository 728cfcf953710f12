"""A web app in one file: says hello, counts its visitors, and ends when it is told to."""
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><meta charset="utf-8"><title>Hello from Tramway</title>
<style>body{{font:18px/1.6 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em}}</style>
<h1>Hello from Tramway</h1>
<p>Service <b>{service}</b>, environment <b>{environment}</b>, visit number {visits}.</p>
<p><small>deployment {deployment}</small></p>
"""
visits = 0


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global visits
        facts = {"service": os.environ.get("RAILWAY_SERVICE_NAME", "hello"),
                 "environment": os.environ.get("RAILWAY_ENVIRONMENT_NAME", "local"),
                 "deployment": os.environ.get("RAILWAY_DEPLOYMENT_ID", "none")}
        if self.path == "/health":
            self.answer("application/json", json.dumps({"status": "ok", **facts}))
        elif self.path == "/":
            visits += 1
            self.answer("text/html; charset=utf-8", PAGE.format(visits=visits, **facts))
        else:
            self.answer("text/plain", "not found\n", 404)

    def answer(self, kind, text, status=200):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6  # "::" takes IPv4 too
    daemon_threads = True


port = int(os.environ.get("PORT", "8080"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # PID 1 gets no default action
print(f"hello listens on port {port}", flush=True)
Server(("::", port), Hello).serve_forever()
