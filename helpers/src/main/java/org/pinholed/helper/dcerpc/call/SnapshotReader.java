package org.pinholed.helper.dcerpc.call;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.words.Service;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * Reads what {@link SnapshotWriter} wrote, or anything else. What is no number, or none in its
 * range, gives 0 and makes {@link #ok()} false for good.
 */
final class SnapshotReader {
  private final String[] fields;
  private int next;
  private boolean ok = true;

  SnapshotReader(String text) {
    fields = text.split(",", -1);
  }

  boolean ok() {
    return ok;
  }

  /** Whether all of it was read, and was right. */
  boolean isWhole() {
    return ok && next == fields.length;
  }

  /** Any number of 64 bits. */
  long number() {
    if (next >= fields.length) {
      ok = false;
      return 0;
    }
    String field = fields[next++];
    try {
      long value = Long.parseUnsignedLong(field, 16);
      // One form for each number: what this process writes of it is what it read.
      if (Long.toHexString(value).equals(field)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    ok = false;
    return 0;
  }

  /** A number from 0 to the most. */
  int number(int most) {
    return (int) number((long) most);
  }

  /** A number from 0 to the most. */
  long number(long most) {
    long value = number();
    if (value < 0 || value > most) {
      ok = false;
      return 0;
    }
    return value;
  }

  /** A number of 32 bits. */
  int number32() {
    long value = number();
    if (value < 0 || value > 0xffff_ffffL) {
      ok = false;
      return 0;
    }
    return (int) value;
  }

  Syntax syntax() {
    int bit = number(Syntax.NDR64.bit());
    if (bit != Syntax.NDR.bit() && bit != Syntax.NDR64.bit()) {
      ok = false;
    }
    return bit == Syntax.NDR64.bit() ? Syntax.NDR64 : Syntax.NDR;
  }

  Service service() {
    Service service = serviceOrNone();
    if (service == null) {
      ok = false;
      return Service.ENDPOINT_MAPPER;
    }
    return service;
  }

  @Nullable Service serviceOrNone() {
    long high = number();
    long low = number();
    if (high == 0 && low == 0) {
      return null;
    }
    for (Service service : Service.values()) {
      if (service.high() == high && service.low() == low) {
        return service;
      }
    }
    ok = false;
    return null;
  }
}
