package org.pinholed.helper.dcerpc;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;
import org.pinholed.helper.dcerpc.opening.DceRpcSettings;
import org.pinholed.helper.dcerpc.opening.Openings;
import org.pinholed.helper.dcerpc.pdu.PduView;

/** DCE-RPC over TCP and UDP, as the configuration names it. Immutable and thread-safe. */
public final class DceRpcProtocol implements HelperProtocol {
  /** What one connection, or one service of a server for a client, may have announced. */
  private static final int EXPECTATIONS = 64;

  /** Services of servers for clients, of an entry. */
  private static final int OWNERS = 65_536;

  @Override
  public String name() {
    return "dcerpc";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.TCP, Transport.UDP);
  }

  @Override
  public Map<String, String> options() {
    return DceRpcOptions.DESCRIBED;
  }

  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE
        .with(EntryLimit.EXPECTATIONS_PER_PARENT, EXPECTATIONS)
        .with(EntryLimit.EXPECTATIONS_PER_OWNER, EXPECTATIONS)
        .with(EntryLimit.OWNERS, OWNERS);
  }

  @Override
  public int longestMessageBytes() {
    return PduView.LENGTH_MAX_BYTES;
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    return new FlowFactory(DceRpcOptions.of(options));
  }

  /** Opens the flows of one entry. The views are of the thread, because each of them is large. */
  private static final class FlowFactory implements Factory {
    private final DceRpcSettings settings;
    private final ThreadLocal<DceRpcViews> views = ThreadLocal.withInitial(DceRpcViews::new);

    FlowFactory(DceRpcSettings settings) {
      this.settings = settings;
    }

    @Override
    public SessionHelper open(FlowFacts facts, SharedState shared) {
      Announcer announcer =
          new Announcer(new Openings(facts, shared, settings), settings.opensLookup());
      return facts.transport() == Transport.UDP
          ? new DceRpcDatagrams(announcer, views)
          : new DceRpcStream(announcer, views);
    }

    @Override
    public List<LeasedPorts> leasedPorts() {
      return settings.lease().leasedPorts();
    }
  }
}
