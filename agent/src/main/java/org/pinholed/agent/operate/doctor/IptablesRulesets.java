package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.operate.doctor.DoctorProbe.IptablesRules;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;
import org.pinholed.agent.operate.doctor.FirewallRule.Condition;

/**
 * Reads the output of {@code iptables-save} and {@code ip6tables-save}.
 *
 * <p>Pure. A match that is not known makes its rule uncertain, never wrong.
 */
final class IptablesRulesets {
  private static final Pattern WORD = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"|(\\S+)");
  private static final Set<String> HOOKS =
      Set.of("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING");
  private static final Condition UNTOLD = packet -> Truth.MAYBE;

  private IptablesRulesets() {}

  /**
   * Reads tables.
   *
   * @param rules what the tool wrote
   * @param family 4 or 6
   * @param childBit the agent's child bit of the conntrack mark
   * @param isDevice whether a network device of this name can forward packets
   * @return one ruleset for each table, by its name
   */
  static Map<String, Ruleset> read(
      IptablesRules rules, int family, int childBit, Predicate<String> isDevice) {
    Map<String, Ruleset> rulesets = new LinkedHashMap<>();
    Ruleset table = null;
    for (String line : rules.text().lines().toList()) {
      if (line.startsWith("*")) {
        String name = line.substring(1).strip();
        table = new Ruleset(rules.tool(), name);
        rulesets.put(name, table);
      } else if (table != null && line.startsWith(":")) {
        List<String> words = words(line.substring(1));
        if (words.size() >= 2) {
          takeChain(table, words.get(0), words.get(1), family);
        }
      } else if (table != null && line.startsWith("-A ")) {
        takeRule(table, line, childBit, isDevice);
      }
    }
    return rulesets;
  }

  private static void takeChain(Ruleset table, String name, String policy, int family) {
    table.chains().put(name, new ArrayList<>());
    if (HOOKS.contains(name)) {
      table
          .entries()
          .add(
              new Ruleset.Entry(
                  name,
                  name.toLowerCase(Locale.ROOT),
                  priority(table.name()),
                  policy.equals("ACCEPT"),
                  List.of(family),
                  List.of()));
    }
  }

  /** Of {@code linux/netfilter_ipv4.h}; nat is at -100 or 100, which makes no difference here. */
  private static int priority(String table) {
    return switch (table) {
      case "raw" -> -300;
      case "mangle" -> -150;
      case "nat" -> -100;
      case "security" -> 50;
      default -> 0;
    };
  }

  private static void takeRule(
      Ruleset table, String line, int childBit, Predicate<String> isDevice) {
    List<String> words = words(line);
    List<Condition> conditions = new ArrayList<>();
    boolean asksMark = false;
    Action action = Action.NOTHING;
    String target = "";
    boolean negated = false;
    String module = "";
    int i = 2;
    while (i < words.size()) {
      String word = words.get(i);
      String value = i + 1 < words.size() ? words.get(i + 1) : "";
      if (word.equals("!")) {
        negated = true;
        i++;
        continue;
      }
      if (word.equals("-j") || word.equals("-g")) {
        List<String> options = words.subList(Math.min(i + 2, words.size()), words.size());
        action = action(table, word.equals("-g"), value, options);
        target =
            switch (action) {
              case ASSIGN_HELPER -> after(options, "--helper");
              case QUEUE -> after(options, "--queue-num");
              default -> value;
            };
        break;
      }
      if (word.equals("-m")) {
        module = value;
        if (!HARMLESS_MATCHES.contains(value)) {
          conditions.add(UNTOLD);
        }
        i += 2;
        continue;
      }
      if (word.equals("--tcp-flags")) { // the one option with two arguments
        Condition flags = flags(value, i + 2 < words.size() ? words.get(i + 2) : "");
        boolean not = negated;
        conditions.add(not ? packet -> flags.test(packet).negated() : flags);
        negated = false;
        i += 3;
        continue;
      }
      Condition condition = condition(module, word, value, isDevice);
      if (word.equals("--dport") || word.equals("--dports")) {
        notePorts(table, value);
      }
      if (condition != null) {
        boolean not = negated;
        boolean ofConntrack = word.equals("--mark") && module.equals("connmark");
        conditions.add(
            packet ->
                ofConntrack && !packet.isTracked() // without a conntrack neither form fits
                    ? Truth.NO
                    : not ? condition.test(packet).negated() : condition.test(packet));
        asksMark |= word.equals("--mark") && module.equals("connmark") && asks(value, childBit);
        i += 2;
      } else {
        if (word.startsWith("--")) {
          conditions.add(UNTOLD); // else it is an argument of what is uncertain already
        }
        i++;
      }
      negated = false;
    }
    List<FirewallRule> rules =
        table.chains().computeIfAbsent(words.get(1), name -> new ArrayList<>());
    rules.add(new FirewallRule(line, conditions, action, target, asksMark));
  }

  /** Matches whose every option is understood below. */
  private static final Set<String> HARMLESS_MATCHES =
      Set.of("comment", "conntrack", "state", "connmark", "mark", "tcp", "udp", "multiport");

  private static void notePorts(Ruleset table, String value) {
    for (String number : value.split("[,:]", -1)) {
      try {
        table.ports().add(Integer.parseInt(number));
      } catch (NumberFormatException e) {
        // the open end of a range
      }
    }
  }

  private static @Nullable Condition condition(
      String module, String word, String value, Predicate<String> isDevice) {
    return switch (word) {
      case "-p" -> packet -> value.equals("all") ? Truth.YES : packet.isOf(value);
      case "--comment" -> packet -> Truth.YES;
      case "--ctstate", "--state" -> {
        List<String> states = List.of(value.split(",", -1));
        yield packet ->
            states.contains(packet.state().word().toUpperCase(Locale.ROOT))
                ? Truth.YES
                : states.contains("DNAT") && packet.translated() ? Truth.MAYBE : Truth.NO;
      }
      case "--mark" ->
          switch (module) {
            case "connmark" -> mark(value, ImaginedPacket::markEquals);
            case "mark" -> mark(value, ImaginedPacket::packetMarkEquals);
            default -> UNTOLD;
          };
      case "--dport", "--dports" -> packet -> ports(packet::portWithin, value);
      case "--sport", "--sports" -> packet -> ports(packet::sourceWithin, value);
      case "--syn" -> packet -> packet.flagsEqual(0x17, 0x02);
      case "-i", "-o" -> packet -> device(value, isDevice);
      case "--ports", "--tcp-option", "-s", "-d", "-f" -> UNTOLD;
      case "--ctproto", "--ctorigsrc", "--ctorigdst", "--ctdir", "--ctstatus", "--ctexpire" ->
          UNTOLD;
      default -> null;
    };
  }

  private static final List<String> FLAGS = List.of("FIN", "SYN", "RST", "PSH", "ACK", "URG");

  /** As in {@code --tcp-flags FIN,SYN,RST,ACK SYN}. */
  private static Condition flags(String mask, String value) {
    int asked = flags(mask);
    int wanted = flags(value);
    return asked < 0 || wanted < 0 ? UNTOLD : packet -> packet.flagsEqual(asked, wanted);
  }

  /** The bits of names of flags (RFC 9293); -1 if one is not known. */
  private static int flags(String names) {
    int bits = 0;
    for (String name : names.split(",", -1)) {
      int at = FLAGS.indexOf(name);
      if (name.equals("ALL")) {
        bits |= 0x3f;
      } else if (at >= 0) {
        bits |= 1 << at;
      } else if (!name.equals("NONE")) {
        return -1;
      }
    }
    return bits;
  }

  private static Truth device(String name, Predicate<String> isDevice) {
    // a plus at the end stands for any end, a star in nftables
    String asNft = name.endsWith("+") ? name.substring(0, name.length() - 1) + "*" : name;
    return isDevice.test(asNft) ? Truth.MAYBE : Truth.NO;
  }

  /** Whether a mark has a value under a mask. */
  private interface MarkTest {
    Truth test(ImaginedPacket packet, int mask, int value);
  }

  private static Condition mark(String text, MarkTest test) {
    String[] parts = text.split("/", 2);
    try {
      int value = Long.decode(parts[0]).intValue();
      int mask = parts.length == 2 ? Long.decode(parts[1]).intValue() : -1;
      return packet -> test.test(packet, mask, value);
    } catch (NumberFormatException e) {
      return UNTOLD;
    }
  }

  private static boolean asks(String text, int childBit) {
    String[] parts = text.split("/", 2);
    try {
      return parts.length == 1 || (Long.decode(parts[1]).intValue() & childBit) != 0;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  /** Whether a port is within a range. */
  private interface PortTest {
    Truth within(long low, long high);
  }

  private static Truth ports(PortTest test, String text) {
    Truth best = Truth.NO;
    for (String one : text.split(",", -1)) {
      Truth truth = port(test, one);
      if (truth == Truth.YES) {
        return truth;
      }
      best = truth == Truth.MAYBE ? truth : best;
    }
    return best;
  }

  private static Truth port(PortTest test, String text) {
    String[] parts = text.split(":", 2);
    try {
      long low = parts[0].isEmpty() ? 0 : Long.parseLong(parts[0]);
      String last = parts[parts.length - 1];
      return test.within(low, last.isEmpty() ? 65535 : Long.parseLong(last));
    } catch (NumberFormatException e) {
      return Truth.MAYBE;
    }
  }

  private static Action action(Ruleset table, boolean isGoto, String target, List<String> options) {
    return switch (target) {
      case "ACCEPT" -> Action.ACCEPT;
      case "DROP", "REJECT", "TPROXY", "STEAL" -> Action.DROP;
      case "NFQUEUE", "QUEUE" -> Action.QUEUE;
      case "RETURN" -> Action.RETURN;
      case "CT" ->
          options.contains("--helper")
              ? Action.ASSIGN_HELPER
              : options.contains("--notrack")
                  ? Action.UNTRACK
                  : options.stream().anyMatch(option -> option.startsWith("--zone"))
                      ? Action.SET_ZONE
                      : Action.NOTHING;
      case "NOTRACK" -> Action.UNTRACK;
      case "DNAT", "REDIRECT" -> Action.TRANSLATE;
      case "MARK" -> Action.SET_PACKET_MARK;
      case "CONNMARK" -> writtenMark(options);
      default -> {
        if (!table.chains().containsKey(target)) {
          yield Action.NOTHING;
        }
        yield isGoto ? Action.GOTO : Action.JUMP;
      }
    };
  }

  // --set-xmark value/mask: the mark becomes (mark & ~mask) ^ value; no mask is all bits
  private static Action writtenMark(List<String> options) {
    String set = after(options, "--set-xmark") + after(options, "--set-mark");
    if (!set.isEmpty()) {
      String[] parts = set.split("/", 2);
      boolean all = parts.length == 1 || isAllBits(parts[1]);
      return all ? Action.OVERWRITE_MARK : Action.NOTHING;
    }
    String mask = after(options, "--ctmask") + after(options, "--mask");
    boolean all = mask.isEmpty() || isAllBits(mask);
    if (options.contains("--save-mark")) {
      return all ? Action.MARK_FROM_PACKET : Action.NOTHING;
    }
    if (options.contains("--restore-mark")) {
      return all ? Action.PACKET_FROM_MARK : Action.SET_PACKET_MARK;
    }
    return Action.NOTHING;
  }

  private static boolean isAllBits(String mask) {
    try {
      return Long.decode(mask).intValue() == -1;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private static String after(List<String> options, String name) {
    int i = options.indexOf(name);
    return i >= 0 && i + 1 < options.size() ? options.get(i + 1) : "";
  }

  private static List<String> words(String line) {
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(line);
    while (matcher.find()) {
      String quoted = matcher.group(1);
      words.add(quoted != null ? quoted : matcher.group(2));
    }
    return words;
  }
}
