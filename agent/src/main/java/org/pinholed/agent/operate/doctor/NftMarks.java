package org.pinholed.agent.operate.doctor;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;

/** What expressions of nft say of marks. */
final class NftMarks {
  private NftMarks() {}

  /** Whether a key is the conntrack mark, or some of its bits. */
  static boolean isMarkKey(@Nullable Object key) {
    if (isCtMark(key)) {
      return true;
    }
    return key instanceof JsonFields fields
        && fields.value("&") instanceof List<?> two
        && two.size() == 2
        && isCtMark(two.get(0))
        && two.get(1) instanceof Long;
  }

  /** The bits that such a key has; all without a mask. */
  static int mask(Object key) {
    return key instanceof JsonFields fields
            && fields.value("&") instanceof List<?> two
            && two.size() == 2
            && two.get(1) instanceof Long mask
        ? mask.intValue()
        : -1;
  }

  /** Whether an expression is the mark of the packet. */
  static boolean isPacketMark(@Nullable Object key) {
    return key instanceof JsonFields fields && fields.object("meta").text("key").equals("mark");
  }

  /** Whether an expression is the whole conntrack mark. */
  static boolean isCtMark(@Nullable Object key) {
    return key instanceof JsonFields fields && fields.object("ct").text("key").equals("mark");
  }

  /** Whether an expression is the conntrack zone, of both directions or of one. */
  static boolean isZone(@Nullable Object key) {
    return key instanceof JsonFields fields && fields.object("ct").text("key").equals("zone");
  }

  /** Whether a value is not built from the old mark. */
  static boolean forgetsMark(@Nullable Object value) {
    if (isCtMark(value)) {
      return false;
    }
    if (value instanceof List<?> list) {
      return list.stream().allMatch(NftMarks::forgetsMark);
    }
    if (value instanceof JsonFields fields) {
      if (fields.value("map") != null) {
        return true;
      }
      return fields.names().stream().allMatch(name -> forgetsMark(fields.value(name)));
    }
    return true;
  }
}
