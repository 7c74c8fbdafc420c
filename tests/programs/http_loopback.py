# SPDX-License-Identifier: Apache-2.0
# An HTTP server of the standard library, and a client of it.
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ok" else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path}).encode())

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = "http://127.0.0.1:%d" % server.server_port
with urllib.request.urlopen(base + "/ok") as r:
    print(r.status, json.load(r))
try:
    urllib.request.urlopen(base + "/none")
except urllib.error.HTTPError as e:
    print(e.code, e.read())
server.shutdown()
