package org.pinholed.agent.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.doctor.FirewallRule.Action;
import org.pinholed.agent.doctor.FirewallRule.Condition;

/**
 * Reads the output of {@code nft -j list ruleset} (libnftables-json(5)).
 *
 * <p>Pure. A statement that is not known makes its rule uncertain, never wrong.
 */
final class NftRulesets {
  private static final Condition UNTOLD = packet -> Truth.MAYBE;
  private static final List<String> FLAGS =
      List.of("fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr");

  private final int childBit;
  private final Predicate<String> isDevice;
  private final Map<String, Ruleset> rulesets = new LinkedHashMap<>();
  private final Map<String, List<?>> verdictMaps = new LinkedHashMap<>();
  private final Map<String, String> helperTypes = new LinkedHashMap<>();

  private NftRulesets(int childBit, Predicate<String> isDevice) {
    this.childBit = childBit;
    this.isDevice = isDevice;
  }

  /**
   * Reads a ruleset.
   *
   * @param json output of {@code nft -j list ruleset}
   * @param childBit the agent's child bit of the conntrack mark
   * @param isDevice whether a network device of this name can forward packets
   * @return one ruleset for each table, by family and name
   * @throws IOException if the text is not such output
   */
  static Map<String, Ruleset> read(String json, int childBit, Predicate<String> isDevice)
      throws IOException {
    if (!(ControlJson.readValue(json) instanceof JsonFields root)) {
      throw new IOException("nft: not a JSON object");
    }
    NftRulesets reader = new NftRulesets(childBit, isDevice);
    // sets may be listed behind the rules that use them
    for (Object element : root.list("nftables")) {
      if (element instanceof JsonFields item) {
        reader.takeObject(item);
      }
    }
    for (Object element : root.list("nftables")) {
      if (element instanceof JsonFields item && item.value("rule") instanceof JsonFields rule) {
        reader.takeRule(rule);
      }
    }
    return reader.rulesets;
  }

  private void takeObject(JsonFields item) {
    JsonFields chain = item.object("chain");
    if (!chain.names().isEmpty()) {
      Ruleset table = table(chain);
      table.chains().put(chain.text("name"), new ArrayList<>());
      if (!chain.text("hook").isEmpty()) {
        table
            .entries()
            .add(
                new Ruleset.Entry(
                    chain.text("name"),
                    chain.text("hook").toLowerCase(Locale.ROOT),
                    (int) chain.number("prio"),
                    !chain.text("policy").equals("drop"),
                    families(chain.text("family"))));
      }
    } else if (item.value("table") instanceof JsonFields table) {
      ruleset(table.text("family") + " " + table.text("name"));
    } else if (item.value("map") instanceof JsonFields map) {
      verdictMaps.put(inTable(map, map.text("name")), map.list("elem"));
    } else if (item.value("ct helper") instanceof JsonFields helper) {
      helperTypes.put(inTable(helper, helper.text("name")), helper.text("type"));
    }
  }

  private void takeRule(JsonFields rule) {
    Ruleset table = table(rule);
    String text =
        rule.text("family")
            + " "
            + rule.text("table")
            + " "
            + rule.text("chain")
            + " handle "
            + rule.text("handle");
    List<FirewallRule> rules =
        table.chains().computeIfAbsent(rule.text("chain"), name -> new ArrayList<>());
    List<Condition> conditions = new ArrayList<>();
    boolean asksMark = false;
    for (Object element : rule.list("expr")) {
      if (!(element instanceof JsonFields statement)) {
        conditions.add(UNTOLD);
        continue;
      }
      for (String word : statement.names()) {
        JsonFields body = statement.object(word);
        if (word.equals("match")) {
          notePorts(table, body);
          conditions.add(match(body));
          asksMark |= asksMark(body);
        } else if (word.equals("vmap")) {
          for (Object pair : mapElements(rule, body)) {
            verdictOfMap(text, conditions, asksMark, body, pair, rules);
          }
        } else {
          Condition hidden = hiddenCondition(word);
          if (hidden != null) {
            conditions.add(hidden);
          } else {
            rules.add(
                new FirewallRule(
                    text,
                    List.copyOf(conditions),
                    action(word, body, statement),
                    target(rule, word, body, statement),
                    asksMark));
          }
        }
      }
    }
  }

