package org.pinholed.agent.pinhole;

import org.pinholed.helper.Ranges;

/**
 * Ports that leases are given for as a whole. A backend knows them beforehand ({@link
 * PinholeBackend#install}): each is one rule in the kernel, however many leases there are.
 *
 * @param first the lowest, 1..65535
 * @param last the highest, first..65535
 */
public record PortRange(int first, int last) {
  /** Refuses what is no range. */
  public PortRange {
    Ranges.require("first", first, 1, 65535);
    Ranges.require("last", last, first, 65535);
  }

  @Override
  public String toString() {
    return first + "-" + last;
  }
}
