"""Makes a helper of user space for TCP over IPv4 (nfnetlink_cthelper), as conntrackd does, whose program does not run.

It is disabled, so no packet waits for that program. It stays until the machine ends or somebody removes it. Ends with 3 if this
kernel has no nfnetlink_cthelper.
"""

import errno
import os
import socket
import struct
import sys

# linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_cthelper.h
NETLINK_NETFILTER = 12
NEW = 9 << 8
REQUEST, ACK, CREATE = 1, 4, 0x400
NESTED = 0x8000
NAME, TUPLE, QUEUE, POLICY, DATA_LENGTH, STATUS = 1, 2, 3, 4, 5, 6
QUEUE_OF_NOBODY = 4242
DISABLED = 0


def attribute(kind, value):
    return struct.pack('=HH', 4 + len(value), kind) + value + bytes(-len(value) % 4)


def number(kind, value):
    return attribute(kind, struct.pack('!I', value))


def main():
    name = sys.argv[1].encode() + b'\0'
    policy = attribute(1, name) + number(2, 8) + number(3, 30)
    body = (
        struct.pack('=BBH', 0, 0, 0)
        + attribute(NAME, name)
        + attribute(TUPLE | NESTED, attribute(1, struct.pack('!H', socket.AF_INET)) + attribute(2, bytes([6])))
        + number(QUEUE, QUEUE_OF_NOBODY)
        + attribute(POLICY | NESTED, number(1, 1) + attribute(2 | NESTED, policy))
        + number(DATA_LENGTH, 0)
        + number(STATUS, DISABLED)
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 0))
        netlink.send(struct.pack('=IHHII', 16 + len(body), NEW, REQUEST | ACK | CREATE, 1, 0) + body)
        error = -struct.unpack_from('=i', netlink.recv(8192), 16)[0]
    if error == errno.EINVAL:
        sys.exit(3)
    if error:
        sys.exit('helper: ' + os.strerror(error))


main()