  // ---- statements ----------------------------------------------------------------------------

  private static Action action(String word, JsonFields body, JsonFields statement) {
    return switch (word) {
      case "accept" -> Action.ACCEPT;
      case "drop", "reject", "tproxy" -> Action.DROP;
      case "queue" -> Action.QUEUE;
      case "jump" -> Action.JUMP;
      case "goto" -> Action.GOTO;
      case "return" -> Action.RETURN;
      case "ct helper" -> Action.ASSIGN_HELPER;
      case "mangle" -> writtenMark(body.value("key"), body.value("value"));
      case "notrack" -> Action.UNTRACK;
      case "dnat", "redirect" -> Action.TRANSLATE;
      case "xt" -> xtTarget(statement.object("xt").text("name"));
      default -> Action.NOTHING;
    };
  }

  private String target(JsonFields rule, String word, JsonFields body, JsonFields statement) {
    if (word.equals("ct helper")) {
      String name = statement.text(word);
      return helperTypes.getOrDefault(inTable(rule, name), name);
    }
    return body.text("target");
  }

  private static Action writtenMark(@Nullable Object key, @Nullable Object value) {
    if (isCtMark(key)) {
      if (isPacketMark(value)) {
        return Action.MARK_FROM_PACKET;
      }
      return forgetsMark(value) ? Action.OVERWRITE_MARK : Action.NOTHING;
    }
    if (isPacketMark(key)) {
      return isCtMark(value) ? Action.PACKET_FROM_MARK : Action.SET_PACKET_MARK;
    }
    return Action.NOTHING;
  }

  // conditions that nft does not write as a match
  private static @Nullable Condition hiddenCondition(String word) {
    return switch (word) {
      case "limit", "quota", "ct count", "last", "socket" -> UNTOLD;
      default -> null;
    };
  }

  private static Action xtTarget(String name) {
    return switch (name) {
      case "REJECT", "DROP" -> Action.DROP;
      case "NFQUEUE" -> Action.QUEUE;
      case "DNAT", "REDIRECT" -> Action.TRANSLATE;
      default -> Action.NOTHING;
    };
  }

  private void verdictOfMap(
      String text,
      List<Condition> conditions,
      boolean asksMark,
      JsonFields vmap,
      Object pair,
      List<FirewallRule> rules) {
    if (!(pair instanceof List<?> two)
        || two.size() != 2
        || !(two.get(1) instanceof JsonFields verdict)) {
      return;
    }
    JsonFields match =
        new JsonFields().with("op", "==").with("left", vmap.value("key")).with("right", two.get(0));
    for (String word : verdict.names()) {
      List<Condition> all = new ArrayList<>(conditions);
      all.add(match(match));
      rules.add(
          new FirewallRule(
              text,
              all,
              action(word, verdict.object(word), verdict),
              verdict.object(word).text("target"),
              asksMark || isMarkKey(vmap.value("key"))));
    }
  }

  private List<?> mapElements(JsonFields rule, JsonFields vmap) {
    Object data = vmap.value("data");
    if (data instanceof JsonFields fields) {
      return fields.list("set");
    }
    String name = String.valueOf(data);
    return name.startsWith("@")
        ? verdictMaps.getOrDefault(inTable(rule, name.substring(1)), List.of())
        : List.of();
  }

  // ---- matches -------------------------------------------------------------------------------

  private Condition match(JsonFields match) {
    Object left = match.value("left");
    Object right = match.value("right");
    String op = match.text("op");
    if (left == null || right == null) {
      return UNTOLD;
    }
    if (op.equals("!=")) {
      Condition equal = equal(left, right, "==");
      return packet -> equal.test(packet).negated();
    }
    return equal(left, right, op);
  }

