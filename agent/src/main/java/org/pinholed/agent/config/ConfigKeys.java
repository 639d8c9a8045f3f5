package org.pinholed.agent.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.EntryLimit;

/**
 * A configuration as its keys, each with the value that the file would have: {@code limits.parents}
 * 65536, {@code helpers[1].port} 21, where the number is the id of the entry. Pure.
 */
public final class ConfigKeys {
  private ConfigKeys() {}

  /**
   * A key that differs in two configurations.
   *
   * @param key its path
   * @param before its value in the first one, as a text; empty if it is not there
   * @param after its value in the second one, as a text; empty if it is not there
   */
  public record Change(String key, String before, String after) {
    /** The line for an operator, as {@code limits.parents: 65536 -> 5}. */
    @Override
    public String toString() {
      if (before.isEmpty()) {
        return key + ": added, " + after;
      }
      return after.isEmpty() ? key + ": removed, " + before : key + ": " + before + " -> " + after;
    }
  }

  /**
   * The keys outside {@code helpers}.
   *
   * @param config a checked configuration
   * @return texts, numbers, truth values, lists and maps by path, in the order of the documentation
   */
  static Map<String, Object> of(AgentConfig config) {
    Map<String, Object> keys = new LinkedHashMap<>();
    keys.put("backend", word(config.backend()));
    keys.put("rules", word(config.rules()));
    keys.put("asymmetricRouting", config.asymmetricRouting());
    AgentConfig.Queues queues = config.queues();
    keys.put("queues.first", queues.first());
    keys.put("queues.count", queues.count());
    keys.put("queues.lengthPackets", queues.lengthPackets());
    keys.put("queues.receiveBufferBytes", queues.receiveBufferBytes());
    keys.put("queues.batchPackets", queues.batchPackets());
    MarkBits marks = config.marks();
    keys.put("marks.child", mark(marks.child()));
    keys.put("marks.vetted", mark(marks.vetted()));
    keys.put("marks.opaque", mark(marks.opaque()));
    keys.put("marks.proven", mark(marks.proven()));
    keys.put("marks.read", mark(marks.read()));
    keys.put("marks.policyMask", mark(marks.policyMask()));
    keys.put("acceptRule", acceptRules(config.acceptRules()));
    AgentConfig.Limits limits = config.limits();
    keys.put("limits.expectationsPerParent", limits.expectationsPerParent());
    keys.put("limits.expectationsPerSource", limits.expectationsPerSource());
    keys.put("limits.expectations", limits.expectations());
    keys.put("limits.parents", limits.parents());
    keys.put("limits.parentsPerSource", limits.parentsPerSource());
    keys.put("limits.halfOpen", limits.halfOpen());
    keys.put("limits.bufferedBytes", limits.bufferedBytes());
    keys.put("limits.lineBytes", limits.stream().lineBytes());
    keys.put("limits.streamBufferBytes", limits.stream().streamBufferBytes());
    keys.put("limits.earlySegments", limits.stream().earlySegments());
    keys.put("limits.historyBytes", limits.stream().historyBytes());
    AgentConfig.Fail fail = config.fail();
    keys.put(
        "fail.agentDown", fail.agentDown() == AgentConfig.OnFailure.PASS ? "bypass" : "closed");
    keys.put("fail.queueFull", fail.queueFull() == AgentConfig.OnFailure.PASS ? "accept" : "drop");
    keys.put("fail.onStop", word(fail.onStop()));
    keys.put("control.socket", config.control().socket().toString());
    keys.put("control.group", config.control().group());
    keys.put("metrics.enabled", config.metrics().enabled());
    keys.put("metrics.address", config.metrics().address());
    keys.put("metrics.port", config.metrics().port());
    keys.put("eventLog.file", config.eventLog().file());
    return keys;
  }

  /** One mapping for one chain, as most write it; a list for none and for many. */
  static Object acceptRules(List<AgentConfig.AcceptRule> rules) {
    List<Map<String, Object>> list = new ArrayList<>();
    for (AgentConfig.AcceptRule rule : rules) {
      Map<String, Object> keys = new LinkedHashMap<>();
      keys.put("family", rule.family().word());
      keys.put("table", rule.table());
      keys.put("chain", rule.chain());
      list.add(keys);
    }
    return list.size() == 1 ? list.get(0) : list;
  }

  /**
   * The keys of one entry of {@code helpers}, limits that it does not set left out.
   *
   * @param entry the entry
   * @return values by name of the key; {@code options} is a map
   */
  static Map<String, Object> of(HelperEntry entry) {
    Map<String, Object> keys = new LinkedHashMap<>();
    keys.put("id", entry.id());
    keys.put("name", entry.name());
    keys.put("protocol", word(entry.transport()));
    keys.put("port", entry.port());
    keys.put("enabled", entry.enabled());
    keys.put("mode", word(entry.mode()));
    keys.put("timeout", DurationParser.formatTimeout(entry.timeout()));
    for (EntryLimit limit : EntryLimit.values()) {
      if (entry.limits().isSet(limit)) {
        keys.put(limit.word(), entry.limits().most(limit));
      }
    }
    if (!entry.options().isEmpty()) {
      keys.put("options", new TreeMap<>(entry.options()));
    }
    return keys;
  }

  /**
   * What differs.
   *
   * @param before a configuration
   * @param after another one
   * @return in the order of the documentation; {@code helpers} last
   */
  public static List<Change> changes(AgentConfig before, AgentConfig after) {
    List<Change> changes = new ArrayList<>();
    differ(changes, "", of(before), of(after));
    Map<Integer, HelperEntry> old = byId(before);
    Map<Integer, HelperEntry> wanted = byId(after);
    Set<Integer> ids = new LinkedHashSet<>(old.keySet());
    ids.addAll(wanted.keySet());
    for (int id : ids) {
      String key = "helpers[" + id + "]";
      HelperEntry was = old.get(id);
      HelperEntry is = wanted.get(id);
      if (was == null || is == null) {
        changes.add(new Change(key, was == null ? "" : whole(was), is == null ? "" : whole(is)));
      } else {
        differ(changes, key + ".", flat(was), flat(is));
      }
    }
    return changes;
  }

  private static String whole(HelperEntry entry) {
    return entry.name()
        + "/"
        + word(entry.transport())
        + "/"
        + entry.port()
        + (entry.enabled() ? "" : " disabled");
  }

  /** With the options as keys of their own. */
  private static Map<String, Object> flat(HelperEntry entry) {
    Map<String, Object> keys = of(entry);
    keys.remove("options");
    new TreeMap<>(entry.options()).forEach((name, value) -> keys.put("options." + name, value));
    return keys;
  }

  private static Map<Integer, HelperEntry> byId(AgentConfig config) {
    Map<Integer, HelperEntry> entries = new TreeMap<>();
    config.helpers().forEach(entry -> entries.put(entry.id(), entry));
    return entries;
  }

  private static void differ(
      List<Change> changes, String prefix, Map<String, Object> before, Map<String, Object> after) {
    Set<String> keys = new LinkedHashSet<>(before.keySet());
    keys.addAll(after.keySet());
    for (String key : keys) {
      @Nullable Object was = before.get(key);
      @Nullable Object is = after.get(key);
      if (was == null ? is != null : !was.equals(is)) {
        changes.add(new Change(prefix + key, text(was), text(is)));
      }
    }
  }

  private static String text(@Nullable Object value) {
    return value == null ? "" : ConfigText.value(value);
  }

  private static String mark(int bits) {
    return String.format(Locale.ROOT, "0x%08x", bits);
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
