package org.pinholed.agent.metrics;

import org.pinholed.helper.Reason;

/** A reason of each kind. */
enum SampleReason implements Reason {
  PORT_BELOW_1024(Kind.REFUSED),
  LINE_TOO_LONG(Kind.MALFORMED),
  SEALED_CALL(Kind.PART_OPAQUE),
  TLS_HELLO(Kind.OPAQUE);

  private final Kind kind;

  SampleReason(Kind kind) {
    this.kind = kind;
  }

  @Override
  public Kind kind() {
    return kind;
  }

  @Override
  public String explanation() {
    return "";
  }
}
