package org.pinholed.agent.event;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Words;

/**
 * Something that happened, for the event log.
 *
 * @param epochMicros wall clock, microseconds since 1970
 * @param kind what happened
 * @param helper name of the helper, empty if none is concerned
 * @param policyId firewall policy of the parent
 * @param serial serial of the parent, 8 hex digits, empty if none is concerned
 * @param childSerial serial of the child, null if none came
 * @param expectationId number of the expectation, 0 if none is concerned
 * @param client the parent's client, null if none is concerned
 * @param server the parent's server, null if none is concerned
 * @param source source of the child, port 0 for any; null if none is concerned
 * @param destination destination of the child, null if none is concerned
 * @param label what the helper calls the expectation, printable ASCII; empty if none is concerned
 *     or it has no name
 * @param reason word of the reason, empty if there is none
 * @param detail one sentence, or what the kernel said; escaped
 * @param more how many others like this one were not told since the last one that was, 0 or more
 * @param traffic what is known of the connection, null but for {@link Kind#CHILD_BEGAN} and {@link
 *     Kind#CHILD_ENDED}
 */
public record AgentEvent(
    long epochMicros,
    Kind kind,
    String helper,
    int policyId,
    String serial,
    @Nullable String childSerial,
    long expectationId,
    @Nullable Endpoint client,
    @Nullable Endpoint server,
    @Nullable Endpoint source,
    @Nullable Endpoint destination,
    String label,
    String reason,
    String detail,
    long more,
    @Nullable ChildTraffic traffic) {
  /**
   * One that is no record of a connection.
   *
   * @param epochMicros wall clock, microseconds since 1970
   * @param kind what happened
   * @param helper name of the helper, empty if none is concerned
   * @param policyId firewall policy of the parent
   * @param serial serial of the parent, 8 hex digits, empty if none is concerned
   * @param childSerial serial of the child, null if none came
   * @param expectationId number of the expectation, 0 if none is concerned
   * @param client the parent's client, null if none is concerned
   * @param server the parent's server, null if none is concerned
   * @param source source of the child, null if none is concerned
   * @param destination destination of the child, null if none is concerned
   * @param label what the helper calls the expectation, or empty
   * @param reason word of the reason, empty if there is none
   * @param detail one sentence, or what the kernel said; escaped
   * @param more how many others like this one were not told
   */
  public AgentEvent(
      long epochMicros,
      Kind kind,
      String helper,
      int policyId,
      String serial,
      @Nullable String childSerial,
      long expectationId,
      @Nullable Endpoint client,
      @Nullable Endpoint server,
      @Nullable Endpoint source,
      @Nullable Endpoint destination,
      String label,
      String reason,
      String detail,
      long more) {
    this(
        epochMicros,
        kind,
        helper,
        policyId,
        serial,
        childSerial,
        expectationId,
        client,
        server,
        source,
        destination,
        label,
        reason,
        detail,
        more,
        null);
  }

  /**
   * The same, told for others too.
   *
   * @param others how many others like it were not told
   * @return a copy
   */
  public AgentEvent withMore(long others) {
    return new AgentEvent(
        epochMicros,
        kind,
        helper,
        policyId,
        serial,
        childSerial,
        expectationId,
        client,
        server,
        source,
        destination,
        label,
        reason,
        detail,
        others,
        traffic);
  }

  /** What can happen. */
  public enum Kind {
    /** An expectation was made and its pinhole is open. */
    CREATED,
    /** A child came. */
    MATCHED,
    /** A record of the forwarded traffic: a child began. */
    CHILD_BEGAN,
    /** A record of the forwarded traffic: a child ended. */
    CHILD_ENDED,
    /** Nobody came in time. */
    EXPIRED,
    /** A newer announcement took its place. */
    REPLACED,
    /** The helper shut it: refused by the server, dialog over. */
    CLOSED,
    /** The parent ended. */
    PARENT_CLOSED,
    /** An operator cleared it. */
    CLEARED,
    /** Something announced was not opened. */
    REFUSED,
    /** A flow broke its protocol and is no longer read. */
    MALFORMED,
    /** A part of a flow, such as one call, is encrypted; reading goes on behind it. */
    PART_OPAQUE,
    /** A flow cannot be read any more. */
    OPAQUE,
    /** A packet came in by a device that does not lead back to its sender, and was not read. */
    MISROUTED,
    /** A limit was reached. */
    LIMIT,
    /** The kernel refused a change. */
    BACKEND_ERROR,
    /** Somebody else changed our table and it was repaired. */
    TABLE_REPAIRED,
    /** The firewall does not accept what the agent marks. */
    ACCEPT_RULE_GONE,
    /** The firewall accepts again what the agent marks. */
    ACCEPT_RULE_BACK,
    /** Parents and pinholes of an agent that ran before were taken over. */
    ADOPTED,
    /** Kernel events were lost and the state was read again. */
    RESYNCED,
    /** Parents vanished from the conntrack table with neither FIN nor RST. */
    PARENTS_LOST,
    /** A packet worker stands still. */
    WORKER_STUCK,
    /** Another rule took our bits out of the mark of a parent; they were put back. */
    MARKS_PUT_BACK;

    /**
     * Whether strangers can make it happen as often as they like, so that not each one is told.
     *
     * @return false for what happens to expectations and to the agent as a whole
     */
    public boolean isSampled() {
      return switch (this) {
        case REFUSED,
            MALFORMED,
            PART_OPAQUE,
            OPAQUE,
            MISROUTED,
            LIMIT,
            BACKEND_ERROR,
            MARKS_PUT_BACK ->
            true;
        case CREATED,
            MATCHED,
            CHILD_BEGAN,
            CHILD_ENDED,
            EXPIRED,
            REPLACED,
            CLOSED,
            PARENT_CLOSED,
            CLEARED,
            TABLE_REPAIRED,
            ACCEPT_RULE_GONE,
            ACCEPT_RULE_BACK,
            ADOPTED,
            RESYNCED,
            PARENTS_LOST,
            WORKER_STUCK ->
            false;
      };
    }

    /**
     * Whether it is a record of the forwarded traffic, and nothing that was decided.
     *
     * @return true for the begin and the end of a child
     */
    public boolean isTraffic() {
      return this == CHILD_BEGAN || this == CHILD_ENDED;
    }

    /**
     * The word in the log.
     *
     * @return the name in lower camel case
     */
    public String word() {
      return Words.lowerCamel(name());
    }
  }
}
