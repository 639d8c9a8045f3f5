package org.pinholed.agent.operate.doctor;

/** Whether a condition of a firewall rule holds for a packet of which not everything is known. */
enum Truth {
  /** Holds for every such packet. */
  YES,
  /** Holds for none. */
  NO,
  /** Holds for some, or it cannot be told. */
  MAYBE;

  static Truth of(boolean known) {
    return known ? YES : NO;
  }

  Truth negated() {
    return switch (this) {
      case YES -> NO;
      case NO -> YES;
      case MAYBE -> MAYBE;
    };
  }
}
