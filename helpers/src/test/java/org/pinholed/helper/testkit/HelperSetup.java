package org.pinholed.helper.testkit;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;

/**
 * A protocol, and the flow on which it is run.
 *
 * @param protocol the protocol
 * @param options as configured
 * @param limits limits on hostile input
 * @param facts the flow; its transport decides whether it is a stream or datagrams
 * @param translated what each announcement is answered with; null for the announced endpoint itself
 */
public record HelperSetup(
    HelperProtocol protocol,
    Map<String, Object> options,
    HelperLimits limits,
    FlowFacts facts,
    @Nullable Endpoint translated) {
  /** Widens the limits for the messages of the protocol, as the agent does. */
  public HelperSetup {
    limits = limits.forMessages(protocol.longestMessageBytes());
  }

  /**
   * A protocol with default options on a flow that is not translated.
   *
   * @param protocol the protocol
   * @param limits limits on hostile input
   * @param facts the flow
   */
  public HelperSetup(HelperProtocol protocol, HelperLimits limits, FlowFacts facts) {
    this(protocol, Map.of(), limits, facts, null);
  }

  HelperProtocol.Factory factory() {
    return protocol.configure(options, limits);
  }

  /** The flow as another process finds it. */
  FlowFacts resumed() {
    return new FlowFacts(
        facts.transport(),
        facts.client(),
        facts.clientSeenByServer(),
        facts.server(),
        facts.serverSeenByClient(),
        FlowFacts.Origin.RESUMED,
        facts.policyId(),
        facts.clientDevice(),
        facts.serverDevice(),
        facts.announcement());
  }
}
