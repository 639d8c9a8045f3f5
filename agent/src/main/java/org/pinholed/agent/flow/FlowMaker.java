package org.pinholed.agent.flow;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/** Makes flows of conntracks, with the helpers that are in force. Owned by one worker. */
public final class FlowMaker {
  private final FlowOwner owner;
  private final WorkerFlows flows;
  private final ParentOwners owners;
  private final MarkBits bits;
  private final NetworkDevices devices;
  private final ReadChildren children;
  private final boolean readsTranslated;
  private volatile HelperTable helpers;

  /**
   * Makes it.
   *
   * @param owner whose flows they are
   * @param flows told when one must give way
   * @param helpers the helpers in force
   * @param owners has the memory for streams, shared
   * @param bits of the conntrack mark
   * @param devices knows their names
   * @param children knows what announced children that are read
   * @param readsTranslated whether packets come as they leave, so that translated flows can be read
   */
  public FlowMaker(
      FlowOwner owner,
      WorkerFlows flows,
      HelperTable helpers,
      ParentOwners owners,
      MarkBits bits,
      NetworkDevices devices,
      ReadChildren children,
      boolean readsTranslated) {
    this.owner = owner;
    this.flows = flows;
    this.helpers = helpers;
    this.owners = owners;
    this.bits = bits;
    this.devices = devices;
    this.children = children;
    this.readsTranslated = readsTranslated;
  }

  /**
   * Puts other helpers in force for new flows. From any thread.
   *
   * @param newHelpers the helpers
   */
  public void setHelpers(HelperTable newHelpers) {
    helpers = newHelpers;
  }

  /**
   * The helpers in force. From any thread.
   *
   * @return the table that new flows are looked up in
   */
  public HelperTable helpers() {
    return helpers;
  }

  /** Knows what announced children. Thread-safe. */
  @FunctionalInterface
  public interface ReadChildren {
    /**
     * What announced a child that is read.
     *
     * @param child which conntrack it is
     * @return null if that is not known any more
     */
    public @Nullable ReadChild announcing(ConntrackIdentity child);
  }

  /**
   * Who reads a conntrack.
   *
   * @param helper that of its port; of a child that is read the one that announced it
   * @param announcement what announced the child; null for a parent
   */
  record Reader(HelperTable.ActiveHelper helper, FlowFacts.@Nullable Announcement announcement) {}

  /**
   * Finds who reads a conntrack; null if no such helper is in force, and for children that are not
   * read, or of which nobody knows what announced them.
   */
  @Nullable Reader readerOf(ConntrackEntry entry) {
    Transport transport = Transport.of(entry.original().protocol());
    if (transport == null) {
      return null;
    }
    ReadChild child = null;
    HelperTable.ActiveHelper helper;
    if ((entry.mark() & bits.child()) != 0) {
      child = bits.isRead(entry.mark()) ? children.announcing(entry.identity()) : null;
      helper = child == null ? null : helpers.find(child.helper(), child.helperId(), transport);
    } else {
      helper = helpers.find(transport, entry.original().destinationPort());
    }
    return helper == null ? null : new Reader(helper, child == null ? null : child.announcement());
  }

  /** Why nothing of a conntrack may be read, whatever its packets say; null if it may. */
  @Nullable AgentReason refusal(ConntrackEntry entry) {
    if (entry.hasForeignHelper()) {
      return AgentReason.KERNEL_HELPER;
    }
    return readsTranslated || !entry.isTranslated() ? null : AgentReason.EXTERNAL_RULES;
  }

  /**
   * Whether packets come as they leave: else the first datagram of a flow does not say how the flow
   * is going to be translated.
   */
  boolean readsTranslated() {
    return readsTranslated;
  }

  /** A flow that its helper reads. */
  Flow read(
      ConntrackEntry entry, Reader reader, FlowFacts.Origin origin, PacketWay way, long nowNs) {
    FlowFacts facts = factsOf(entry, reader, origin, way);
    SessionHelper helper = reader.helper().open(facts);
    return newFlow(entry, reader, facts, helper, nowNs);
  }

  /** Goes on with a proven flow at its next line. */
  Flow resumed(ConntrackEntry entry, Reader reader, PacketWay way, long nowNs) {
    Flow flow = read(entry, reader, FlowFacts.Origin.RESUMED, way, nowNs);
    flow.prove();
    return flow;
  }

  /** A flow that is known and not read. */
  Flow unread(ConntrackEntry entry, Reader reader, long nowNs) {
    FlowFacts facts = factsOf(entry, reader, FlowFacts.Origin.RESUMED, PacketWay.UNKNOWN);
    return newFlow(entry, reader, facts, null, nowNs);
  }

  private Flow newFlow(
      ConntrackEntry entry,
      Reader reader,
      FlowFacts facts,
      @Nullable SessionHelper helper,
      long nowNs) {
    HelperEntry helperEntry = reader.helper().entry();
    Parent parent = parentOf(entry, facts, helperEntry);
    return new Flow(
        parent,
        entry,
        facts,
        helperEntry,
        helper,
        reader.helper().limits(),
        owners.buffered(),
        this::giveWay,
        nowNs);
  }

  /** Others need the memory that the streams and the helper of a flow keep. From any thread. */
  private void giveWay(Flow flow) {
    owner.post(
        () -> {
          if (!flow.readingEnded() && !flow.parent().hasEnded()) {
            flows.endReading(flow, StreamReason.BUFFER_BUDGET);
          }
        });
  }

  /** What is known of a flow that has not sent a byte yet. */
  Parent parentOf(ConntrackEntry entry, Reader reader) {
    FlowFacts facts = factsOf(entry, reader, FlowFacts.Origin.FIRST_BYTE, PacketWay.UNKNOWN);
    return parentOf(entry, facts, reader.helper().entry());
  }

  private Parent parentOf(ConntrackEntry entry, FlowFacts facts, HelperEntry helperEntry) {
    return new Parent(
        entry.identity(),
        helperEntry.name(),
        helperEntry.id(),
        entry.mark(),
        bits.policyId(entry.mark()),
        facts.client(),
        facts.serverSeenByClient());
  }

  private FlowFacts factsOf(
      ConntrackEntry entry, Reader reader, FlowFacts.Origin origin, PacketWay way) {
    FlowTuple original = entry.original();
    FlowTuple reply = entry.reply();
    return new FlowFacts(
        reply.protocol() == Transport.TCP.protocolNumber() ? Transport.TCP : Transport.UDP,
        new Endpoint(original.source(), original.sourcePort()),
        new Endpoint(reply.destination(), reply.destinationPort()),
        new Endpoint(reply.source(), reply.sourcePort()),
        new Endpoint(original.destination(), original.destinationPort()),
        origin,
        bits.policyId(entry.mark()),
        devices.name(way.clientDevice()),
        devices.name(way.serverDevice()),
        reader.announcement());
  }
}
