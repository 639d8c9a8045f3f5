package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;

/** A machine that a test makes up, healthy and without a firewall unless told otherwise. */
final class FakeProbe implements DoctorProbe {
  static final String NO_RULES = "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}}]}";

  @Nullable JsonFields status;
  final JsonFields counters = new JsonFields();
  long ownCapabilities = -1;
  boolean sharesNetwork = true;
  boolean seesQueues = true;
  Answer nft = Answer.of(NO_RULES);
  final Set<String> devices = new TreeSet<>(List.of("lo", "eth0", "eth1"));
  final List<Answer> iptables = new ArrayList<>();
  final List<Answer> ip6tables = new ArrayList<>();
  final List<Answer> legacy = new ArrayList<>();
  final Map<String, String> sysctls = new LinkedHashMap<>();
  final List<QueueHolder> queues = new ArrayList<>();
  final Map<String, String> features = new LinkedHashMap<>();
  String expectations = "yes";

  static String resource(String name) {
    try (InputStream in = FakeProbe.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Optional<JsonFields> agentStatus() {
    return Optional.ofNullable(status);
  }

  @Override
  public Optional<JsonFields> agentConfig() {
    return Optional.empty();
  }

  @Override
  public JsonFields agentCounters() {
    return counters;
  }

  @Override
  public String agentProblem() {
    return status == null ? "there is no control socket" : "";
  }

  @Override
  public OptionalLong capabilities(long pid) {
    return OptionalLong.of(ownCapabilities);
  }

  @Override
  public boolean sharesNetwork(long pid) {
    return sharesNetwork;
  }

  @Override
  public Answer nftRuleset() {
    return nft;
  }

  @Override
  public List<IptablesRules> iptablesRules(int family) {
    String tool = family == 4 ? "iptables" : "ip6tables";
    List<IptablesRules> rules = new ArrayList<>();
    (family == 4 ? iptables : ip6tables)
        .forEach(answer -> rules.add(new IptablesRules(tool, true, answer.text())));
    if (family == 4) {
      legacy.forEach(
          answer -> rules.add(new IptablesRules("iptables-legacy", false, answer.text())));
    }
    return rules;
  }

  @Override
  public Set<String> devices() {
    return devices;
  }

  @Override
  public Optional<String> sysctl(String name) {
    return Optional.ofNullable(sysctls.get(name));
  }

  @Override
  public Optional<List<QueueHolder>> queues() {
    return seesQueues ? Optional.of(queues) : Optional.empty();
  }

  @Override
  public Map<String, String> kernelFeatures() {
    return features;
  }

  @Override
  public String expectations() {
    return expectations;
  }
}
