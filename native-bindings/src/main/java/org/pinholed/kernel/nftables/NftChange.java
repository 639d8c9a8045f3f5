package org.pinholed.kernel.nftables;

import java.util.Set;

/**
 * Somebody else's transaction that touched the watched table.
 *
 * @param portId address of the socket that did it
 * @param processId of the process that did it, as the kernel says; 0 if it did not say
 * @param processName of that process, at most 16 characters; empty if it did not say
 * @param tableRemoved whether the whole table went
 * @param parts what was added or removed
 */
public record NftChange(
    int portId, int processId, String processName, boolean tableRemoved, Set<Part> parts) {
  /** Copies, so that it does not change. */
  public NftChange {
    parts = Set.copyOf(parts);
  }

  /** A part of a table. */
  public enum Part {
    /** The table itself. */
    TABLE,
    /** A chain. */
    CHAIN,
    /** A rule. */
    RULE,
    /** A set or map. */
    SET,
    /** An element of one. */
    ELEMENT,
    /** A stateful object or a flowtable. */
    OBJECT
  }
}
