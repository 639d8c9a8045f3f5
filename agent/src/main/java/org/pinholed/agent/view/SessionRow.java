package org.pinholed.agent.view;

import org.jspecify.annotations.Nullable;

/**
 * One parent flow in a listing.
 *
 * @param serial its conntrack id, 8 hex digits
 * @param helper name of the helper
 * @param helperId id of its configured entry
 * @param protocol {@code tcp} or {@code udp}
 * @param state where the dialogue stands, the helper's word; {@code opaque} once reading ended
 * @param policyId firewall policy, 0 if none put its id into the mark
 * @param mark its conntrack mark as last seen
 * @param client the client
 * @param server the server
 * @param bytesFromClient in-order payload bytes read
 * @param bytesFromServer in-order payload bytes read
 * @param packets packets that were queued
 * @param misrouted packets that were not read because they came in by a device that does not lead
 *     back to their sender
 * @param expectations expectations of it that are in the table
 * @param opaque whether reading ended
 * @param reason why reading ended or what was refused last; null if nothing was
 * @param explanation the reason in one sentence; null if there is no reason
 * @param sealed parts of it that were encrypted and passed unread, while the rest was read
 * @param sealedDetail what the last of them was; null if there was none
 * @param ageSeconds since the agent first saw it
 * @param idleSeconds since its last queued packet
 */
public record SessionRow(
    String serial,
    String helper,
    int helperId,
    String protocol,
    String state,
    int policyId,
    int mark,
    EndpointRow client,
    EndpointRow server,
    long bytesFromClient,
    long bytesFromServer,
    long packets,
    long misrouted,
    int expectations,
    boolean opaque,
    @Nullable String reason,
    @Nullable String explanation,
    int sealed,
    @Nullable String sealedDetail,
    long ageSeconds,
    long idleSeconds) {}
