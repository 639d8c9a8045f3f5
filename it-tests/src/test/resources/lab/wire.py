"""A wire between two network namespaces: a TAP device at either end, frames carried by this program.

Arguments: NAMESPACE DEVICE NAMESPACE DEVICE LOSS_PERCENT LATE_PERCENT SEED, or the first four and "tun":
then the ends are TUN devices, which have no link addresses, and nothing is lost or late. A namespace is
named by its file. Says "ready" when both ends are there. Unlike netem it is there under every kernel and
repeats itself with the same seed; and a TAP device has no offloads, so every checksum on it is a real one.
Only TCP suffers: a lost neighbour solicitation would cost a second and prove nothing.

How long a test must wait has a bound. No direction of a connection loses more than MAX_LOST_IN_A_ROW
packets in a row. And the ACK that ends a handshake is never lost, for want of patience: the listener
would repeat its SYN+ACK after 1, 3, 7, 15 and 31 s, whatever the settings, and give up unheard; and as
each ACK echoes the timestamp of the first SYN+ACK, it would take these seconds for the round trip, and
wait three times as long before it repeated its first data (21 s were seen, without any router too).
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

TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454CA, 1, 2, 0x1000
CLONE_NEWNET = 0x40000000
# Longer than it takes a window of small segments to pass.
LATE_S = 0.003
MAX_LOST_IN_A_ROW = 2


def open_end(namespace, device, kind):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(namespace) as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + namespace)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), kind | IFF_NO_PI))
    return fd


class Segment:
    """What of a TCP packet matters here; there are no IP options and no extension headers."""

    SYN, ACK = 2, 16

    def __init__(self, frame, addresses, transport):
        half = len(addresses) // 2
        sender = addresses[:half] + frame[transport : transport + 2]
        receiver = addresses[half:] + frame[transport + 2 : transport + 4]
        self.direction, self.back = (sender, receiver), (receiver, sender)
        self.sequence, self.acknowledged = struct.unpack_from("!II", frame, transport + 4)
        self.flags = frame[transport + 13] & 0x3F

    @staticmethod
    def of(frame):
        kind = frame[12:14]
        if kind == b"\x08\x00" and frame[23] == 6:
            return Segment(frame, frame[26:34], 34)
        if kind == b"\x86\xdd" and frame[20] == 6:
            return Segment(frame, frame[22:54], 54)
        return None


class Fate:
    """Decides what is lost and what is late."""

    def __init__(self, loss, late, seed):
        self.loss, self.late = loss, late
        self.chance = random.Random(seed)
        # Only of directions whose last packet was lost.
        self.lost_in_a_row = {}
        # By direction: what acknowledges the SYN+ACK and nothing more.
        self.first_ack = {}

    def loses(self, segment):
        lost = self.lost_in_a_row.pop(segment.direction, 0)
        if segment.flags & Segment.SYN and segment.flags & Segment.ACK:
            self.first_ack[segment.back] = (segment.sequence + 1) & 0xFFFFFFFF
        spared = (
            segment.flags == Segment.ACK
            and self.first_ack.get(segment.direction) == segment.acknowledged
        )
        if self.chance.random() >= self.loss or spared or lost == MAX_LOST_IN_A_ROW:
            return False
        self.lost_in_a_row[segment.direction] = lost + 1
        return True

    def delays(self, segment):
        # A SYN that was repeated and is late could come when the connection is over already. Then
        # conntrack takes it for the next one between the same ports (nf_conntrack_tcp_packet: "Attempt
        # to reopen a closed/aborted connection") and forgets the first, whose last FIN is invalid.
        return self.chance.random() < self.late and not segment.flags & Segment.SYN


def carry(fd, frame):
    try:
        os.write(fd, frame)
    except OSError:
        pass  # that end is down: a wire does not care


def main():
    tun = sys.argv[5] == "tun"
    ends = [open_end(*sys.argv[at : at + 2], IFF_TUN if tun else IFF_TAP) for at in (1, 3)]
    fate = None if tun else Fate(float(sys.argv[5]) / 100, float(sys.argv[6]) / 100, int(sys.argv[7]))
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
            segment = None if tun else Segment.of(frame)
            if segment:
                if fate.loses(segment):
                    continue
                if fate.delays(segment):
                    count += 1
                    heapq.heappush(waiting, (time.monotonic() + LATE_S, count, other[fd], frame))
                    continue
            carry(other[fd], frame)
        while waiting and waiting[0][0] <= time.monotonic():
            carry(*heapq.heappop(waiting)[2:])


main()
