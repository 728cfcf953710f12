"""Answers with its colour, and with that of the service that PEER names."""
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Painter(BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("COLOUR", "none")
        if self.path == "/peer":
            body = urllib.request.urlopen(os.environ["PEER"], timeout=5).read().decode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    address_family = __import__("socket").AF_INET6


Server(("::", int(os.environ.get("PAINTER_PORT", "8000"))), Painter).serve_forever()
