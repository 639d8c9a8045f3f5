package org.pinholed.agent.path;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.MessageEdits;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Transport;

/** The edits of whatever a flow consists of: segments of a stream, or datagrams. */
public final class EditsByTransport implements MessageEdits {
  private final MessageEdits ofStreams;
  private final MessageEdits ofDatagrams;

  /**
   * Makes it.
   *
   * @param ofStreams edits of TCP
   * @param ofDatagrams edits of UDP
   */
  public EditsByTransport(MessageEdits ofStreams, MessageEdits ofDatagrams) {
    this.ofStreams = ofStreams;
    this.ofDatagrams = ofDatagrams;
  }

  private MessageEdits of(Flow flow) {
    return flow.facts().transport() == Transport.TCP ? ofStreams : ofDatagrams;
  }

  @Override
  public void begin() {
    ofStreams.begin();
    ofDatagrams.begin();
  }

  @Override
  public @Nullable AgentReason refusal(Flow flow, Direction direction, long streamOffset) {
    return of(flow).refusal(flow, direction, streamOffset);
  }

  @Override
  public boolean plan(
      Flow flow, Direction direction, long streamOffset, int lengthBytes, byte[] replacement) {
    return of(flow).plan(flow, direction, streamOffset, lengthBytes, replacement);
  }

  @Override
  public void incomplete(Flow flow, Direction direction, long streamOffset) {
    of(flow).incomplete(flow, direction, streamOffset);
  }
}
