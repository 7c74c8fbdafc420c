# SPDX-License-Identifier: Apache-2.0
# The default TLS context finds the system's certificates; a handshake on the loopback is refused for want of one.
import socket
import ssl
import threading

context = ssl.create_default_context()
context.load_default_certs()
print(len(context.get_ca_certs()) > 0, context.verify_mode, context.check_hostname, ssl.HAS_TLSv1_3)
print(ssl.get_default_verify_paths().capath, len(ssl.RAND_bytes(8)))
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"plain text, no TLS\n"), daemon=True).start()
try:
    context.wrap_socket(socket.create_connection(server.getsockname()), server_hostname="localhost")
except ssl.SSLError as e:
    print(type(e).__name__, e.reason)
