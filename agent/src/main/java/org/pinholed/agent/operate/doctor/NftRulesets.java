package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;
import org.pinholed.agent.operate.doctor.FirewallRule.Condition;

/**
 * Reads the output of {@code nft -j list ruleset} (libnftables-json(5)).
 *
 * <p>Pure. A statement that is not known makes its rule uncertain, never wrong.
 */
final class NftRulesets {
  private final NftMatches matches;
  private final Map<String, Ruleset> rulesets = new LinkedHashMap<>();
  private final Map<String, List<?>> verdictMaps = new LinkedHashMap<>();
  private final Map<String, String> helperTypes = new LinkedHashMap<>();

  private NftRulesets(NftMatches matches) {
    this.matches = matches;
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
    NftRulesets reader = new NftRulesets(new NftMatches(childBit, isDevice));
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
                    families(chain.text("family")),
                    devices(chain.value("dev"))));
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
        conditions.add(NftMatches.UNTOLD);
        continue;
      }
      for (String word : statement.names()) {
        JsonFields body = statement.object(word);
        if (word.equals("match")) {
          NftMatches.notePorts(table, body);
          conditions.add(matches.of(body));
          asksMark |= matches.asksMark(body);
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
    return word.equals("queue") ? statement.object(word).text("num") : body.text("target");
  }

  private static Action writtenMark(@Nullable Object key, @Nullable Object value) {
    if (NftMarks.isZone(key)) {
      return Action.SET_ZONE;
    }
    if (NftMarks.isCtMark(key)) {
      if (NftMarks.isPacketMark(value)) {
        return Action.MARK_FROM_PACKET;
      }
      return NftMarks.forgetsMark(value) ? Action.OVERWRITE_MARK : Action.NOTHING;
    }
    if (NftMarks.isPacketMark(key)) {
      return NftMarks.isCtMark(value) ? Action.PACKET_FROM_MARK : Action.SET_PACKET_MARK;
    }
    return Action.NOTHING;
  }

  // conditions that nft does not write as a match
  private static @Nullable Condition hiddenCondition(String word) {
    return switch (word) {
      case "limit", "quota", "ct count", "last", "socket" -> NftMatches.UNTOLD;
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
      all.add(matches.of(match));
      rules.add(
          new FirewallRule(
              text,
              all,
              action(word, verdict.object(word), verdict),
              verdict.object(word).text("target"),
              asksMark || NftMarks.isMarkKey(vmap.value("key"))));
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
      case "inet", "netdev" -> List.of(4, 6);
      default -> List.of(); // bridge and arp are no part of the way of a routed packet
    };
  }

  private static List<String> devices(@Nullable Object names) {
    if (names instanceof List<?> list) {
      return list.stream().map(Object::toString).toList();
    }
    return names instanceof String name ? List.of(name) : List.of();
  }
}
