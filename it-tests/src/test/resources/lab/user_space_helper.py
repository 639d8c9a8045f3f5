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
NEW, GET = 9 << 8, 9 << 8 | 1
REQUEST, ACK, DUMP, CREATE = 1, 4, 0x300, 0x400
ERROR = 2
NESTED = 0x8000
NAME, TUPLE, QUEUE, POLICY, DATA_LENGTH, STATUS = 1, 2, 3, 4, 5, 6
QUEUE_OF_NOBODY = 4242
DISABLED = 0


def attribute(kind, value):
    return struct.pack('=HH', 4 + len(value), kind) + value + bytes(-len(value) % 4)


def number(kind, value):
    return attribute(kind, struct.pack('!I', value))


def answer(netlink, kind, flags, body):
    """The error number that the kernel answers with, 0 if it has none."""
    netlink.send(struct.pack('=IHHII', 16 + len(body), kind, REQUEST | flags, 1, 0) + body)
    message = netlink.recv(8192)
    return -struct.unpack_from('=i', message, 16)[0] if struct.unpack_from('=H', message, 4)[0] == ERROR else 0


def is_missing():
    """A kernel without this part of netlink answers EINVAL even to the question for all helpers."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 0))
        return answer(netlink, GET, DUMP, struct.pack('=BBH', 0, 0, 0)) == errno.EINVAL


def main():
    if is_missing():
        sys.exit(3)
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
        error = answer(netlink, NEW, ACK | CREATE, body)
    if error:
        sys.exit('helper: ' + os.strerror(error))


main()
