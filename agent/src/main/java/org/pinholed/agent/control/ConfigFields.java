package org.pinholed.agent.control;

import java.util.Locale;
import org.pinholed.agent.config.AgentConfig;

/** A configuration by the names of the configuration file, with what is set by default. */
final class ConfigFields {
  private ConfigFields() {}

  /**
   * Writes a configuration.
   *
   * @param config a checked configuration
   * @return its fields; {@code queues.workers} is how many queues there are, where {@code count}
   *     may be 0
   */
  static JsonFields of(AgentConfig config) {
    AgentConfig.Queues queues = config.queues();
    return new JsonFields()
        .with("backend", word(config.backend()))
        .with("rules", word(config.rules()))
        .with("asymmetricRouting", config.asymmetricRouting())
        .with("helpers", config.helpers())
        .with(
            "queues",
            new JsonFields()
                .with("first", queues.first())
                .with("count", queues.count())
                .with("workers", queues.workers())
                .with("lengthPackets", queues.lengthPackets())
                .with("receiveBufferBytes", queues.receiveBufferBytes())
                .with("batchPackets", queues.batchPackets()))
        .with("marks", config.marks())
        .with("limits", limits(config.limits()))
        .with(
            "fail",
            new JsonFields()
                .with("agentDown", word(config.fail().agentDown()))
                .with("queueFull", word(config.fail().queueFull()))
                .with("onStop", word(config.fail().onStop())))
        .with(
            "acceptRule",
            config.acceptRules().stream()
                .map(
                    rule ->
                        new JsonFields()
                            .with("family", rule.family().word())
                            .with("table", rule.table())
                            .with("chain", rule.chain()))
                .toList())
        .with(
            "control",
            new JsonFields()
                .with("socket", config.control().socket().toString())
                .with("group", config.control().group()))
        .with("metrics", config.metrics())
        .with("eventLog", config.eventLog());
  }

  private static JsonFields limits(AgentConfig.Limits limits) {
    return new JsonFields()
        .with("expectationsPerParent", limits.expectationsPerParent())
        .with("expectationsPerSource", limits.expectationsPerSource())
        .with("expectations", limits.expectations())
        .with("parents", limits.parents())
        .with("parentsPerSource", limits.parentsPerSource())
        .with("halfOpen", limits.halfOpen())
        .with("bufferedBytes", limits.bufferedBytes())
        .with("lineBytes", limits.stream().lineBytes())
        .with("streamBufferBytes", limits.stream().streamBufferBytes())
        .with("earlySegments", limits.stream().earlySegments())
        .with("historyBytes", limits.stream().historyBytes());
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
