package org.pinholed.agent.nat;

import java.util.List;

/**
 * What another process needs to go on with one direction of a translated flow. The kernel knows the
 * rest, which is how it shifts sequence numbers.
 *
 * @param released sequence number of the first byte that never passed, 0..2^32-1
 * @param made what was replaced, the oldest first
 * @param planned what is to be replaced, in order
 */
public record TranslatedState(long released, List<Group> made, List<Edit> planned) {
  /**
   * Bytes that are replaced.
   *
   * @param from sequence number of the first one, 0..2^32-1
   * @param lengthBytes how many
   * @param replacement what comes instead, one character of Latin-1 for each byte
   */
  public record Edit(long from, int lengthBytes, String replacement) {}

  /**
   * What was replaced together.
   *
   * @param acknowledged whether the receiver has it
   * @param edits the replacements
   */
  public record Group(boolean acknowledged, List<Edit> edits) {}
}
