package org.pinholed.it.lab;

/**
 * What the two links of a laboratory are made of.
 *
 * @param carried whether a program carries the frames ({@code lab/wire.py}) and no veth pair does:
 *     then nothing is offloaded, and the checksums that a capture shows are those on the wire
 * @param lossPercent how many TCP packets are lost, 0..100; needs {@code carried}
 * @param latePercent how many TCP packets arrive after those that were sent after them, 0..100;
 *     needs {@code carried}
 */
public record Links(boolean carried, int lossPercent, int latePercent) {
  /** Veth pairs: the fastest links there are. */
  public static final Links VETH = new Links(false, 0, 0);

  /** Carried frame by frame, none lost. */
  public static final Links WIRE = new Links(true, 0, 0);

  /** Both links lose 5 % and reorder 10 % of what goes over them. */
  public static final Links BAD = new Links(true, 5, 10);

  /** Checks the values. */
  public Links {
    if (lossPercent < 0 || lossPercent > 100 || latePercent < 0 || latePercent > 100) {
      throw new IllegalArgumentException(
          "loss and late: " + lossPercent + ", " + latePercent + " (expected: 0..100)");
    }
    if (!carried && lossPercent + latePercent > 0) {
      throw new IllegalArgumentException("a veth pair neither loses nor reorders");
    }
  }
}
