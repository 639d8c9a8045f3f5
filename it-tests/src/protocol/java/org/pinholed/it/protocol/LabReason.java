package org.pinholed.it.protocol;

import org.pinholed.helper.Reason;

/** What a message may have the helper report; {@link #BAD_COMMAND} is the one it finds itself. */
enum LabReason implements Reason {
  REFUSED_ON_REQUEST(Kind.REFUSED, "the message asks to be refused"),
  MALFORMED_ON_REQUEST(Kind.MALFORMED, "the message asks to be taken for malformed"),
  PART_OPAQUE_ON_REQUEST(Kind.PART_OPAQUE, "the message asks to be taken for encrypted"),
  OPAQUE_ON_REQUEST(Kind.OPAQUE, "the message asks that nothing is read any more"),
  CUT_ON_REQUEST(Kind.REFUSED, "the message asks to be cut off"),
  BAD_COMMAND(Kind.MALFORMED, "not a command of the protocol");

  private final Kind kind;
  private final String explanation;

  LabReason(Kind kind, String explanation) {
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
