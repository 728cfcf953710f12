import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Sick(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()


HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Sick).serve_forever()
