package org.pinholed.helper.dcerpc.pdu;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * The results of a bind_ack or alter_context_resp (C706 12.6.4.4), one after the other. Not
 * thread-safe; re-used by {@link #wrap}.
 */
public final class BindResultView {
  private static final int ADDRESS_AT = 24;
  private static final int RESULT_BYTES = 24;

  private PduView pdu = new PduView();
  private int at;
  private int left;

  /** Makes a view of nothing. */
  public BindResultView() {}

  /**
   * Begins before the first result.
   *
   * @param ack an answer that is there as a whole
   * @return how many results it says that it has; -1 if it is too short to say it
   */
  public int wrap(PduView ack) {
    pdu = ack;
    left = 0;
    if (ack.bodyEnd() < ADDRESS_AT + 2) {
      return -1;
    }
    int behindAddress = ADDRESS_AT + 2 + ack.u16(ADDRESS_AT);
    int countAt = behindAddress + (-behindAddress & 3);
    if (countAt + 4 > ack.bodyEnd()) {
      return -1;
    }
    left = ack.u8(countAt);
    at = countAt + 4 - RESULT_BYTES;
    return left;
  }

  /**
   * Goes to the next result.
   *
   * @return false behind the last one, or if the next one is not there as a whole
   */
  public boolean next() {
    at += RESULT_BYTES;
    return left-- > 0 && at + RESULT_BYTES <= pdu.bodyEnd();
  }

  /**
   * Whether the context was accepted.
   *
   * @return true for 0; a rejection and an answer to an offer of features are none
   */
  public boolean isAccepted() {
    return pdu.u16(at) == 0;
  }

  /**
   * In which transfer syntax.
   *
   * @return null if it is none that can be read
   */
  public @Nullable Syntax syntax() {
    return Syntax.of(pdu.uuidHigh(at + 4), pdu.uuidLow(at + 4), pdu.u32(at + 20));
  }
}
