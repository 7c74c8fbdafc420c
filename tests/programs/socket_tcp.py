# SPDX-License-Identifier: Apache-2.0
# Server and client on 127.0.0.1, in two threads; "localhost" resolves without a network.
import socket
import threading

server = socket.create_server(("127.0.0.1", 0))


def serve():
    connection, address = server.accept()
    with connection, connection.makefile("rw") as f:
        f.write("you said " + f.readline())
        f.flush()


t = threading.Thread(target=serve)
t.start()
with socket.create_connection(("localhost", server.getsockname()[1])) as client, client.makefile("rw") as f:
    f.write("good morning\n")
    f.flush()
    print(f.readline(), end="")
t.join()
server.close()
print(socket.gethostbyname("localhost"))
try:
    socket.create_connection(server_address := ("127.0.0.1", 9))
except ConnectionRefusedError as e:
    print(e, server_address)
