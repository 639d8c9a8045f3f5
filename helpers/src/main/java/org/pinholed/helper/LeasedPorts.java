package org.pinholed.helper;

/**
 * Ports that a helper may lease as a whole ({@link ExpectationRequest#lastPort}). The kernel has a
 * rule for each such range, so it must be known before anything is announced.
 *
 * @param first the lowest, 1..65535
 * @param last the highest, first..65535
 */
public record LeasedPorts(int first, int last) {
  /** Refuses what is no range. */
  public LeasedPorts {
    Ranges.require("first", first, 1, 65535);
    Ranges.require("last", last, first, 65535);
  }
}
