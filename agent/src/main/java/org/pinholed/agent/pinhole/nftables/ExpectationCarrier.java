package org.pinholed.agent.pinhole.nftables;

import java.util.List;
import java.util.Locale;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.AssignedHelper;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftTable;

/**
 * The rules that let the kernel's own expectations stand beside pinholes (docs/adr/0021): parents
 * get the helper that expectations belong to, and children have no state of their parents in their
 * marks. Writes nothing where there are none. Immutable.
 *
 * <p>Only what comes in by a device gets the helper: on a connection of the router itself ({@code
 * synproxy} makes some) the kernel may shift sequence numbers already, and would do it twice.
 */
final class ExpectationCarrier {
  private final NftTable table;
  private final boolean expects;
  private final MarkBits marks;

  ExpectationCarrier(NftTable table, NftablesOptions options) {
    this.table = table;
    this.expects = options.expects();
    this.marks = options.marks();
  }

  /**
   * How many rules this adds: before those of pinholes at prerouting, and as many behind them both
   * there and at output.
   */
  int rules() {
    return expects ? Transport.values().length : 0;
  }

  private static String object(Transport transport) {
    return AssignedHelper.OWN_NAME + transport.name().toLowerCase(Locale.ROOT);
  }

  void addObjects(NftBatch batch) {
    if (expects) {
      for (Transport transport : Transport.values()) {
        batch.addHelperObject(
            table, object(transport), AssignedHelper.OWN_NAME, transport.protocolNumber());
      }
    }
  }

  void addParentRules(NftBatch batch, Diversion diversion) {
    if (!expects) {
      return;
    }
    for (Transport transport : Transport.values()) {
      NftExpressions rule =
          of(batch.addRule(table, PinholeMaps.CHAIN_PREROUTING), transport, Ct.STATE_NEW);
      PacketTuple.port(rule, 0)
          .lookup(diversion.ports(transport), 0)
          .assignHelper(object(transport))
          .comment("its expectations stand beside its pinholes")
          .endRule();
    }
  }

  /**
   * A connection that the kernel expected begins with its parent's mark. One that came by a pinhole
   * has a child's mark by now. What is left came when the pinhole was shut already: it is no child,
   * and must not be taken for a parent whose beginning was seen.
   */
  void addChildRules(NftBatch batch) {
    if (!expects) {
      return;
    }
    for (String chain : List.of(PinholeMaps.CHAIN_PREROUTING, PinholeMaps.CHAIN_OUTPUT)) {
      for (Transport transport : Transport.values()) {
        // An error that ICMP tells of a parent is related, too, but of another protocol.
        of(batch.addRule(table, chain), transport, Ct.STATE_RELATED)
            .loadCt(Ct.STATUS, 0)
            .mask32host(0, Ct.STATUS_EXPECTED)
            .compare32host(0, Compare.NOT_EQUAL, 0)
            .loadCt(Ct.MARK, 0)
            .mask32host(0, marks.child())
            .compare32host(0, Compare.EQUAL, 0)
            .loadCt(Ct.MARK, 0)
            .mask32host(0, ~marks.stateMask())
            .storeCtMark(0)
            .comment("its pinhole was shut already")
            .endRule();
      }
    }
  }

  private static NftExpressions of(NftExpressions rule, Transport transport, int states) {
    return PacketTuple.transport(
        rule.loadCt(Ct.STATE, 0).mask32host(0, states).compare32host(0, Compare.NOT_EQUAL, 0),
        transport);
  }
}
