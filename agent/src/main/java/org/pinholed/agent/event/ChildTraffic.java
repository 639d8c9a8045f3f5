package org.pinholed.agent.event;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * What a record of the forwarded traffic tells of a child beside its event.
 *
 * @param transport {@code tcp} or {@code udp}
 * @param translatedSource its source as it leaves the router, null if that is not translated
 * @param translatedDestination its destination as it leaves the router, null if that is not
 *     translated
 * @param beganMicros of an end: when the child began, microseconds since 1970; 0 if that is not
 *     known, and at the begin
 * @param lastedMillis of an end: how long it lasted; -1 if that is not known, and at the begin
 * @param sent what went from its source to its destination; null if the kernel did not count, and
 *     at the begin
 * @param received what came back; null as above
 */
public record ChildTraffic(
    String transport,
    @Nullable Endpoint translatedSource,
    @Nullable Endpoint translatedDestination,
    long beganMicros,
    long lastedMillis,
    @Nullable Count sent,
    @Nullable Count received) {
  /**
   * What the kernel counted in one direction, with the headers of IP and of what is in it.
   *
   * @param packets packets
   * @param bytes bytes from the IP header on
   */
  public record Count(long packets, long bytes) {}
}
