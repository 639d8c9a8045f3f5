package org.pinholed.helper.sip;

import java.util.Map;
import java.util.Set;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.policy.SipSettings;

/** SIP over UDP and TCP, as the configuration names it. Immutable and thread-safe. */
public final class SipProtocol implements HelperProtocol {
  /** Owners of an entry: calls, registrations, and ports of requests that wait for an answer. */
  private static final int OWNERS = 65_536;

  /**
   * What a call with all its forks may have announced, twice for a re-offer that is not answered.
   */
  private static final int EXPECTATIONS_PER_OWNER = 4096;

  @Override
  public String name() {
    return "sip";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.UDP, Transport.TCP);
  }

  @Override
  public Map<String, String> options() {
    return SipOptions.DESCRIBED;
  }

  /**
   * A trunk has all its calls from one address, so one address may have as many owners as all. What
   * keeps a caller from taking everything are {@code unansweredPerSource} and {@code
   * registrationsPerSource}.
   */
  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE
        .with(EntryLimit.EXPECTATIONS_PER_OWNER, EXPECTATIONS_PER_OWNER)
        .with(EntryLimit.OWNERS, OWNERS)
        .with(EntryLimit.OWNERS_PER_SOURCE, OWNERS);
  }

  @Override
  public int longestMessageBytes() {
    return SipMessage.LENGTH_MAX_BYTES;
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    return new FlowFactory(SipOptions.of(options));
  }

  /** Opens the flows of one entry. The views are of the thread, because each of them is large. */
  private static final class FlowFactory implements Factory {
    private final SipSettings settings;
    private final ThreadLocal<SipViews> views;

    FlowFactory(SipSettings settings) {
      this.settings = settings;
      views = ThreadLocal.withInitial(() -> new SipViews(settings));
    }

    @Override
    public SessionHelper open(FlowFacts facts, SharedState shared) {
      SipDialogue dialogue = new SipDialogue(facts, shared, settings);
      return facts.transport() == Transport.UDP
          ? new SipDatagrams(dialogue, views)
          : new SipStream(dialogue, facts, views);
    }
  }
}
