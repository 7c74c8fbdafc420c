# SPDX-License-Identifier: Apache-2.0
# There may be no network; "connection refused" on the loopback is the same everywhere, and names of hosts are not looked up.
import ipaddress
import socket

try:
    socket.create_connection(("127.0.0.1", 1), timeout=5)
except OSError as e:
    print(type(e).__name__, e.errno)
print(socket.inet_pton(socket.AF_INET6, "::1"), ipaddress.ip_network("10.0.0.0/29").num_addresses, "lo" in [n for _, n in socket.if_nameindex()])
print(socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
