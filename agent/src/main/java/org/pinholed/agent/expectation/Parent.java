package org.pinholed.agent.expectation;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * What expectations and listings need to know of a parent flow. Outlives the flow itself as long as
 * something refers to it. Thread-safe.
 */
public final class Parent {
  private volatile @Nullable ConntrackIdentity identity;
  private volatile String serial;
  private final String helper;
  private final int helperId;
  private final int mark;
  private final int policyId;
  private final Endpoint client;
  private final Endpoint server;
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicInteger waitingBeyond = new AtomicInteger();
  private volatile boolean halfClosed;
  private @Nullable List<Parent> alone;
  private volatile boolean answered;
  private volatile boolean ended;

  /**
   * Describes a parent.
   *
   * @param identity which conntrack it is
   * @param helper name of its helper
   * @param helperId id of the helper's entry
   * @param mark its conntrack mark when it was first seen
   * @param policyId the policy in the mark
   * @param client the client as it knows itself
   * @param server the server as the client knows it
   */
  public Parent(
      ConntrackIdentity identity,
      String helper,
      int helperId,
      int mark,
      int policyId,
      Endpoint client,
      Endpoint server) {
    this.identity = identity;
    this.serial = identity.serial();
    this.helper = helper;
    this.helperId = helperId;
    this.mark = mark;
    this.policyId = policyId;
    this.client = client;
    this.server = server;
    this.answered = identity.original().protocol() == Transport.TCP.protocolNumber();
  }

  private Parent(
      String serial,
      String helper,
      int helperId,
      int mark,
      int policyId,
      Endpoint client,
      Endpoint server) {
    this.identity = null;
    this.serial = serial;
    this.helper = helper;
    this.helperId = helperId;
    this.mark = mark;
    this.policyId = policyId;
    this.client = client;
    this.server = server;
    this.answered = true;
    this.ended = true;
  }

  /**
   * A parent that has ended, of which something is left that outlives it.
   *
   * @param serial its conntrack id, 8 hex digits
   * @param helper name of its helper
   * @param helperId id of the helper's entry
   * @param mark what is left of its conntrack mark
   * @param policyId the policy that let it in
   * @param client its client, as far as it is known
   * @param server its server, as far as it is known
   * @return it
   */
  public static Parent gone(
      String serial,
      String helper,
      int helperId,
      int mark,
      int policyId,
      Endpoint client,
      Endpoint server) {
    return new Parent(serial, helper, helperId, mark, policyId, client, server);
  }

  /**
   * Which conntrack it is.
   *
   * @return id, tuples and zone
   * @throws IllegalStateException for one that had {@linkplain #gone ended} before it was known
   */
  public ConntrackIdentity identity() {
    ConntrackIdentity known = identity;
    if (known == null) {
      throw new IllegalStateException("the parent " + serial + " ended before it was known");
    }
    return known;
  }

  /**
   * Says which conntrack it is really: before its first datagram has left the kernel may still have
   * merged it with another one (docs/adr/0010).
   *
   * @param confirmed as conntrack tells it
   */
  public void identify(ConntrackIdentity confirmed) {
    identity = confirmed;
    serial = confirmed.serial();
  }

  /**
   * The conntrack id as operators see it. Another living parent may have the same, so nothing is
   * decided by it.
   *
   * @return 8 hex digits
   */
  public String serial() {
    return serial;
  }

  /**
   * Name of the helper.
   *
   * @return for example {@code ftp}
   */
  public String helper() {
    return helper;
  }

  /**
   * Id of the helper's entry.
   *
   * @return 1..65535
   */
  public int helperId() {
    return helperId;
  }

  /**
   * The conntrack mark.
   *
   * @return all bits, as first seen
   */
  public int mark() {
    return mark;
  }

  /**
   * The firewall policy that let the parent in.
   *
   * @return 0 if none put its id into the mark
   */
  public int policyId() {
    return policyId;
  }

  /**
   * The client.
   *
   * @return address and port as the client knows itself
   */
  public Endpoint client() {
    return client;
  }

  /**
   * The server.
   *
   * @return address and port as the client knows it
   */
  public Endpoint server() {
    return server;
  }

  /**
   * The beginning of each line of the log that concerns it.
   *
   * @return serial, helper, client and server
   */
  public String logName() {
    return serial + " " + helper + " " + client + " -> " + server;
  }

  /**
   * Expectations that wait: announced or open.
   *
   * @return 0 or more
   */
  public int waiting() {
    return waiting.get();
  }

  /**
   * A list of this one only, made when it is asked for first.
   *
   * @return the same at every call, or an equal one for threads that ask at the same time
   */
  List<Parent> alone() {
    List<Parent> made = alone;
    if (made == null) {
      made = List.of(this);
      alone = made;
    }
    return made;
  }

  /** Notes that both sides sent something. */
  public void answered() {
    answered = true;
  }

  /**
   * Whether both sides sent something. A flow of datagrams that nobody answered may have a forged
   * source.
   *
   * @return true for TCP, which shakes hands
   */
  public boolean isAnswered() {
    return answered;
  }

  /**
   * Whether the parent is over.
   *
   * @return true for good once it ended
   */
  public boolean hasEnded() {
    return ended;
  }

  /** Says that the FIN of one side was read, and that of the other was not. */
  public void halfClose() {
    halfClosed = true;
  }

  /**
   * Whether one side has closed and the other has not, as far as FINs were read. What the kernel
   * says of it is no proof of more: it takes a FIN that was sent twice for those of both sides.
   *
   * @return true from the first FIN on
   */
  public boolean isHalfClosed() {
    return halfClosed && !ended;
  }

  /** Says that the parent is over. */
  public void end() {
    ended = true;
  }

  int addWaiting(int change) {
    return waiting.addAndGet(change);
  }

  /** Counts what it announced that belongs to owners beyond flows, and waits or is open. */
  int addWaitingBeyond(int change) {
    return waitingBeyond.addAndGet(change);
  }
}
