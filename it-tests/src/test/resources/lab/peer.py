"""A scripted peer: sockets of one network namespace, moved by a test from outside.

Reads one JSON object a line from standard input ({"op": ..., ...}), answers each with one JSON
object a line. Bytes travel as latin-1 text. Every operation is bounded in time.
"""
import hashlib
import json
import resource
import select
import socket
import struct
import sys
import threading
import time

import datagrams

PATIENCE = float(sys.argv[1])  # how much longer than usual everything may take
TIMEOUT_S = 15.0 * PATIENCE

# include/uapi/linux/in.h; Python has no name for it
socket.IP_BIND_ADDRESS_NO_PORT = 24


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def endpoint(host, port):
    """A socket address; of "fe80::2%c0" it has the scope, which bind and connect would leave out."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4] if "%" in host else (host, port)


class Buffered:
    """A connected TCP socket that is read by lines."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def send(self, data, cuts):
        start = 0
        for cut in sorted(set(cuts)) + [len(data)]:
            if start < cut <= len(data):
                self.sock.sendall(data[start:cut])
                start = cut

    def line(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.pending:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("closed after %r" % self.pending[-80:])
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line + b"\n"

    def take(self, count, timeout):
        """So many bytes, or fewer at the end of the stream or of the time."""
        deadline = time.monotonic() + timeout
        try:
            while len(self.pending) < count:
                self.sock.settimeout(max(0.001, deadline - time.monotonic()))
                data = self.sock.recv(65536)
                if not data:
                    break
                self.pending += data
        except socket.timeout:
            pass
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def read_all(self, timeout):
        digest, size = hashlib.sha256(self.pending), len(self.pending)
        self.sock.settimeout(timeout)
        while True:
            data = self.sock.recv(1 << 16)
            if not data:
                return digest.hexdigest(), size
            digest.update(data)
            size += len(data)

    def close(self, reset):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class RawTcp:
    """One TCP connection made by hand, so that a test can order and repeat its segments.

    The namespace must drop the resets that the kernel sends for connections it does not know. With
    timestamps (RFC 7323) every segment carries one, if the other side does so too.
    """

    FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

    def __init__(self, local, local_port, remote=None, remote_port=None, window=65000,
                 timestamps=False):
        self.window, self.timestamps, self.echo = window, timestamps, 0
        self.local, self.local_port = local, local_port
        self.remote, self.remote_port = remote, remote_port
        self.family = family_of(local)
        self.sock = socket.socket(self.family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1)  # its own resets are not the kernel's
        self.sock.bind((local, 0))
        self.initial = 0x10000000
        self.expected = 0
        self.acked = 0
        self.pending = b""
        self.closed = False

    def connect(self, timeout):
        self._transmit(self.initial, b"", self.SYN)
        segment = self._segment(timeout, lambda f: f & self.SYN)
        self.expected = (segment["seq"] + 1) & 0xFFFFFFFF
        self._transmit(self.initial + 1, b"", self.ACK)

    def accept(self, timeout):
        segment = self._segment(timeout, lambda f: f & self.SYN)
        self.remote, self.remote_port = segment["from"], segment["sport"]
        self.expected = (segment["seq"] + 1) & 0xFFFFFFFF
        self._transmit(self.initial, b"", self.SYN | self.ACK)
        self._segment(timeout, lambda f: f & self.ACK and not f & self.SYN)

    def send(self, offset, data, fin=False, reset=False, age_ms=0):
        flags = self.ACK | (self.PSH if data else 0) | (self.FIN if fin else 0)
        flags |= self.RST if reset else 0
        self._transmit(self.initial + 1 + offset, data, flags, age_ms)

    def await_segment(self, timeout):
        self._segment(timeout, lambda f: True)

    def forge(self, device, mac, source, source_port, offset, data, flags, timeout):
        """Sends a segment in the other end's name into the wire, and waits until it comes back.

        It has the numbers that the other end would use now. What comes back is thrown away: this
        end is in league with the forger, or has a firewall that knows better.
        """
        seq = (self.expected + offset) & 0xFFFFFFFF
        ack = (self.initial + 1 + self.acked) & 0xFFFFFFFF
        tcp = self._tcp(source, self.local, source_port, self.local_port, seq, ack, data, flags)
        if self.family == socket.AF_INET:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0)
            ip += socket.inet_aton(source) + socket.inet_aton(self.local)
            ip = ip[:10] + struct.pack("!H", self._sum(ip)) + ip[12:]
            kind = 0x0800
        else:
            ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64)
            ip += socket.inet_pton(self.family, source) + socket.inet_pton(self.family, self.local)
            kind = 0x86DD
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind))
        wire.sendto(ip + tcp, (device, kind, 0, 0, bytes.fromhex(mac.replace(":", ""))))
        wire.close()
        segment = self._segment(timeout, lambda f: f & flags == flags)
        if segment["seq"] != seq or segment["data"] != data:
            raise ValueError("another segment came: %r" % segment)

    def forge_opening(self, device, mac, source, source_port, timeout):
        """The other end's SYN, and this end's answer."""
        self.remote, self.remote_port = source, source_port
        self.expected, self.acked = 0x20000000, -1
        self.forge(device, mac, source, source_port, 0, b"", self.SYN, timeout)
        self.expected += 1
        self._transmit(self.initial, b"", self.SYN | self.ACK)
        self.acked = 0

    def forge_dialogue(self, device, mac, commands, replies, timeout):
        """The other end's commands, and this end's replies; the first is the greeting."""
        forge = lambda data, flags: self.forge(
            device, mac, self.remote, self.remote_port, 0, data, flags, timeout)
        forge(b"", self.ACK)
        said = 0
        for turn, reply in enumerate(replies):
            if turn:
                forge(commands[turn - 1], self.PSH | self.ACK)
                self.expected += len(commands[turn - 1])
            self.send(said, reply)
            said += len(reply)
            self.acked = said

    def await_acked(self, offset, timeout):
        deadline = time.monotonic() + timeout
        while self.acked < offset:
            self._take(self._segment(deadline - time.monotonic(), lambda f: True))

    def line(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.pending:
            if self.closed:
                raise EOFError("closed after %r" % self.pending[-80:])
            self._take(self._segment(deadline - time.monotonic(), lambda f: True))
        line, self.pending = self.pending.split(b"\n", 1)
        return line + b"\n"

    def close(self, reset):
        self.sock.close()

    def _take(self, segment):
        self.acked = max(self.acked, (segment["ack"] - self.initial - 1) & 0xFFFFFFFF)
        data = segment["data"]
        if segment["seq"] == self.expected and (data or segment["flags"] & self.FIN):
            self.pending += data
            self.closed = bool(segment["flags"] & self.FIN)
            self.expected = (self.expected + len(data) + self.closed) & 0xFFFFFFFF
            self._transmit(self.initial + 1 + self.acked, b"", self.ACK)
        elif data:
            self._transmit(self.initial + 1 + self.acked, b"", self.ACK)

    def _segment(self, timeout, wanted):
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise socket.timeout("no such segment")
            packet, origin = self.sock.recvfrom(65536)
            if self.family == socket.AF_INET:
                packet = packet[(packet[0] & 15) * 4 :]
            sport, dport, seq, ack, off, flags = struct.unpack("!HHIIBB", packet[:14])
            if dport != self.local_port or (self.remote_port and sport != self.remote_port):
                continue
            self._note_timestamp(packet[20 : (off >> 4) * 4])
            if wanted(flags):
                return {"from": origin[0].split("%")[0], "sport": sport, "seq": seq, "ack": ack,
                        "flags": flags, "data": packet[(off >> 4) * 4 :]}

    def _note_timestamp(self, options):
        while self.timestamps and options and options[0] != 0:
            if options[0] == 8:
                self.echo = struct.unpack("!I", options[2:6])[0]
            options = options[1 if options[0] == 1 else max(2, options[1]) :]

    def _transmit(self, seq, data, flags, age_ms=0):
        options = struct.pack("!BBHBBBB", 2, 4, 1400, 1, 1, 4, 2) if flags & self.SYN else b""
        if self.timestamps:
            now = int(time.monotonic() * 1000) + 1_000_000 - age_ms
            options += struct.pack("!BBBBII", 1, 1, 8, 10, now & 0xFFFFFFFF, self.echo)
        ack = self.expected if flags & self.ACK else 0
        segment = self._tcp(self.local, self.remote, self.local_port, self.remote_port, seq, ack,
                            data, flags, options)
        self.sock.sendto(segment, (self.remote, 0))

    def _tcp(self, source, destination, sport, dport, seq, ack, data, flags, options=b""):
        length = 20 + len(options)
        head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack,
                           (length // 4) << 4, flags, self.window, 0, 0) + options
        total = length + len(data)
        pseudo = socket.inet_pton(self.family, source) + socket.inet_pton(self.family, destination)
        if self.family == socket.AF_INET:
            pseudo += struct.pack("!BBH", 0, 6, total)
        else:
            pseudo += struct.pack("!IHBB", total, 0, 0, 6)
        checksum = self._sum(pseudo + head + data + b"\0" * (total & 1))
        return head[:16] + struct.pack("!H", checksum) + head[18:] + data

    @staticmethod
    def _sum(text):
        folded = sum(struct.unpack("!%dH" % (len(text) // 2), text))
        while folded >> 16:
            folded = (folded & 0xFFFF) + (folded >> 16)
        return ~folded & 0xFFFF


class Answerer:
    """An FTP-shaped server for thousands of connections: a greeting, then a reply to each line."""

    def __init__(self, host, port, greeting, replies):
        self.greeting, self.replies = greeting, replies
        self.lines = self.accepted = self.open = 0
        self.listener = socket.socket(family_of(host), socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(4096)
        self.poll = select.epoll()
        self.poll.register(self.listener, select.EPOLLIN)
        self.connections = {}
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            for fd, _ in self.poll.poll(1):
                if fd == self.listener.fileno():
                    sock, _ = self.listener.accept()
                    sock.settimeout(5 * PATIENCE)
                    self.accepted += 1
                    self.open += 1
                    self.connections[sock.fileno()] = [sock, b""]
                    self.poll.register(sock, select.EPOLLIN)
                    self._say(sock.fileno(), self.greeting)
                else:
                    self._hear(fd)

    def _hear(self, fd):
        sock, rest = self.connections[fd]
        try:
            data = sock.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._drop(fd)
            return
        *lines, rest = (rest + data).split(b"\n")
        self.connections[fd][1] = rest[-8192:]
        self.lines += len(lines)
        answer = b"".join(self.replies.get(l[:4].upper(), self.replies[b"*"]) for l in lines)
        if answer:
            self._say(fd, answer)

    def _say(self, fd, data):
        try:
            self.connections[fd][0].sendall(data)
        except OSError:
            self._drop(fd)

    def _drop(self, fd):
        entry = self.connections.pop(fd, None)
        if entry:
            self.open -= 1
            self.poll.unregister(fd)
            entry[0].close()


class Crowd:
    """Many client connections at once; what they read is thrown away."""

    def __init__(self):
        self.socks = []

    def open(self, host, port, count, text, deadline_s, source):
        deadline = time.monotonic() + deadline_s
        waiting = set()
        poll = select.poll()
        by_fd = {}
        started = done = 0
        while done < count and time.monotonic() < deadline:
            while started < count and len(waiting) < 256:
                sock = socket.socket(family_of(host), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                if source:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
                    sock.bind((source, 0))
                sock.connect_ex((host, port))
                by_fd[sock.fileno()] = sock
                waiting.add(sock.fileno())
                poll.register(sock, select.POLLOUT)
                started += 1
            for fd, event in poll.poll(200):
                poll.unregister(fd)
                waiting.discard(fd)
                if event & select.POLLOUT and not event & (select.POLLERR | select.POLLHUP):
                    by_fd[fd].send(text)
                    self.socks.append(by_fd[fd])
                    done += 1
        return done

    def drain(self):
        size = 0
        for sock in self.socks:
            try:
                size += len(sock.recv(1 << 16))
            except OSError:
                pass
        return size

    def close(self):
        for sock in self.socks:
            sock.close()
        self.socks = []


class Peer:
    def __init__(self):
        self.things = {}
        self.next_id = 0

    def keep(self, thing):
        self.next_id += 1
        self.things[self.next_id] = thing
        return self.next_id

    def listen(self, r):
        sock = socket.socket(family_of(r["host"]), socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(endpoint(r["host"], r["port"]))
        if r.get("fastOpen"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 64)
        sock.listen(64)
        return {"id": self.keep(sock), "port": sock.getsockname()[1]}

    def accept(self, r):
        listener = self.things[r["id"]]
        listener.settimeout(r.get("timeout", TIMEOUT_S))
        sock, origin = listener.accept()
        return {"id": self.keep(Buffered(sock)), "host": origin[0], "port": origin[1]}

    def connect(self, r):
        sock = socket.socket(family_of(r["host"]), socket.SOCK_STREAM)
        sock.settimeout(r.get("timeout", TIMEOUT_S))
        try:
            if r.get("source") or r.get("sourcePort"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(endpoint(r.get("source", ""), r.get("sourcePort", 0)))
            if "data" in r:  # in the SYN, if the sysctl allows it
                sock.sendto(r["data"].encode("latin-1"), socket.MSG_FASTOPEN, (r["host"], r["port"]))
            else:
                sock.connect(endpoint(r["host"], r["port"]))
        except OSError:
            sock.close()
            raise
        return {"id": self.keep(Buffered(sock)), "port": sock.getsockname()[1]}

    def send(self, r):
        self.things[r["id"]].send(r["data"].encode("latin-1"), r.get("cuts", []))
        return {}

    def line(self, r):
        data = self.things[r["id"]].line(r.get("timeout", TIMEOUT_S))
        return {"data": data.decode("latin-1")}

    def take(self, r):
        data = self.things[r["id"]].take(r["count"], r.get("timeout", TIMEOUT_S))
        return {"data": data.decode("latin-1")}

    def read_all(self, r):
        digest, size = self.things[r["id"]].read_all(r.get("timeout", TIMEOUT_S))
        return {"sha256": digest, "size": size}

    def close(self, r):
        thing = self.things.pop(r["id"])
        if isinstance(thing, (Buffered, RawTcp)):
            thing.close(r.get("reset", False))
        else:
            thing.close()
        return {}

    def shutdown(self, r):
        self.things[r["id"]].sock.shutdown(socket.SHUT_WR)
        return {}

    def raw_connect(self, r):
        raw = RawTcp(r["source"], r["sourcePort"], r["host"], r["port"])
        raw.connect(r.get("timeout", TIMEOUT_S))
        return {"id": self.keep(raw)}

    def raw_ack(self, r):
        """Sends an ACK for a connection that there is not."""
        raw = RawTcp(r["source"], r["sourcePort"], r["host"], r["port"])
        raw._transmit(raw.initial, b"", raw.ACK)
        raw.close(False)
        return {}

    def raw_listen(self, r):
        raw = RawTcp(r["host"], r["port"], window=r["window"], timestamps=r["timestamps"])
        return {"id": self.keep(raw)}

    def raw_accept(self, r):
        self.things[r["id"]].accept(r.get("timeout", TIMEOUT_S))
        return {}

    def raw_send(self, r):
        self.things[r["id"]].send(r["offset"], r["data"].encode("latin-1"), r.get("fin", False),
                                  r.get("reset", False), r.get("ageMs", 0))
        return {}

    def raw_window(self, r):
        """Says at an offset of the own stream how much the other side may send from now on."""
        self.things[r["id"]].window = r["window"]
        self.things[r["id"]].send(r["offset"], b"")
        return {}

    def raw_await_segment(self, r):
        self.things[r["id"]].await_segment(r.get("timeout", TIMEOUT_S))
        return {}

    def raw_forge(self, r):
        self.things[r["id"]].forge(
            r["device"], r["mac"], r["source"], r["sourcePort"], r["offset"],
            r["data"].encode("latin-1"), r["flags"], r.get("timeout", TIMEOUT_S))
        return {}

    def raw_forge_opening(self, r):
        self.things[r["id"]].forge_opening(
            r["device"], r["mac"], r["source"], r["sourcePort"], r.get("timeout", TIMEOUT_S))
        return {}

    def raw_forge_dialogue(self, r):
        self.things[r["id"]].forge_dialogue(
            r["device"], r["mac"], [c.encode("latin-1") for c in r["commands"]],
            [a.encode("latin-1") for a in r["replies"]], r.get("timeout", TIMEOUT_S))
        return {}

    def raw_await_acked(self, r):
        self.things[r["id"]].await_acked(r["offset"], r.get("timeout", TIMEOUT_S))
        return {}

    def answerer(self, r):
        replies = {k.encode(): v.encode("latin-1") for k, v in r["replies"].items()}
        return {"id": self.keep(Answerer(r["host"], r["port"], r["greeting"].encode(), replies))}

    def answered(self, r):
        a = self.things[r["id"]]
        return {"accepted": a.accepted, "open": a.open, "lines": a.lines}

    def crowd(self, r):
        crowd = Crowd()
        data, source = r["data"].encode("latin-1"), r.get("source")
        count = crowd.open(r["host"], r["port"], r["count"], data, r["deadline"], source)
        return {"id": self.keep(crowd), "count": count}

    def datagrams(self, r):
        bound = datagrams.Datagrams(r["host"], r["port"])
        return {"id": self.keep(bound), "port": bound.port()}

    def datagram_send(self, r):
        self.things[r["id"]].send(r["host"], r["port"], r["data"].encode("latin-1"), r.get("count", 1))
        return {}

    def datagram_receive(self, r):
        got = self.things[r["id"]].receive_all(r["wanted"], r.get("timeout", TIMEOUT_S))
        return {"datagrams": [
            {"data": data.decode("latin-1"), "host": host, "port": port} for data, host, port in got]}

    def datagram_forge(self, r):
        datagrams.forge(r)
        return {}

    def converse(self, r):
        """Plays one side of conversations, each over a connection of its own, one after the other.

        A step is [whether the client speaks, what, where it is cut into two segments (0: nowhere)].
        """
        is_client = "id" not in r
        for number, steps in enumerate(r["conversations"]):
            thing = self.things[(self.connect(r) if is_client else self.accept(r))["id"]]
            for at, (by_client, text, cut) in enumerate(steps):
                data = text.encode("latin-1")
                if by_client == is_client:
                    thing.send(data, [cut])
                    continue
                heard = thing.take(len(data), TIMEOUT_S)
                if heard != data:
                    raise EOFError("conversation %d, step %d: %s in place of %s" % (
                        number, at, heard.hex(), data.hex()))
            if not is_client and thing.take(1, TIMEOUT_S):
                raise EOFError("conversation %d: more than was said" % number)
            self.close({"id": self.next_id})
        return {}

    def reached(self, r):
        """The ports from which an attempt to connect is answered, by a refusal, too."""
        poll, by_fd = select.poll(), {}
        for port in r["ports"]:
            sock = socket.socket(family_of(r["host"]), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            sock.bind((r["source"], 0))
            sock.connect_ex((r["host"], port))
            poll.register(sock, select.POLLOUT)
            by_fd[sock.fileno()] = (sock, port)
        ports, deadline = [], time.monotonic() + r["timeout"]
        while len(ports) < len(by_fd) and time.monotonic() < deadline:
            for fd, _ in poll.poll(max(1, (deadline - time.monotonic()) * 1000)):
                poll.unregister(fd)
                ports.append(by_fd[fd][1])
        for sock, _ in by_fd.values():
            sock.close()
        return {"ports": ports}

    def drain(self, r):
        return {"size": self.things[r["id"]].drain()}

    def blast(self, r):
        """Sends lines as fast as they go, reading what comes back without looking at it."""
        thing, lines = self.things[r["id"]], r["lines"]
        sock, begin = thing.sock, time.monotonic()
        sock.setblocking(False)
        deadline = begin + r["deadline"]
        out = b"".join(l.encode("latin-1") for l in lines)
        # Where a send must end: at every line, or as TCP likes.
        ends = [0]
        for text in lines if r["segments"] else []:
            ends.append(ends[-1] + len(text))
        sent = answers = turn = 0
        want = r.get("answers", 0)
        while time.monotonic() < deadline and (sent < len(out) or answers < want):
            write = [sock] if sent < len(out) else []
            readable, writable, _ = select.select([sock], write, [], 0.2)
            if readable:
                data = sock.recv(1 << 16)
                if not data:
                    break
                answers += data.count(b"\n")
            if writable:
                if r["segments"]:
                    turn += sent == ends[turn]
                    sent += sock.send(out[sent : ends[turn]])
                else:
                    sent += sock.send(out[sent : sent + 16384])
        sock.setblocking(True)
        return {"sent": sent, "answers": answers, "seconds": time.monotonic() - begin}


def main():
    # Thousands of connections: as many descriptors as the system allows.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peer = Peer()
    for text in sys.stdin:
        request = json.loads(text)
        try:
            answer = getattr(peer, request.pop("op"))(request)
        except (OSError, EOFError) as e:
            answer = {"error": type(e).__name__, "text": str(e)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
