package org.pinholed.it.lab;

import java.util.Locale;

/**
 * What the agents of a run open pinholes with, where a scenario does not say it itself: the system
 * property {@code pinholed.backend}. The firewall of the router lets children in accordingly.
 */
public enum Backend {
  /** Marks, and a rule that accepts them. */
  NFTABLES,
  /** Expectations of the kernel, and a rule that accepts what is related. */
  CONNTRACK,
  /** Both, and both rules. */
  AUTO;

  /** That of this run. */
  public static Backend ofRun() {
    return valueOf(System.getProperty("pinholed.backend", "nftables").toUpperCase(Locale.ROOT));
  }

  /** Whether the firewall needs a rule for the mark. */
  boolean marks() {
    return this != CONNTRACK;
  }

  /** Whether the firewall needs a rule for what is related. */
  boolean expects() {
    return this != NFTABLES;
  }

  /** The same configuration with this backend, unless it has one. */
  String inYaml(String yaml) {
    return this == NFTABLES || yaml.contains("backend:")
        ? yaml
        : "backend: " + name().toLowerCase(Locale.ROOT) + "\n" + yaml;
  }
}
