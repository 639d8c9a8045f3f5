package org.pinholed.agent.replay.capture;

import java.io.IOException;

/**
 * Reads pcap (draft-ietf-opsawg-pcap): a header of 24 bytes, then for each packet seconds,
 * microseconds or nanoseconds, captured length and original length of 32 bits each.
 */
final class PcapReader extends CaptureReader {
  private static final int FILE_HEADER_BYTES = 24;
  private static final int RECORD_HEADER_BYTES = 16;

  /** {@code MAXIMUM_SNAPLEN} of libpcap; what says more was not captured. */
  static final int MOST_CAPTURED_BYTES = 262_144;

  private static final int NANOS_PER_MICRO = 1000;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final int nanosPerUnit;
  private final int linkType;

  private PcapReader(CaptureInput input, int nanosPerUnit, int linkType) {
    super(input);
    this.nanosPerUnit = nanosPerUnit;
    this.linkType = linkType;
  }

  static PcapReader open(CaptureInput input, boolean nanos) throws IOException {
    if (!input.has(FILE_HEADER_BYTES)) {
      throw new CaptureException("no capture: it ends within the header of the file");
    }
    int major = input.u16(4);
    if (major != 2) {
      throw new CaptureException("pcap of version " + major + "." + input.u16(6) + ", not 2.4");
    }
    // the upper bits say how long the frame check sequences are
    int linkType = input.s32(20) & 0xffff;
    input.skip(FILE_HEADER_BYTES);
    return new PcapReader(input, nanos ? 1 : NANOS_PER_MICRO, linkType);
  }

  @Override
  public boolean next() throws IOException {
    if (isDamaged()) {
      return false;
    }
    long at = input.offset();
    if (!input.has(RECORD_HEADER_BYTES)) {
      return input.isAtEnd() ? false : damaged(at, "the file ends within a packet's header");
    }
    long seconds = input.u32(0);
    long fraction = input.u32(4);
    long captured = input.u32(8);
    long original = input.u32(12);
    if (captured > MOST_CAPTURED_BYTES) {
      return damaged(at, "a packet claims to have " + captured + " captured bytes");
    }
    if (fraction * nanosPerUnit >= NANOS_PER_SECOND) {
      return damaged(at, "a packet's time has " + fraction + " parts of a second");
    }
    int bytes = (int) captured;
    if (!input.has(RECORD_HEADER_BYTES + bytes)) {
      return damaged(at, "the file ends within a packet of " + bytes + " bytes");
    }
    packet.set(
        input.buffer(),
        input.index(RECORD_HEADER_BYTES),
        bytes,
        Math.max(original, captured),
        seconds * NANOS_PER_SECOND + fraction * nanosPerUnit,
        linkType,
        at);
    input.skip(RECORD_HEADER_BYTES + bytes);
    return true;
  }
}
