package org.pinholed.agent.lifecycle;

import java.util.List;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
import org.pinholed.agent.report.AgentEvents;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says when the firewall's accept rule is gone from a chain, when none lacks it any more, and where
 * the agent put it in. For one thread, that of the backend's watch.
 */
public final class AcceptRuleReport {
  private static final Logger LOG = LoggerFactory.getLogger(AcceptRuleReport.class);

  private final AgentEvents events;
  private List<String> toldDropping = List.of();
  private boolean wasThere;

  /**
   * Makes it.
   *
   * @param events log and counters
   */
  public AcceptRuleReport(AgentEvents events) {
    this.events = events;
  }

  /**
   * Takes what a look at the firewall found.
   *
   * @param now the state
   */
  public void take(AcceptRuleState now) {
    List<String> before = toldDropping;
    toldDropping = now.dropping();
    for (AcceptRuleState.Put put : now.put()) {
      LOG.info("the accept rule was put into the firewall: {}", put.chain());
      events.agent(
          AgentEvent.Kind.ACCEPT_RULE_BACK, put.again() ? "putBack" : "putIn", put.chain());
    }
    if (!before.containsAll(now.dropping())) {
      LOG.warn("the firewall does not accept what pinholed marks: {}", now.text());
      events.agent(
          AgentEvent.Kind.ACCEPT_RULE_GONE, wasThere ? "removed" : "neverThere", now.text());
    } else if (!before.isEmpty() && now.dropping().isEmpty() && now.put().isEmpty()) {
      LOG.info("the firewall accepts again what pinholed marks: {}", now.text());
      events.agent(
          AgentEvent.Kind.ACCEPT_RULE_BACK,
          now.presence() == Presence.PRESENT ? "accepted" : "nothingDrops",
          now.text());
    }
    wasThere |= now.presence() == Presence.PRESENT;
  }
}
