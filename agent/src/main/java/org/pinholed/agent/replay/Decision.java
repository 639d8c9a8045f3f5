package org.pinholed.agent.replay;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.helper.Endpoint;

/**
 * Something that the agent would have decided or reported, or that it would have had to.
 *
 * @param packet number of the packet of the capture at which it was decided, from 1 on
 * @param epochMicros when, by the capture
 * @param word a word of the event log, or {@link #NO_PINHOLE}
 * @param helper name of the helper, empty if none is concerned
 * @param serial number of the parent's connection in the replay, empty if none is concerned
 * @param expectationId number of the expectation, 0 if none is concerned
 * @param client the parent's client, null if none is concerned
 * @param server the parent's server, null if none is concerned
 * @param source who may come, or came; null if that is not known
 * @param destination where to, null if that is not known
 * @param label what the helper calls it, or empty
 * @param reason a word, or empty
 * @param detail one sentence, or empty
 */
public record Decision(
    long packet,
    long epochMicros,
    String word,
    String helper,
    String serial,
    long expectationId,
    @Nullable EndpointRow client,
    @Nullable EndpointRow server,
    @Nullable EndpointRow source,
    @Nullable EndpointRow destination,
    String label,
    String reason,
    String detail) {
  /** A connection came for which something was announced, and no pinhole stood. */
  public static final String NO_PINHOLE = "noPinhole";

  static Decision of(long packet, AgentEvent event) {
    return new Decision(
        packet,
        event.epochMicros(),
        event.kind().word(),
        event.helper(),
        event.serial(),
        event.expectationId(),
        rowOf(event.client()),
        rowOf(event.server()),
        rowOf(event.source()),
        rowOf(event.destination()),
        event.label(),
        event.reason(),
        event.detail());
  }

  private static @Nullable EndpointRow rowOf(@Nullable Endpoint endpoint) {
    return endpoint == null ? null : EndpointRow.of(endpoint);
  }

  Decision withoutId() {
    return new Decision(
        packet,
        epochMicros,
        word,
        helper,
        serial,
        0,
        client,
        server,
        source,
        destination,
        label,
        reason,
        detail);
  }
}
