package org.pinholed.agent.operate.doctor;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.FirewallRule.Condition;

/** The matches of nft's rules, as conditions on an imagined packet. Immutable. */
final class NftMatches {
  /** What cannot be told of an imagined packet. */
  static final Condition UNTOLD = packet -> Truth.MAYBE;

  private static final List<String> FLAGS =
      List.of("fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr");

  private final int childBit;
  private final Predicate<String> isDevice;

  /**
   * For one machine.
   *
   * @param childBit the agent's child bit of the conntrack mark
   * @param isDevice whether a network device of this name can forward packets
   */
  NftMatches(int childBit, Predicate<String> isDevice) {
    this.childBit = childBit;
    this.isDevice = isDevice;
  }

  /** What a match asks of a packet. */
  Condition of(JsonFields match) {
    Object left = match.value("left");
    Object right = match.value("right");
    String op = match.text("op");
    if (left == null || right == null) {
      return UNTOLD;
    }
    if (op.equals("!=")) {
      Condition equal = equal(left, right, "==");
      // without a conntrack there is no mark, and no rule that asks for it fits
      return NftMarks.isMarkKey(left)
          ? packet -> packet.isTracked() ? equal.test(packet).negated() : Truth.NO
          : packet -> equal.test(packet).negated();
    }
    return equal(left, right, op);
  }

  private Condition equal(Object left, Object right, String op) {
    if (NftMarks.isMarkKey(left)) {
      return markCondition(left, right, op);
    }
    if (!(left instanceof JsonFields fields)) {
      return UNTOLD;
    }
    JsonFields ct = fields.object("ct");
    JsonFields meta = fields.object("meta");
    JsonFields payload = fields.object("payload");
    if (ct.text("key").equals("state")) {
      return packet -> any(right, (value, unused) -> Truth.of(value.equals(packet.state().word())));
    }
    if (ct.text("key").equals("status")) {
      // firewalld lets all that it has translated pass by this; without translation it is nothing
      return packet ->
          any(
              right,
              (value, unused) ->
                  value.equals("dnat") && !packet.translated() ? Truth.NO : Truth.MAYBE);
    }
    if (meta.text("key").equals("l4proto")) {
      return packet -> any(right, (value, unused) -> packet.isOf(value));
    }
    if (meta.text("key").equals("nfproto") || meta.text("key").equals("protocol")) {
      return packet -> any(right, (value, unused) -> isFamily(value, packet));
    }
    if (meta.text("key").equals("iifname")
        || meta.text("key").equals("oifname")
        || meta.text("key").equals("iif")
        || meta.text("key").equals("oif")) {
      return packet -> any(right, (name, unused) -> device(name));
    }
    if (!payload.names().isEmpty()) {
      return payloadCondition(payload, right, op);
    }
    Condition flags = flagsCondition(fields, right);
    return flags == null ? UNTOLD : flags;
  }

  // which of the devices a packet comes or goes by is not known, but no packet does by a missing
  // one
  private Truth device(Object name) {
    return name instanceof String text && !isDevice.test(text) ? Truth.NO : Truth.MAYBE;
  }

  /** As in {@code tcp flags & (syn | ack) == syn}. */
  private static @Nullable Condition flagsCondition(JsonFields left, Object right) {
    if (left.value("&") instanceof List<?> two
        && two.size() == 2
        && two.get(0) instanceof JsonFields field
        && field.object("payload").text("field").equals("flags")) {
      int mask = flags(two.get(1));
      int value = flags(right);
      return mask < 0 || value < 0 ? null : packet -> packet.flagsEqual(mask, value);
    }
    return null;
  }

  /** The bits of names of flags (RFC 9293); -1 if one is not known. */
  private static int flags(@Nullable Object names) {
    if (names instanceof JsonFields fields) {
      return flags(fields.value("|"));
    }
    if (names instanceof List<?> list) {
      int bits = 0;
      for (Object name : list) {
        int bit = flags(name);
        if (bit < 0) {
          return -1;
        }
        bits |= bit;
      }
      return bits;
    }
    int at = names instanceof String name ? FLAGS.indexOf(name) : -1;
    return at < 0 ? -1 : 1 << at;
  }

  private static Condition payloadCondition(JsonFields payload, Object right, String op) {
    String field = payload.text("field");
    return switch (payload.text("protocol")) {
      case "ip" ->
          packet ->
              packet.family() == 6
                  ? Truth.NO
                  : field.equals("protocol")
                      ? any(right, (v, unused) -> packet.isOf(v))
                      : Truth.MAYBE;
      case "ip6" ->
          packet ->
              packet.family() == 4
                  ? Truth.NO
                  : field.equals("nexthdr")
                      ? any(right, (v, unused) -> packet.isOf(v))
                      : Truth.MAYBE;
      case "th" -> packet -> ports(packet, field, right, op);
      case "tcp", "udp" ->
          packet ->
              packet.isOf(payload.text("protocol")) == Truth.NO
                  ? Truth.NO
                  : ports(packet, field, right, op);
      case "icmp", "icmpv6", "sctp", "dccp", "esp", "ah", "comp", "udplite", "igmp" ->
          packet -> Truth.NO;
      default -> UNTOLD;
    };
  }

