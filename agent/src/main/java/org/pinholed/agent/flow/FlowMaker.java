package org.pinholed.agent.flow;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/** Makes flows of conntracks, with the helpers that are in force. Owned by one worker. */
public final class FlowMaker {
  private final FlowOwner owner;
  private final WorkerFlows flows;
  private final ParentOwners owners;
  private final MarkBits bits;
  private final NetworkDevices devices;
  private final ReadChildren children;
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
   */
  public FlowMaker(
      FlowOwner owner,
      WorkerFlows flows,
      HelperTable helpers,
      ParentOwners owners,
      MarkBits bits,
      NetworkDevices devices,
      ReadChildren children) {
    this.owner = owner;
    this.flows = flows;
    this.helpers = helpers;
    this.owners = owners;
    this.bits = bits;
    this.devices = devices;
    this.children = children;
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
     * What announced a child.
     *
     * @param child its conntrack
     * @return null if that is not known any more
     */
    public @Nullable Expectation announcing(ConntrackEntry child);
  }

  private @Nullable Expectation announcing(ConntrackEntry entry) {
    return (entry.mark() & bits.child()) == 0 ? null : children.announcing(entry);
  }

  /**
   * The helper of a conntrack: that of its port, or of a child that is read the one that announced
   * it; null if none is in force, and for other children.
   */
  HelperTable.@Nullable ActiveHelper helperOf(ConntrackEntry entry) {
    Transport transport = Transport.of(entry.original().protocol());
    if (transport != null && (entry.mark() & bits.child()) != 0) {
      Expectation announcing = (entry.mark() & bits.read()) == 0 ? null : announcing(entry);
      return announcing == null
          ? null
          : helpers.find(announcing.parent().helper(), announcing.parent().helperId(), transport);
    }
    return transport == null ? null : helpers.find(transport, entry.original().destinationPort());
  }

  /** A flow that its helper reads. */
  Flow read(
      ConntrackEntry entry,
      HelperTable.ActiveHelper active,
      FlowFacts.Origin origin,
      PacketWay way,
      long nowNs) {
    FlowFacts facts = factsOf(entry, origin, way);
    SessionHelper helper = active.open(facts);
    return newFlow(parentOf(entry, facts, active), entry, facts, active.entry(), helper, nowNs);
  }

  /** Goes on with a proven flow at its next line. */
  Flow resumed(ConntrackEntry entry, HelperTable.ActiveHelper active, PacketWay way, long nowNs) {
    Flow flow = read(entry, active, FlowFacts.Origin.RESUMED, way, nowNs);
    flow.prove();
    return flow;
  }

  /** A flow that is known and not read. */
  Flow unread(ConntrackEntry entry, HelperTable.ActiveHelper active, long nowNs) {
    FlowFacts facts = factsOf(entry, FlowFacts.Origin.RESUMED, PacketWay.UNKNOWN);
    return newFlow(parentOf(entry, facts, active), entry, facts, active.entry(), null, nowNs);
  }

  private Flow newFlow(
      Parent parent,
      ConntrackEntry entry,
      FlowFacts facts,
      HelperEntry helperEntry,
      @Nullable SessionHelper helper,
      long nowNs) {
    return new Flow(
        parent, entry, facts, helperEntry, helper, owners.buffered(), this::giveWay, nowNs);
  }

  /** Others need the memory that the streams of a flow keep. From any thread. */
  private void giveWay(Flow flow) {
    owner.post(
        () -> {
          if (!flow.readingEnded() && !flow.parent().hasEnded()) {
            flows.endReading(flow, StreamReason.BUFFER_BUDGET);
          }
        });
  }

  /** What is known of a flow that has not sent a byte yet. */
  Parent parentOf(ConntrackEntry entry, HelperTable.ActiveHelper active) {
    return parentOf(entry, factsOf(entry, FlowFacts.Origin.FIRST_BYTE, PacketWay.UNKNOWN), active);
  }

  private static FlowFacts.@Nullable Announcement announcement(@Nullable Expectation expectation) {
    return expectation == null
        ? null
        : new FlowFacts.Announcement(
            expectation.owner().id(), expectation.request().group(), expectation.request().item());
  }

  private Parent parentOf(ConntrackEntry entry, FlowFacts facts, HelperTable.ActiveHelper active) {
    return new Parent(
        entry.identity(),
        active.entry().name(),
        active.entry().id(),
        entry.mark(),
        bits.policyId(entry.mark()),
        facts.client(),
        facts.serverSeenByClient());
  }

  private FlowFacts factsOf(ConntrackEntry entry, FlowFacts.Origin origin, PacketWay way) {
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
        announcement(announcing(entry)));
  }
}
