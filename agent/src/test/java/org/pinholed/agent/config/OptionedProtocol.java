package org.pinholed.agent.config;

import java.util.Map;
import java.util.Set;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;

/** A protocol with two options, for what the loader owes to the SPI. Never opens a flow. */
record OptionedProtocol(String name, Set<Transport> transports) implements HelperProtocol {
  @Override
  public Map<String, String> options() {
    return Map.of("openOn", "when a pinhole opens", "thirdParty", "networks");
  }

  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 1);
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    Object openOn = options.getOrDefault("openOn", "reply");
    if (!openOn.equals("reply") && !openOn.equals("command")) {
      throw new IllegalArgumentException("openOn: " + openOn + " (expected: reply, command)");
    }
    if (options.get("thirdParty") instanceof java.util.List<?> networks) {
      for (int i = 0; i < networks.size(); i++) {
        if (!networks.get(i).toString().contains("/")) {
          throw new IllegalArgumentException(
              "thirdParty[" + i + "]: " + networks.get(i) + " (expected: address/length)");
        }
      }
    }
    return (facts, shared) -> {
      throw new IllegalStateException("no flow is opened by a configuration");
    };
  }
}
