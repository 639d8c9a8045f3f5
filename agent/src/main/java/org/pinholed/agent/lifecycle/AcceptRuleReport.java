package org.pinholed.agent.lifecycle;

import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
import org.pinholed.agent.report.AgentEvents;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says when the firewall's accept rule is gone and when it is back. For one thread, that of the
 * backend's watch.
 */
public final class AcceptRuleReport {
  private static final Logger LOG = LoggerFactory.getLogger(AcceptRuleReport.class);

  private final AgentEvents events;
  private Presence told = Presence.UNKNOWN;
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
    Presence before = told;
    told = now.presence();
    if (!now.put().isEmpty()) {
      LOG.info("the accept rule was put into the firewall: {}", now.put());
      events.agent(AgentEvent.Kind.ACCEPT_RULE_BACK, wasThere ? "putBack" : "putIn", now.put());
    }
    if (told == Presence.ABSENT) {
      if (before != Presence.ABSENT) {
        LOG.warn("the firewall does not accept what pinholed marks: {}", now.text());
        events.agent(
            AgentEvent.Kind.ACCEPT_RULE_GONE, wasThere ? "removed" : "neverThere", now.text());
      }
    } else if (before == Presence.ABSENT && now.put().isEmpty()) {
      LOG.info("the firewall accepts again what pinholed marks: {}", now.text());
      events.agent(
          AgentEvent.Kind.ACCEPT_RULE_BACK,
          told == Presence.PRESENT ? "accepted" : "nothingDrops",
          now.text());
    }
    wasThere |= told == Presence.PRESENT;
  }
}
