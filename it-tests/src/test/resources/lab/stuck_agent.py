"""An agent that hands over and does not end: it keeps its name, its control socket and the port of its metrics.

stuck_agent.py SOCKET PORT: says "ready", and "handed over" when somebody takes its place.
"""
import json
import os
import socket
import sys

path, port = sys.argv[1], int(sys.argv[2])
name = socket.socket(socket.AF_UNIX)
name.bind('\0pinholed-agent')
name.listen()
metrics = socket.create_server(('127.0.0.1', port))
control = socket.socket(socket.AF_UNIX)
control.bind(path)
control.listen()
print('ready', flush=True)
while True:
    with control.accept()[0] as connection:
        if json.loads(connection.makefile().readline()) == {'command': 'handOver'}:
            connection.sendall((json.dumps({'handOver': 1, 'processId': os.getpid(), 'queues': [], 'flows': [],
                                            'halfOpen': {'secret': 1, 'flows': []}}) + '\n').encode())
            print('handed over', flush=True)
