"""Compares all copies of a byte that went over a wire. Argument: a capture of an Ethernet device.

Of each direction of each TCP connection every byte that is sent again must be the same again, as long as
the receiver has not acknowledged it: then nobody looks at it any more. Prints how many were sent again,
and "differs" with the sequence number for each that is not the same.
"""
import struct
import sys

SYN, ACK = 2, 16


def packets(path):
    with open(path, "rb") as file:
        data = file.read()
    if struct.unpack_from("<I", data)[0] != 0xA1B2C3D4 or struct.unpack_from("<I", data, 20)[0] != 1:
        sys.exit("not a capture of Ethernet frames in the byte order of this machine")
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def segments(path):
    for frame in packets(path):
        if frame[12:14] == b"\x08\x00" and frame[23] == 6:
            addresses, tcp = (frame[26:30], frame[30:34]), 34
            end = 14 + struct.unpack_from("!H", frame, 16)[0]
        elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
            addresses, tcp = (frame[22:38], frame[38:54]), 54
            end = 54 + struct.unpack_from("!H", frame, 18)[0]
        else:
            continue
        source, destination, sequence, acknowledged, offset, flags = struct.unpack_from("!2s2sIIBB", frame, tcp)
        here, there = (addresses[0], source), (addresses[1], destination)
        yield here + there, there + here, sequence, acknowledged, flags, frame[tcp + (offset >> 4) * 4 : end]


def main():
    sent, acked = {}, {}
    repeated = 0
    for direction, back, sequence, acknowledged, flags, payload in segments(sys.argv[1]):
        if flags & SYN:
            sent[direction] = {}
            acked[direction] = sequence
        if flags & ACK and (acknowledged - acked.get(back, acknowledged)) & 0xFFFFFFFF < 1 << 31:
            acked[back] = acknowledged
        known = sent.setdefault(direction, {})
        for i, byte in enumerate(payload):
            at = (sequence + i) & 0xFFFFFFFF
            if (at - acked.get(direction, at)) & 0xFFFFFFFF >= 1 << 31:
                continue
            repeated += at in known
            if known.setdefault(at, byte) != byte:
                print("differs", direction, at, chr(known[at]), chr(byte), payload)
    print(repeated, "bytes were sent again")


main()
