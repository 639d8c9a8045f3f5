package org.pinholed.helper.dcerpc.activation;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * A DUALSTRINGARRAY (MS-DCOM 2.2.19): string bindings such as {@code 7 "srv[49700]" 0}, and behind
 * them security bindings, which are no addresses, whatever they look like.
 */
final class DualStringArray {
  private static final int TCP = 7;
  private static final int PORT_MAX = 65_535;
  private static final int UNIT_BYTES = 2;

  private DualStringArray() {}

  /**
   * Reads an array.
   *
   * @param stub before the count that stands before the structure; behind the array afterwards
   * @param base the position from which alignment counts here
   * @param ports takes each binding of TCP with a port; none if more is wrong than a port
   * @return why not all of it is read; null if it is
   */
  static @Nullable DceRpcReason read(StubReader stub, int base, AnnouncedPorts ports) {
    ports.clear();
    long maxCount = count(stub, base);
    int units = stub.u16();
    int securityOffset = stub.u16();
    if (!stub.ok()) {
      return DceRpcReason.STUB_TOO_SHORT;
    }
    if (maxCount != units || securityOffset > units || UNIT_BYTES * units > stub.remaining()) {
      return DceRpcReason.BAD_COUNT;
    }
    int start = stub.position();
    DceRpcReason reason = bindings(stub, start, start + UNIT_BYTES * securityOffset, ports);
    if (reason != null && reason != DceRpcReason.BAD_BINDING) {
      ports.clear();
    }
    stub.skip((long) UNIT_BYTES * units);
    return reason;
  }

  private static long count(StubReader stub, int base) {
    boolean isLong = stub.syntax() == Syntax.NDR64;
    stub.alignFrom(base, isLong ? Long.BYTES : Integer.BYTES);
    return isLong ? stub.u64() : stub.u32();
  }

  // An array without a string binding has no 0 that ends them either.
  private static @Nullable DceRpcReason bindings(
      StubReader stub, int start, int end, AnnouncedPorts ports) {
    DceRpcReason reason = null;
    int at = start;
    for (int read = 0; at < end; read++) {
      int tower = stub.unitAt(at);
      if (tower == 0) {
        return reason;
      }
      if (read == AnnouncedPorts.MOST) {
        return DceRpcReason.TOO_MANY_BINDINGS;
      }
      int text = at + UNIT_BYTES;
      int behind = text;
      while (behind < end && stub.unitAt(behind) != 0) {
        behind += UNIT_BYTES;
      }
      if (behind >= end) {
        return DceRpcReason.BAD_COUNT;
      }
      if (tower == TCP && !binding(stub, text, behind, ports)) {
        reason = DceRpcReason.BAD_BINDING;
      }
      at = behind + UNIT_BYTES;
    }
    return end == start ? null : DceRpcReason.BAD_COUNT;
  }

  // A host without a port names none, and is no error: resolvers are said so.
  private static boolean binding(StubReader stub, int text, int behind, AnnouncedPorts ports) {
    int last = behind - UNIT_BYTES;
    if (last < text || stub.unitAt(last) != ']') {
      return true;
    }
    int port = 0;
    int factor = 1;
    int at = last - UNIT_BYTES;
    for (; at >= text && stub.unitAt(at) != '['; at -= UNIT_BYTES) {
      int digit = stub.unitAt(at) - '0';
      if (digit < 0 || digit > 9 || factor > 10_000) {
        return false;
      }
      port += digit * factor;
      factor *= 10;
    }
    if (at < text || port < 1 || port > PORT_MAX) {
      return false;
    }
    ports.addBinding(port, text, (at - text) / UNIT_BYTES);
    return true;
  }
}
