"""A small DCE-RPC server in one network namespace: endpoint mapper, OXID resolver and activator on
one port, and objects on others.

Reads one JSON object a line from standard input ({"op": ..., ...}) and answers each with one. What
it says is set from outside: the bindings, the size of its fragments. It authenticates by NTLM and
verifies each signature of its clients. Written from C706, MS-RPCE, MS-DCOM and MS-NLMP.
"""
import json
import os
import socket
import struct
import sys
import threading
import uuid

from Cryptodome.Cipher import ARC4
from impacket import ntlm

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, ALTER, ALTER_RESPONSE, AUTH3 = 0, 2, 3, 11, 12, 14, 15, 16
FIRST, LAST, OBJECT = 1, 2, 0x80
NONE, CONNECT, INTEGRITY, PRIVACY = 1, 2, 5, 6

NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
NDR64 = uuid.UUID("71710533-beba-4937-8319-b5dbef9ccc36")
MAPPER = uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
RESOLVER = uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a")
ACTIVATION = uuid.UUID("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57")
ACTIVATOR = uuid.UUID("000001a0-0000-0000-c000-000000000046")
PROPERTIES_OUT = uuid.UUID("00000339-0000-0000-c000-000000000046")
IID_PROPERTIES_OUT = uuid.UUID("000001a3-0000-0000-c000-000000000046")
SCM_REPLY = uuid.UUID("000001b6-0000-0000-c000-000000000046")
UNKNOWN = uuid.UUID("00000000-0000-0000-c000-000000000046")

NOT_REGISTERED = 0x16C9A0D6
TRAILER_BYTES, SIGNATURE_BYTES = 8, 16


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def aligned(data, size):
    return data + b"\0" * (-len(data) % size)


class Security:
    """One NTLM context of a connection."""

    FLAGS = 0xE28A8235

    def __init__(self, level, context, settings):
        self.level, self.context, self.settings = level, context, settings
        self.challenge = os.urandom(8)
        self.received = self.sent = 0

    def challenge_message(self, flags):
        name = "LAB".encode("utf-16le")
        pairs = b"".join(
            struct.pack("<HH", kind, len(value)) + value
            for kind, value in ((2, name), (1, name), (7, b"\0" * 8), (0, b"")))
        return struct.pack(
            "<8sIHHII8s8xHHI8s", b"NTLMSSP\0", 2, len(name), len(name), 56, self.FLAGS & flags | 0x00800000,
            self.challenge, len(pairs), len(pairs), 56 + len(name), b"\x0a\0\x63\x45\0\0\0\x0f") + name + pairs

    def authenticate(self, message):
        answer = ntlm.NTLMAuthChallengeResponse()
        answer.fromString(message)
        flags = answer["flags"]
        user, domain = answer["user_name"].decode("utf-16le"), answer["domain_name"].decode("utf-16le")
        key = ntlm.NTOWFv2(user, self.settings["password"], domain)
        proof, blob = answer["ntlm"][:16], answer["ntlm"][16:]
        if ntlm.hmac_md5(key, self.challenge + blob) != proof:
            raise ValueError("wrong password")
        base = ntlm.hmac_md5(key, proof)
        session = ARC4.new(base).encrypt(answer["session_key"]) if flags & ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH else base
        self.flags = flags
        self.keys = [ntlm.SIGNKEY(flags, session), ntlm.SIGNKEY(flags, session, b"Server")]
        self.ciphers = [
            ARC4.new(ntlm.SEALKEY(flags, session)).encrypt,
            ARC4.new(ntlm.SEALKEY(flags, session, b"Server")).encrypt]

    def open(self, pdu, header, stub, trailer, signature):
        """The stub in clear, or ValueError."""
        if self.level == PRIVACY:
            stub = self.ciphers[0](stub)
        wanted = ntlm.SIGN(self.flags, self.keys[0], header + stub + trailer, self.received, self.ciphers[0])
        if wanted.getData() != signature:
            raise ValueError("wrong signature in a PDU of %d bytes" % len(pdu))
        self.received += 1
        return stub

    def close(self, header, stub, trailer):
        sealed = self.ciphers[1](stub) if self.level == PRIVACY else stub
        signature = ntlm.SIGN(self.flags, self.keys[1], header + stub + trailer, self.sent, self.ciphers[1])
        self.sent += 1
        return header + sealed + trailer + signature.getData()


