package org.pinholed.helper.stream;

import org.pinholed.helper.Reason;

/** Why the bytes of a flow cannot be read in order any more. */
public enum StreamReason implements Reason {
  /** Two copies of the same bytes differ, so nobody knows which one the receiver took. */
  CONFLICT(Kind.MALFORMED, "a retransmitted segment differs from its first copy"),
  /** The receiver acknowledged bytes that never came by here. */
  GAP(Kind.OPAQUE, "the receiver acknowledged bytes that were not seen here"),
  /** A message that does not end filled the buffer. */
  OVERFLOW(Kind.MALFORMED, "an unfinished message is longer than the stream buffer"),
  /** The memory for what all flows keep is spent, and this flow was the first to give way. */
  BUFFER_BUDGET(
      Kind.OPAQUE,
      "limits.bufferedBytes is spent, and this is the largest flow of the client that holds most");

  private final Kind kind;
  private final String explanation;

  StreamReason(Kind kind, String explanation) {
    this.kind = kind;
    this.explanation = explanation;
  }

  @Override
  public Kind kind() {
    return kind;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
