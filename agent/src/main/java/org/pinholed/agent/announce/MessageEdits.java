package org.pinholed.agent.announce;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.helper.Direction;

/** What a helper wants to have changed in the packet that is being read. */
public interface MessageEdits {
  /** Begins a packet. */
  void begin();

  /**
   * Tells whether a message may be changed.
   *
   * @param flow its flow
   * @param direction its direction
   * @param streamOffset where in the stream it would be changed
   * @return why it must not be; null if it may
   */
  @Nullable AgentReason refusal(Flow flow, Direction direction, long streamOffset);

  /**
   * Plans an edit of the message that is being read.
   *
   * @param flow its flow
   * @param direction its direction
   * @param streamOffset where in the stream the old text begins
   * @param lengthBytes how long the old text is
   * @param replacement the new text
   * @return false if the flow is not translated
   */
  boolean plan(
      Flow flow, Direction direction, long streamOffset, int lengthBytes, byte[] replacement);

  /**
   * Notes that the last message of the packet goes on in the next one and may be changed.
   *
   * @param flow its flow
   * @param direction its direction
   * @param streamOffset where in the stream the message begins
   */
  void incomplete(Flow flow, Direction direction, long streamOffset);
}
