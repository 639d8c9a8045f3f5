package org.pinholed.agent.pinhole;

import java.util.List;

/**
 * How much of a change of pinholes was done before a backend refused the rest: the first elements
 * of each list. A change of hundreds of pinholes takes several transactions, and each of them is
 * done or not.
 *
 * @param closed how many of those that were to be shut are shut, 0 or more
 * @param opened how many of those that were to be opened or renewed stand, 0 or more
 * @param held how many of the rewritten directions are treated so, 0 or more
 * @param unused those of the shut ones that certainly stood until then
 */
public record Applied(int closed, int opened, int held, List<Pinhole> unused) {
  /** Nothing was done. */
  public static final Applied NOTHING = new Applied(0, 0, 0, List.of());

  /** Copies the list. */
  public Applied {
    unused = List.copyOf(unused);
  }
}