  private static Truth ports(ImaginedPacket packet, String field, Object right, String op) {
    return switch (field) {
      case "dport" -> port(packet::portWithin, right, op);
      case "sport" -> port(packet::sourceWithin, right, op);
      default -> Truth.MAYBE;
    };
  }

  /** Whether a port is within a range. */
  private interface PortTest {
    Truth within(long low, long high);
  }

  private static Truth port(PortTest port, Object right, String op) {
    return switch (op) {
      case ">=" -> right instanceof Long low ? port.within(low, 65535) : Truth.MAYBE;
      case ">" -> right instanceof Long low ? port.within(low + 1, 65535) : Truth.MAYBE;
      case "<=" -> right instanceof Long high ? port.within(0, high) : Truth.MAYBE;
      case "<" -> right instanceof Long high ? port.within(0, high - 1) : Truth.MAYBE;
      default -> any(right, (low, high) -> portRange(port, low, high));
    };
  }

  private static Truth portRange(PortTest port, Object low, Object high) {
    return low instanceof Long first && high instanceof Long last
        ? port.within(first, last)
        : Truth.MAYBE;
  }

  private static Condition markCondition(Object left, Object right, String op) {
    int mask = NftMarks.mask(left);
    return packet ->
        switch (op) {
          case "in" ->
              any(
                  right,
                  (value, unused) ->
                      value instanceof Long bits
                          ? packet.markEquals(mask & bits.intValue(), 0).negated()
                          : Truth.MAYBE);
          case ">=" -> within(packet, mask, right, 0, Long.MAX_VALUE, true);
          case ">" -> within(packet, mask, right, 1, Long.MAX_VALUE, true);
          case "<=" -> within(packet, mask, right, 0, 0, false);
          case "<" -> within(packet, mask, right, -1, 0, false);
          default ->
              any(
                  right,
                  (low, high) ->
                      low instanceof Long first && high instanceof Long last
                          ? first.equals(last)
                              ? packet.markEquals(mask, first.intValue())
                              : packet.markWithin(mask, first, last)
                          : Truth.MAYBE);
        };
  }

  private static Truth within(
      ImaginedPacket packet, int mask, Object right, int shift, long end, boolean fromBelow) {
    if (!(right instanceof Long number)) {
      return Truth.MAYBE;
    }
    return fromBelow
        ? packet.markWithin(mask, number + shift, end)
        : packet.markWithin(mask, 0, number + shift);
  }

  // whether any of a value, a list, a set or a range fits
  private static Truth any(Object right, BiFunction<Object, Object, Truth> fits) {
    if (right instanceof List<?> list) {
      Truth best = Truth.NO;
      for (Object value : list) {
        Truth one = any(value, fits);
        if (one == Truth.YES) {
          return one;
        }
        best = one == Truth.MAYBE ? one : best;
      }
      return best;
    }
    if (right instanceof JsonFields fields) {
      if (fields.value("set") != null) {
        return any(fields.list("set"), fits);
      }
      if (fields.value("elem") instanceof JsonFields element) {
        Object value = element.value("val");
        return value == null ? Truth.MAYBE : any(value, fits);
      }
      List<?> range = fields.list("range");
      return range.size() == 2 ? fits.apply(range.get(0), range.get(1)) : Truth.MAYBE;
    }
    if (right instanceof String name && name.startsWith("@")) {
      return Truth.MAYBE; // a named set changes by the minute
    }
    if (right.equals("*")) {
      return Truth.YES; // the element of a map that fits everything
    }
    return fits.apply(right, right);
  }

  private static Truth isFamily(Object value, ImaginedPacket packet) {
    return Truth.of(
        value.equals(packet.family() == 4 ? "ipv4" : "ipv6")
            || value.equals(packet.family() == 4 ? "ip" : "ip6"));
  }

  /** All numbers that a rule compares destination ports with: where its answer may change. */
  static void notePorts(Ruleset table, JsonFields match) {
    if (match.value("left") instanceof JsonFields left
        && left.object("payload").text("field").equals("dport")
        && match.value("right") != null) {
      any(
          match.value("right"),
          (low, high) -> {
            for (Object end : List.of(low, high)) {
              if (end instanceof Long port) {
                table.ports().add(port.intValue());
              }
            }
            return Truth.NO; // so that all are visited
          });
    }
  }

  /** Whether a match asks for the child bit. */
  boolean asksMark(JsonFields match) {
    Object left = match.value("left");
    return left != null && NftMarks.isMarkKey(left) && (NftMarks.mask(left) & childBit) != 0;
  }
}
