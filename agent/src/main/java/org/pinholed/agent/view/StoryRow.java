package org.pinholed.agent.view;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What became of one announcement, or of a control connection that announced nothing.
 *
 * @param outcome one word, explained in docs/pinholectl.md: whether it waits, is open, was of use
 *     to a connection, was refused, and so on
 * @param summary one sentence
 * @param expectationId number of the expectation, 0 if there was none
 * @param helper name of the helper
 * @param policyId firewall policy of the parent
 * @param parentSerial serial of the parent, 8 hex digits
 * @param client the parent's client
 * @param server the parent's server
 * @param protocol of the child, {@code tcp} or {@code udp}; empty if nothing says it
 * @param source who may come, port 0 for any; null for any or if nothing says it
 * @param destination where to, as the first packet says; null if nothing says it
 * @param leadsTo where that leads to; null if it is the same
 * @param childSerial serial of the child that came last, null if none came
 * @param use how many children came
 * @param reason word of the reason of a refusal, or why the parent is not read; empty if there is
 *     none
 * @param steps what happened, in its order
 * @param advice what to set or to look at, one sentence each
 */
public record StoryRow(
    String outcome,
    String summary,
    long expectationId,
    String helper,
    int policyId,
    String parentSerial,
    EndpointRow client,
    EndpointRow server,
    String protocol,
    @Nullable EndpointRow source,
    @Nullable EndpointRow destination,
    @Nullable EndpointRow leadsTo,
    @Nullable String childSerial,
    int use,
    String reason,
    List<Step> steps,
    List<String> advice) {
  /**
   * One thing that happened.
   *
   * @param time ISO-8601 instant with microseconds; null if it is not known
   * @param step {@code parent}, {@code announced}, {@code decision}, {@code pinhole}, {@code used},
   *     {@code traffic}, {@code ended}, {@code unread} or {@code now}
   * @param text one clause, plain ASCII
   */
  public record Step(@Nullable String time, String step, String text) {}
}
