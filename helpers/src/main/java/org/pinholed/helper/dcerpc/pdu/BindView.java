package org.pinholed.helper.dcerpc.pdu;

import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * The presentation contexts that a bind or alter_context offers (C706 12.6.4.3), one after the
 * other. Not thread-safe; re-used by {@link #wrap}.
 */
public final class BindView {
  private static final int COUNT_AT = 24;
  private static final int FIRST_AT = 28;

  /** Id, count, reserved, UUID and version. */
  private static final int ELEMENT_BYTES = 24;

  private static final int SYNTAX_BYTES = 20;

  private PduView pdu = new PduView();
  private int at;
  private int next;
  private int left;

  /** Makes a view of nothing. */
  public BindView() {}

  /**
   * Begins before the first element.
   *
   * @param bind a bind or alter_context that is there as a whole
   * @return how many elements it says that it has; -1 if it is too short to say it
   */
  public int wrap(PduView bind) {
    pdu = bind;
    next = FIRST_AT;
    left = bind.bodyEnd() < FIRST_AT ? 0 : bind.u8(COUNT_AT);
    return bind.bodyEnd() < FIRST_AT ? -1 : left;
  }

  /**
   * Goes to the next element.
   *
   * @return false behind the last one, or if the next one is not there as a whole
   */
  public boolean next() {
    at = next;
    if (left == 0 || at + ELEMENT_BYTES > pdu.bodyEnd()) {
      return false;
    }
    next = at + ELEMENT_BYTES + SYNTAX_BYTES * pdu.u8(at + 2);
    left--;
    return next <= pdu.bodyEnd();
  }

  /**
   * The context's number.
   *
   * @return 0..65535
   */
  public int id() {
    return pdu.u16(at);
  }

  /**
   * The first half of its interface.
   *
   * @return as {@link PduView#uuidHigh}
   */
  public long high() {
    return pdu.uuidHigh(at + 4);
  }

  /**
   * The other half.
   *
   * @return as {@link PduView#uuidLow}
   */
  public long low() {
    return pdu.uuidLow(at + 4);
  }

  /**
   * The major version of its interface.
   *
   * @return 0..65535
   */
  public int majorVersion() {
    return (int) (pdu.u32(at + 20) & 0xffff);
  }

  /**
   * The transfer syntaxes that are offered for it and can be read.
   *
   * @return their {@link Syntax#bit bits}
   */
  public int syntaxes() {
    int bits = 0;
    for (int place = at + ELEMENT_BYTES; place < next; place += SYNTAX_BYTES) {
      Syntax syntax = Syntax.of(pdu.uuidHigh(place), pdu.uuidLow(place), pdu.u32(place + 16));
      bits |= syntax == null ? 0 : syntax.bit();
    }
    return bits;
  }
}