class Ndr:
    """Writes a stub in NDR or NDR64, little-endian."""

    def __init__(self, is64=False):
        self.is64, self.data = is64, b""

    def align(self, size):
        self.data = aligned(self.data, size)
        return self

    def u16(self, *values):
        self.align(2).data += struct.pack("<%dH" % len(values), *values)
        return self

    def u32(self, *values):
        self.align(4).data += struct.pack("<%dI" % len(values), *values)
        return self

    def u64(self, value):
        self.align(8).data += struct.pack("<Q", value)
        return self

    def wide(self, *values):
        """Counts and referents."""
        for value in values:
            self.u64(value) if self.is64 else self.u32(value)
        return self

    def raw(self, data):
        self.data += data
        return self

    def that(self):
        """ORPCTHAT."""
        return self.u32(0).wide(0)

    def dual(self, bindings):
        """DUALSTRINGARRAY: string bindings, then two security bindings, of which one looks like an address."""
        texts = [struct.pack("<H", 7) + b.encode("utf-16le") + b"\0\0" for b in bindings]
        strings = b"".join(texts) + b"\0\0"
        security = struct.pack("<HH", 10, 0xFFFF) + "host/x[51018]".encode("utf-16le") + b"\0\0" + b"\0\0"
        units = (len(strings) + len(security)) // 2
        return self.wide(units).u16(units, len(strings) // 2).raw(strings + security)


def serialized(body):
    """Type serialization version 1 (MS-RPCE 2.2.6)."""
    body = aligned(body, 8)
    return bytes.fromhex("01100800cccccccc") + struct.pack("<II", len(body), 0) + body


class Oxid:
    """What an activation says of its object."""

    def __init__(self, settings):
        self.oxid, self.settings = int.from_bytes(os.urandom(7), "little"), settings
        self.oid, self.ipid, self.unknown = self.oxid + 1, uuid.uuid4(), uuid.uuid4()

    def object_reference(self):
        standard = struct.pack("<4sI16sIIQQ16s", b"MEOW", 1, UNKNOWN.bytes_le, 0, 5, self.oxid, self.oid,
                               self.ipid.bytes_le)
        # saResAddr has no max_count; it names the resolver, not a port of the object.
        return standard + Ndr().dual(["%s[135]" % b.rpartition("[")[0] for b in self.settings["bindings"]]).data[4:]

    def interface_pointer(self, data):
        return struct.pack("<II", len(data), len(data)) + data

    def properties(self, level):
        out = Ndr().u32(1, 0x20000, 0x20004, 0x20008, 1).raw(UNKNOWN.bytes_le).u32(1, 0, 1, 0x2000C)
        out.raw(self.interface_pointer(self.object_reference()))
        reply = Ndr().u32(0, 0x20000).u64(self.oxid).u32(0x20004).raw(self.unknown.bytes_le)
        reply.u32(level).u16(5, 7).dual(self.settings["bindings"])
        parts = [(PROPERTIES_OUT, serialized(out.data)), (SCM_REPLY, serialized(reply.data))]
        ids = b"".join(i.bytes_le for i, _ in parts)
        sizes = struct.pack("<%dI" % len(parts), *(len(p) for _, p in parts))
        body = b"".join(p for _, p in parts)

        def head(total, size):
            return serialized(
                struct.pack("<IIIII16sIII", total, size, 0, 2, len(parts), b"\0" * 16, 0x20000, 0x20004, 0)
                + struct.pack("<I", len(parts)) + ids + struct.pack("<I", len(parts)) + sizes)

        size = len(head(0, 0))
        blob = head(size + len(body), size) + body
        blob = struct.pack("<II", len(blob), 0) + blob
        return struct.pack("<4sI16s16sII", b"MEOW", 4, IID_PROPERTIES_OUT.bytes_le, PROPERTIES_OUT.bytes_le, 0,
                           len(blob) + 8) + blob


def tower(interface, version, syntax, port, address):
    def floor(left, right):
        return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right

    floors = [
        floor(b"\x0d" + interface.bytes_le + struct.pack("<H", version), b"\0\0"),
        floor(b"\x0d" + syntax.bytes_le + struct.pack("<H", 1 if syntax == NDR64 else 2), b"\0\0"),
        floor(b"\x0b", b"\0\0"),
        floor(b"\x07", struct.pack("!H", port)),
        floor(b"\x09", socket.inet_aton(address))]
    return struct.pack("<H", len(floors)) + b"".join(floors)


class Connection:
    def __init__(self, server, sock, port):
        self.server, self.settings, self.sock, self.port = server, server.settings, sock, port
        self.contexts, self.security, self.stubs = {}, {}, {}
        self.level = NONE

    def serve(self):
        try:
            while True:
                header = exactly(self.sock, 16)
                length, auth = struct.unpack("<HH", header[8:12])
                self.hear(header + exactly(self.sock, length - 16), auth)
        except (EOFError, OSError):
            pass
        except ValueError as e:
            self.server.note({"error": str(e)})
        finally:
            self.sock.close()

    def hear(self, pdu, auth):
        kind, flags, call = pdu[2], pdu[3], struct.unpack("<I", pdu[12:16])[0]
        end, trailer = len(pdu), None
        if auth:
            at = len(pdu) - auth - TRAILER_BYTES
            trailer = struct.unpack("<BBBBI", pdu[at:at + 8])
            end = at
        if kind in (BIND, ALTER):
            self.bound(pdu, call, trailer, pdu[len(pdu) - auth:], ALTER_RESPONSE if kind == ALTER else BIND_ACK)
        elif kind == AUTH3:
            self.security[trailer[4]].authenticate(pdu[len(pdu) - auth:])
        elif kind == REQUEST:
            begin = 40 if flags & OBJECT else 24
            stub, security = pdu[begin:end], None
            if trailer:
                security = self.security[trailer[4]]
                stub = security.open(pdu, pdu[:begin], stub, pdu[end:end + 8], pdu[end + 8:])
                stub = stub[:len(stub) - trailer[2]]
            elif self.level >= INTEGRITY:
                raise ValueError("a request without a signature")
            self.stubs[call] = self.stubs.get(call, b"") + stub
            if flags & LAST:
                context, operation = struct.unpack("<HH", pdu[20:24])
                self.called(call, context, operation, self.stubs.pop(call), security)

    def bound(self, pdu, call, trailer, token, kind):
        at, results = 28, b""
        for _ in range(pdu[24]):
            context, count = struct.unpack("<HB", pdu[at:at + 3])
            interface = uuid.UUID(bytes_le=pdu[at + 4:at + 20])
            offered = [uuid.UUID(bytes_le=pdu[at + 24 + 20 * i:at + 40 + 20 * i]) for i in range(count)]
            at += 24 + 20 * count
            syntax = next((s for s in offered if s in (NDR, NDR64)), None)
            if syntax is None:
                results += struct.pack("<HH20x", 2, 2)
                continue
            self.contexts[context] = (interface, syntax == NDR64)
            results += struct.pack("<HH16sI", 0, 0, syntax.bytes_le, 1 if syntax == NDR64 else 2)
        address = str(self.port).encode() + b"\0" if kind == BIND_ACK else b""
        body = aligned(struct.pack("<HHIH", 5840, 5840, 0x53F0, len(address)) + address, 4)
        body += struct.pack("<I", pdu[24]) + results
        answer = b""
        if trailer:
            self.level = trailer[1]
            security = self.security[trailer[4]] = Security(trailer[1], trailer[4], self.settings)
            answer = struct.pack("<BBBBI", trailer[0], trailer[1], 0, 0, trailer[4])
            token = security.challenge_message(struct.unpack("<I", token[12:16])[0])
            answer += token
        head = struct.pack("<BBBBIHHI", 5, 0, kind, FIRST | LAST, 0x10, 16 + len(body) + len(answer),
                           len(token) if trailer else 0, call)
        self.sock.sendall(head + body + answer)

    def called(self, call, context, operation, stub, security):
        interface, is64 = self.contexts[context]
        self.server.note({
            "from": self.sock.getpeername()[0], "port": self.port, "interface": str(interface),
            "operation": operation, "level": self.level})
        self.say(call, context, self.answer(interface, is64, operation, stub), security)

    def answer(self, interface, is64, operation, stub):
        out = Ndr(is64)
        if interface == MAPPER and operation == 3:
            return self.mapped(out, stub)
        if interface == RESOLVER and operation in (0, 4):
            out.wide(0x20000).dual(self.settings["bindings"]).align(4).raw(uuid.uuid4().bytes_le).u32(CONNECT)
            return (out.u16(5, 7) if operation == 4 else out).u32(0).data
        if interface == RESOLVER and operation == 5:
            return out.u16(5, 7).wide(0x20000).dual([b.rpartition("[")[0] for b in self.settings["bindings"]]).u32(
                0, 0).data
        oxid = Oxid(self.settings)
        if interface == ACTIVATION:
            out.that().u64(oxid.oxid).wide(0x20000).dual(self.settings["bindings"]).align(4)
            out.raw(oxid.unknown.bytes_le).u32(self.level).u16(5, 7).u32(0)
            reference = oxid.object_reference()
            out.wide(1, 0x20004).wide(len(reference)).u32(len(reference)).raw(reference)
            return out.wide(1).u32(0, 0).data
        if interface == ACTIVATOR:
            properties = oxid.properties(self.level)
            out.that().wide(0x20000, len(properties)).u32(len(properties)).raw(properties)
            return out.u32(0).data
        # Of an object: nothing but success, as IRemUnknown::RemRelease says it.
        return out.that().u32(0).data

    def mapped(self, out, stub):
        at = stub.index(b"\x13\0\x0d") + 3
        interface, version = uuid.UUID(bytes_le=stub[at:at + 16]), struct.unpack("<H", stub[at + 16:at + 18])[0]
        ports = self.settings["services"].get(str(interface), [])
        out.raw(b"\0" * 20).u32(len(ports)).wide(max(4, len(ports)), 0, len(ports))
        out.wide(*(0x20000 + 4 * i for i in range(len(ports))))
        for port in ports:
            octets = tower(interface, version, NDR64 if out.is64 else NDR, port, self.settings["address"])
            out.wide(len(octets)).u32(len(octets)).raw(octets)
        return out.align(4).u32(0 if ports else NOT_REGISTERED).data

    def say(self, call, context, stub, security):
        signed = security is not None and security.level >= INTEGRITY
        most = self.settings["fragment"] or 5840
        room = max(8, (most - 24 - (TRAILER_BYTES + SIGNATURE_BYTES if signed else 0)) & ~7)
        for at in range(0, len(stub), room):
            part = stub[at:at + room]
            flags = (FIRST if at == 0 else 0) | (LAST if at + room >= len(stub) else 0)
            pad = -len(part) % 16 if signed else 0
            auth = SIGNATURE_BYTES if signed else 0
            length = 24 + len(part) + pad + (TRAILER_BYTES + auth if signed else 0)
            head = struct.pack("<BBBBIHHIIHH", 5, 0, RESPONSE, flags, 0x10, length, auth, call, len(stub) - at,
                               context, 0)
            if signed:
                trailer = struct.pack("<BBBBI", 10, security.level, pad, 0, security.context)
                self.sock.sendall(security.close(head, part + b"\0" * pad, trailer))
            else:
                self.sock.sendall(head + part)


class Server:
    def __init__(self):
        self.settings = {"bindings": [], "services": {}, "fragment": 0, "address": "0.0.0.0",
                         "password": "Passw0rd"}
        self.calls, self.changed = [], threading.Condition()

    def note(self, call):
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()

    def set(self, r):
        """What it says from now on: any of the settings."""
        self.settings.update(r)
        return {}

    def listen(self, r):
        sock = socket.socket(family_of(r["host"]), socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((r["host"], r["port"]))
        sock.listen(64)
        threading.Thread(target=self.accept, args=(sock,), daemon=True).start()
        return {"port": sock.getsockname()[1]}

    def accept(self, listener):
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, listener.getsockname()[1])
            threading.Thread(target=connection.serve, daemon=True).start()

    def called(self, r):
        """What was called since the last question."""
        with self.changed:
            calls, self.calls = self.calls, []
        return {"calls": calls}


def main():
    server = Server()
    for text in sys.stdin:
        request = json.loads(text)
        try:
            answer = getattr(server, request.pop("op"))(request)
        except OSError as e:
            answer = {"error": type(e).__name__, "text": str(e)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
