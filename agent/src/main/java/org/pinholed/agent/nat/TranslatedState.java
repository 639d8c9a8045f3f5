package org.pinholed.agent.nat;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What another process needs to go on with one direction of a translated flow. The kernel knows the
 * rest, which is how it shifts sequence numbers.
 *
 * @param released sequence number of the first byte that never passed, 0..2^32-1
 * @param made what was replaced, the oldest first
 * @param planned what is to be replaced, in order
 * @param hold how longer messages are changed; null if there are none
 */
public record TranslatedState(
    long released, List<Group> made, List<Edit> planned, @Nullable Hold hold) {
  /** Stands for a sequence number that there is not. */
  public static final long NONE = -1;

  /**
   * How messages over several segments are changed.
   *
   * @param awaited where the unfinished message began for which segments are held, or {@link
   *     #NONE}. The packets wait in the queue and come again
   * @param passing where the unfinished message began that passes as it came, or {@link #NONE}
   * @param begun which message the edits that were made last are of, or {@link #NONE}
   * @param laid texts that the receiver may not have, and the last ones that it has, in order
   */
  public record Hold(long awaited, long passing, long begun, List<Laid> laid) {}

  /**
   * New text of a stretch of the stream.
   *
   * @param from sequence number of the first byte that it replaces, 0..2^32-1
   * @param to sequence number behind the last one
   * @param place sequence number where the length changes
   * @param growth by how many bytes
   * @param shiftAcknowledged whether the receiver has all before that place
   * @param text one character of Latin-1 for each byte; null if the receiver has all of it
   */
  public record Laid(
      long from,
      long to,
      long place,
      int growth,
      boolean shiftAcknowledged,
      @Nullable String text) {}

  /**
   * Bytes that are replaced.
   *
   * @param from sequence number of the first one, 0..2^32-1
   * @param lengthBytes how many
   * @param replacement what comes instead, one character of Latin-1 for each byte
   * @param message sequence number of the first byte of its message, 0..2^32-1
   */
  public record Edit(long from, int lengthBytes, String replacement, long message) {}

  /**
   * What was replaced together.
   *
   * @param acknowledged whether the receiver has it
   * @param edits the replacements
   */
  public record Group(boolean acknowledged, List<Edit> edits) {}
}
