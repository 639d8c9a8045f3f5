package org.pinholed.agent.view;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One expectation in a listing.
 *
 * @param id number of the row, unique while the agent runs
 * @param state {@code announced} (not open yet), {@code pending} or {@code matched}
 * @param helper name of the helper
 * @param helperId id of its configured entry
 * @param protocol {@code tcp} or {@code udp}
 * @param protocolNumber 6 or 17
 * @param policyId firewall policy of the parent, 0 if none put its id into the mark
 * @param parentSerial serial of the parent, 8 hex digits
 * @param childSerial serial of the child that came last, null if none came
 * @param durationSeconds age of the row
 * @param expireSeconds what is left; negative for one that lives as long as its parent and is older
 *     than the lease
 * @param timeoutSeconds the timeout it was made with; 0 for as long as the parent
 * @param lifetime {@code timeout}, {@code parent}, {@code owner}, {@code deadline} or {@code idle}
 * @param flags words: {@code once} or {@code many}, {@code anySource}, {@code inactive}, {@code
 *     observed}, {@code read}
 * @param use connections that came through
 * @param mark conntrack mark of the child
 * @param source who may connect, as the child's packet will say; port 0 is any
 * @param destination where to
 * @param translatedSource from where the child comes for who is connected to; port 0 is the child's
 *     own; null if its source is not translated
 * @param translatedDestination where the child really goes; null if its destination is not
 *     translated
 * @param client the parent's client
 * @param server the parent's server
 * @param cause the message that announced it, for example {@code 227}
 * @param streamOffset where in the parent's stream that message began
 * @param owner who it belongs to, 16 characters; null for its parent
 * @param group the helper's name of what it is replaced and closed together with
 * @param item which of its group it is; empty if there is only one
 * @param label what the helper calls it; empty if it gives it no name
 * @param field what stood in that message; empty if the helper does not say
 * @param children how many of its children live
 */
public record ExpectationRow(
    long id,
    String state,
    String helper,
    int helperId,
    String protocol,
    int protocolNumber,
    int policyId,
    String parentSerial,
    @Nullable String childSerial,
    long durationSeconds,
    long expireSeconds,
    long timeoutSeconds,
    String lifetime,
    List<String> flags,
    int use,
    int mark,
    EndpointRow source,
    EndpointRow destination,
    @Nullable EndpointRow translatedSource,
    @Nullable EndpointRow translatedDestination,
    EndpointRow client,
    EndpointRow server,
    String cause,
    long streamOffset,
    @Nullable String owner,
    String group,
    String item,
    String label,
    String field,
    int children) {}
