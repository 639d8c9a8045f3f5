package org.pinholed.helper.dcerpc.pdu;

import java.util.Arrays;

/** The types of PDUs that are read (C706 12.6.3.2); the same numbers in both versions. */
public enum PduType {
  /** A call of the client. */
  REQUEST(0),
  /** What the call returns. */
  RESPONSE(2),
  /** The call failed. */
  FAULT(3),
  /** The server does not take the call (version 4). */
  REJECT(6),
  /** Begins an association. */
  BIND(11),
  /** Answers it. */
  BIND_ACK(12),
  /** Refuses it. */
  BIND_NAK(13),
  /** Adds contexts. */
  ALTER_CONTEXT(14),
  /** Answers it. */
  ALTER_CONTEXT_RESP(15),
  /** The client gave up a call, and does not wait for its reply. */
  ORPHANED(19),
  /** Anything else, which passes unread. */
  OTHER(-1);

  private static final PduType[] BY_NUMBER = new PduType[20];

  static {
    Arrays.fill(BY_NUMBER, OTHER);
    for (PduType type : values()) {
      if (type != OTHER) {
        BY_NUMBER[type.number] = type;
      }
    }
  }

  private final int number;

  PduType(int number) {
    this.number = number;
  }

  /**
   * The type of a number.
   *
   * @param number 0..255
   * @return {@link #OTHER} for those that are not read
   */
  public static PduType of(int number) {
    return number < BY_NUMBER.length ? BY_NUMBER[number] : OTHER;
  }
}
