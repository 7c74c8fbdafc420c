# SPDX-License-Identifier: Apache-2.0
# UDP, unix stream sockets by path, socket pairs with a descriptor passed, select and poll.
import array
import os
import select
import socket

a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
a.bind(("127.0.0.1", 0))
b.sendto(b"datagram", a.getsockname())
print(select.select([a], [], [], 5)[0] == [a], a.recv(100))
server = socket.socket(socket.AF_UNIX)
server.bind("here.sock")
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect("here.sock")
peer, _ = server.accept()
client.sendall(b"by path")
print(peer.recv(100), os.path.exists("here.sock"))
x, y = socket.socketpair()
r, w = os.pipe()
socket.send_fds(x, [b"take it"], [w])
message, fds, _, _ = socket.recv_fds(y, 100, 2)
os.write(fds[0], b"through a passed descriptor")
poll = select.poll()
poll.register(r, select.POLLIN)
print(message, poll.poll(5000)[0][1] == select.POLLIN, os.read(r, 100))
epoll = select.epoll()
epoll.register(x, select.EPOLLOUT)
print(epoll.poll(5)[0][1] == select.EPOLLOUT)
