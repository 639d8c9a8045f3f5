"""A wire between two network namespaces: a TAP device at either end, frames carried by this program.

Arguments: NAMESPACE DEVICE NAMESPACE DEVICE LOSS_PERCENT LATE_PERCENT SEED. Says "ready" when both
ends are up. Unlike netem it is there under every kernel and repeats itself with the same seed; and a
TAP device has no offloads, so every checksum on it is a real one. Only TCP suffers: a lost neighbour
solicitation would cost a second and prove nothing.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
CLONE_NEWNET = 0x40000000
# Longer than it takes a window of small segments to pass.
LATE_S = 0.003


def open_tap(namespace, device):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/run/netns/" + namespace) as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + namespace)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    return fd


def is_tcp(frame):
    kind = frame[12:14]
    return kind == b"\x08\x00" and frame[23] == 6 or kind == b"\x86\xdd" and frame[20] == 6


def carry(fd, frame):
    try:
        os.write(fd, frame)
    except OSError:
        pass  # that end is down: a wire does not care


def main():
    ends = [open_tap(sys.argv[1], sys.argv[2]), open_tap(sys.argv[3], sys.argv[4])]
    loss, late = float(sys.argv[5]) / 100, float(sys.argv[6]) / 100
    chance = random.Random(int(sys.argv[7]))
    poll = select.poll()
    for fd in ends:
        poll.register(fd, select.POLLIN)
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    waiting = []
    count = 0
    print("ready", flush=True)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) * 1000 if waiting else None
        for fd, event in poll.poll(pause):
            if not event & select.POLLIN:
                sys.exit("an end is gone")
            frame = os.read(fd, 65536)
            if is_tcp(frame):
                if chance.random() < loss:
                    continue
                if chance.random() < late:
                    count += 1
                    heapq.heappush(waiting, (time.monotonic() + LATE_S, count, other[fd], frame))
                    continue
            carry(other[fd], frame)
        while waiting and waiting[0][0] <= time.monotonic():
            carry(*heapq.heappop(waiting)[2:])


main()