  private Condition equal(Object left, Object right, String op) {
    if (isMarkKey(left)) {
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
    if (meta.text("key").equals("l4proto")) {
      return packet -> any(right, (value, unused) -> isTcp(value));
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
                  : field.equals("protocol") ? any(right, (v, unused) -> isTcp(v)) : Truth.MAYBE;
      case "ip6" ->
          packet ->
              packet.family() == 4
                  ? Truth.NO
                  : field.equals("nexthdr") ? any(right, (v, unused) -> isTcp(v)) : Truth.MAYBE;
      case "tcp", "th" ->
          // of an established connection a packet of the reply has the ports the other way round
          packet -> field.equals("dport") && packet.isNew() ? port(packet, right, op) : Truth.MAYBE;
      case "udp", "icmp", "icmpv6", "sctp", "dccp", "esp", "ah", "comp", "udplite", "igmp" ->
          packet -> Truth.NO;
      default -> UNTOLD;
    };
  }

  private static Truth port(ImaginedPacket packet, Object right, String op) {
    return switch (op) {
      case ">=" -> right instanceof Long low ? packet.portWithin(low, 65535) : Truth.MAYBE;
      case ">" -> right instanceof Long low ? packet.portWithin(low + 1, 65535) : Truth.MAYBE;
      case "<=" -> right instanceof Long high ? packet.portWithin(0, high) : Truth.MAYBE;
      case "<" -> right instanceof Long high ? packet.portWithin(0, high - 1) : Truth.MAYBE;
      default -> any(right, (low, high) -> portRange(packet, low, high));
    };
  }

  private static Truth portRange(ImaginedPacket packet, Object low, Object high) {
    return low instanceof Long first && high instanceof Long last
        ? packet.portWithin(first, last)
        : Truth.MAYBE;
  }

  private static Condition markCondition(Object left, Object right, String op) {
    int mask = mask(left);
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

  private static Truth isTcp(Object value) {
    return Truth.of(value.equals("tcp") || value.equals(6L));
  }

  private static Truth isFamily(Object value, ImaginedPacket packet) {
    return Truth.of(
        value.equals(packet.family() == 4 ? "ipv4" : "ipv6")
            || value.equals(packet.family() == 4 ? "ip" : "ip6"));
  }

  /** All numbers that a rule compares destination ports with: where its answer may change. */
  private static void notePorts(Ruleset table, JsonFields match) {
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

  // ---- the mark ------------------------------------------------------------------------------

  private boolean asksMark(JsonFields match) {
    Object left = match.value("left");
    return left != null && isMarkKey(left) && (mask(left) & childBit) != 0;
  }

  private static boolean isMarkKey(@Nullable Object key) {
    if (isCtMark(key)) {
      return true;
    }
    return key instanceof JsonFields fields
        && fields.value("&") instanceof List<?> two
        && two.size() == 2
        && isCtMark(two.get(0))
        && two.get(1) instanceof Long;
  }

  private static int mask(Object key) {
    return key instanceof JsonFields fields
            && fields.value("&") instanceof List<?> two
            && two.size() == 2
            && two.get(1) instanceof Long mask
        ? mask.intValue()
        : -1;
  }

  private static boolean isPacketMark(@Nullable Object key) {
    return key instanceof JsonFields fields && fields.object("meta").text("key").equals("mark");
  }

  private static boolean isCtMark(@Nullable Object key) {
    return key instanceof JsonFields fields && fields.object("ct").text("key").equals("mark");
  }

  // a value that is not built from the old mark
  private static boolean forgetsMark(@Nullable Object value) {
    if (isCtMark(value)) {
      return false;
    }
    if (value instanceof List<?> list) {
      return list.stream().allMatch(NftRulesets::forgetsMark);
    }
    if (value instanceof JsonFields fields) {
      if (fields.value("map") != null) {
        return true;
      }
      return fields.names().stream().allMatch(name -> forgetsMark(fields.value(name)));
    }
    return true;
  }

  // ---- tables --------------------------------------------------------------------------------

  private Ruleset table(JsonFields object) {
    return ruleset(object.text("family") + " " + object.text("table"));
  }

  private Ruleset ruleset(String name) {
    return rulesets.computeIfAbsent(name, key -> new Ruleset("nftables", key));
  }

  private static String inTable(JsonFields object, String name) {
    return object.text("family") + " " + object.text("table") + " " + name;
  }

  private static List<Integer> families(String family) {
    return switch (family) {
      case "ip" -> List.of(4);
      case "ip6" -> List.of(6);
      case "inet" -> List.of(4, 6);
      default -> List.of(); // bridge, arp and netdev are no part of the way of a routed packet
    };
  }
}
