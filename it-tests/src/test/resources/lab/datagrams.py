"""UDP sockets of a scripted peer (peer.py), and datagrams that are made by hand."""
import socket
import struct
import time

# include/uapi/linux/in.h; Python has no names for them
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def plain(address):
    """Without the scope that a link-local address carries, and in the shortest form."""
    return address[0].split("%")[0], address[1]


class Datagrams:
    """A bound UDP socket. What is longer than the MTU is sent in fragments; DF is not set."""

    def __init__(self, host, port):
        self.sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        if self.sock.family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        self.sock.bind((host, port))

    def port(self):
        return self.sock.getsockname()[1]

    def send(self, host, port, data, count):
        for _ in range(count):
            self.sock.sendto(data, (host, port))

    def receive(self, timeout):
        """The next one: (data, host, port)."""
        self.sock.settimeout(max(0.001, timeout))
        data, origin = self.sock.recvfrom(65536)
        return (data, *plain(origin))

    def receive_all(self, wanted, timeout):
        """What comes until there are so many or the time is over."""
        got, deadline = [], time.monotonic() + timeout
        while len(got) < wanted:
            try:
                got.append(self.receive(deadline - time.monotonic()))
            except socket.timeout:
                break
        return got

    def close(self):
        self.sock.close()


def folded(text):
    total = sum(struct.unpack("!%dH" % ((len(text) + 1) // 2), text + b"\0" * (len(text) & 1)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def udp(source, sport, destination, dport, data, checksum):
    """A UDP packet (RFC 768): checksum "right", "none" or "wrong"."""
    family = family_of(source)
    length = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport, length, 0)
    if checksum == "none":
        return head + data
    pseudo = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    pseudo += struct.pack("!BBH", 0, 17, length) if family == socket.AF_INET else struct.pack("!IHBB", length, 0, 0, 17)
    total = ~folded(pseudo + head + data) & 0xFFFF or 0xFFFF
    if checksum == "wrong":
        total = total ^ 0x0101 or 0xFFFF
    return struct.pack("!HHHH", sport, dport, length, total) + data


def cut(packet, size):
    """The fragments of a packet: (offset, bytes, whether more follow); one if size is 0."""
    size = (size or len(packet) + 8) // 8 * 8
    return [(at, packet[at : at + size], at + size < len(packet)) for at in range(0, len(packet), size)]


def ipv4(source, destination, payload, offset, more, ident, dont_fragment, options):
    options += b"\0" * (-len(options) % 4)
    flags = (0x2000 if more else 0) | (0x4000 if dont_fragment else 0) | offset // 8
    # The kernel fills in length and checksum.
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), ident, flags, 64, 17, 0)
    return head + socket.inet_aton(source) + socket.inet_aton(destination) + options + payload


def ipv6(source, destination, payload, offset, more, ident, options, fragmented):
    extension, first = b"", 44 if fragmented else 17
    if options:
        pad = -(len(options) + 2) % 8
        body = options + (b"\0" if pad == 1 else bytes([1, pad - 2]) + b"\0" * (pad - 2) if pad else b"")
        # destination options (RFC 8200 section 4.6)
        extension = bytes([first, (len(body) + 2) // 8 - 1]) + body
        first = 60
    if fragmented:
        extension += struct.pack("!BBHI", 17, 0, offset | bool(more), ident)
    length = len(extension) + len(payload)
    head = struct.pack("!IHBB", 6 << 28, length, first, 64)
    return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + extension + payload


def forge(r):
    """Sends one datagram whose every header field the test chooses; order names the fragments sent."""
    source, destination = r["source"], r["host"]
    family = family_of(source)
    packet = udp(source, r["sourcePort"], destination, r["port"], r["data"].encode("latin-1"), r["checksum"])
    fragments = cut(packet, r["fragmentBytes"])
    options = bytes.fromhex(r["options"])
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    try:
        for at in r["order"] or range(len(fragments)):
            offset, data, more = fragments[at]
            if family == socket.AF_INET:
                whole = ipv4(source, destination, data, offset, more, r["ident"], r["dontFragment"], options)
            else:
                whole = ipv6(source, destination, data, offset, more, r["ident"], options, len(fragments) > 1)
            raw.sendto(whole, (destination, 0))
    finally:
        raw.close()
