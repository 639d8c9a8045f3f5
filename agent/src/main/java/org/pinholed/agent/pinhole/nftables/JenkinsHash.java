package org.pinholed.agent.pinhole.nftables;

/** The kernel's {@code jhash} ({@code include/linux/jhash.h}), as far as diversion needs it. */
final class JenkinsHash {
  /** {@code JHASH_INITVAL}. */
  private static final int INITIAL = 0xdeadbeef;

  private JenkinsHash() {}

  /**
   * The hash of four bytes.
   *
   * @param bigEndian the bytes, the first one in bits 31..24
   * @param seed as the {@code hash} expression has it
   * @return any 32 bits
   */
  static int of(int bigEndian, int seed) {
    int c = INITIAL + Integer.BYTES + seed;
    int b = c;
    // the kernel reads them as a little-endian word on every machine
    int a = c + Integer.reverseBytes(bigEndian);
    // __jhash_final
    c = (c ^ b) - Integer.rotateLeft(b, 14);
    a = (a ^ c) - Integer.rotateLeft(c, 11);
    b = (b ^ a) - Integer.rotateLeft(a, 25);
    c = (c ^ b) - Integer.rotateLeft(b, 16);
    a = (a ^ c) - Integer.rotateLeft(c, 4);
    b = (b ^ a) - Integer.rotateLeft(a, 14);
    return (c ^ b) - Integer.rotateLeft(b, 24);
  }
}
