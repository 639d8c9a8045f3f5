package org.pinholed.agent.pinhole;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * One pinhole as it stands in the kernel.
 *
 * @param kind which map it is in
 * @param transport TCP or UDP
 * @param source address that may connect; null for any, and only then, if the kind is {@link
 *     Kind#OPEN_ANY}
 * @param destination address that may be connected to; same family as the source
 * @param port port that may be connected to, or the lowest of them, 1..65535
 * @param lastPort the highest port that may be connected to: as {@code port} unless the kind is
 *     {@link Kind#LEASE}
 * @param connections how many may come at most, of {@link Kind#LEASE} only, 1..65535; 0 for any
 *     number. The kernel counts them where {@link PinholeBackend#limitsConnections} says so, and
 *     the agent in any case
 * @param mark the conntrack mark that the child gets; 0 if it gets none, because the pinhole is
 *     only {@linkplain #isObserved observed}
 * @param timeoutMs how long the kernel keeps it, in milliseconds, above 0
 * @param comment helper, parent, policy and what closes it; at most 128 bytes of ASCII
 * @param translation how the child is translated; null if it is not. The ports of {@link
 *     Kind#LEASE} stay as they are, so it names the lowest as that of the inside, too
 * @param parent original tuple of the connection that announced it, if an expectation of the kernel
 *     may belong to that; null if it is translated, or not known. No element of a map has it
 */
public record Pinhole(
    Kind kind,
    Transport transport,
    @Nullable InetAddress source,
    InetAddress destination,
    int port,
    int lastPort,
    int connections,
    int mark,
    long timeoutMs,
    String comment,
    @Nullable ChildTranslation translation,
    @Nullable FlowTuple parent) {
  /** The longest comment that nft(8) itself would write and show. */
  public static final int MAX_COMMENT_BYTES = 128;

  /** The most connections that a lease may be limited to. */
  public static final int MAX_CONNECTIONS = 65535;

  /**
   * Makes a pinhole whose child is not translated.
   *
   * @param kind which map it is in
   * @param transport TCP or UDP
   * @param source address that may connect, or null
   * @param destination address that may be connected to
   * @param port port that may be connected to, 1..65535
   * @param mark the conntrack mark that the child gets
   * @param timeoutMs how long the kernel keeps it, in milliseconds, above 0
   * @param comment at most 128 bytes of ASCII
   */
  public Pinhole(
      Kind kind,
      Transport transport,
      @Nullable InetAddress source,
      InetAddress destination,
      int port,
      int mark,
      long timeoutMs,
      String comment) {
    this(kind, transport, source, destination, port, mark, timeoutMs, comment, null);
  }

  /**
   * Makes a pinhole for one port.
   *
   * @param kind which map it is in
   * @param transport TCP or UDP
   * @param source address that may connect, or null
   * @param destination address that may be connected to
   * @param port port that may be connected to, 1..65535
   * @param mark the conntrack mark that the child gets
   * @param timeoutMs how long the kernel keeps it, in milliseconds, above 0
   * @param comment at most 128 bytes of ASCII
   * @param translation how the child is translated; null if it is not
   */
  public Pinhole(
      Kind kind,
      Transport transport,
      @Nullable InetAddress source,
      InetAddress destination,
      int port,
      int mark,
      long timeoutMs,
      String comment,
      @Nullable ChildTranslation translation) {
    this(
        kind,
        transport,
        source,
        destination,
        port,
        port,
        0,
        mark,
        timeoutMs,
        comment,
        translation,
        null);
  }

  /**
   * Makes a lease of a range of ports.
   *
   * @param transport TCP or UDP
   * @param source address that may connect
   * @param destination address that may be connected to; same family as the source
   * @param ports a range that the backend was told of
   * @param connections how many may come, 1..65535; 0 for any number
   * @param mark the conntrack mark that the children get
   * @param timeoutMs how long the kernel keeps it, in milliseconds, above 0
   * @param comment at most 128 bytes of ASCII
   * @return the pinhole
   */
  public static Pinhole lease(
      Transport transport,
      InetAddress source,
      InetAddress destination,
      PortRange ports,
      int connections,
      int mark,
      long timeoutMs,
      String comment) {
    return new Pinhole(
        Kind.LEASE,
        transport,
        source,
        destination,
        ports.first(),
        ports.last(),
        connections,
        mark,
        timeoutMs,
        comment,
        null,
        null);
  }

  /**
   * The same pinhole with another timeout.
   *
   * @param newTimeoutMs how long the kernel keeps it, in milliseconds, above 0
   * @return a copy
   */
  public Pinhole withTimeoutMs(long newTimeoutMs) {
    return with(connections, mark, newTimeoutMs, comment, translation, parent);
  }

  /**
   * The same pinhole with another comment.
   *
   * @param newComment at most 128 bytes of ASCII
   * @return a copy
   */
  public Pinhole withComment(String newComment) {
    return with(connections, mark, timeoutMs, newComment, translation, parent);
  }

  /**
   * The same pinhole with another mark for its children.
   *
   * @param newMark the conntrack mark
   * @return a copy
   */
  public Pinhole withMark(int newMark) {
    return with(connections, newMark, timeoutMs, comment, translation, parent);
  }

  /**
   * The same lease for another number of connections, which its comment knows, too.
   *
   * @param left how many may come, 1..65535
   * @return a copy
   */
  public Pinhole withConnections(int left) {
    PinholeComment known = PinholeComment.parse(comment);
    String newComment = known == null ? comment : known.withConnections(left).text();
    return with(left, mark, timeoutMs, newComment, translation, parent);
  }

  /**
   * The same pinhole for a child that is translated so.
   *
   * @param newTranslation how; null if it is not
   * @return a copy
   */
  public Pinhole withTranslation(@Nullable ChildTranslation newTranslation) {
    return with(connections, mark, timeoutMs, comment, newTranslation, parent);
  }

  /**
   * The same pinhole with another parent.
   *
   * @param newParent its original tuple; null if it is translated, or not known
   * @return a copy
   */
  public Pinhole withParent(@Nullable FlowTuple newParent) {
    return with(connections, mark, timeoutMs, comment, translation, newParent);
  }

  private Pinhole with(
      int newConnections,
      int newMark,
      long newTimeoutMs,
      String newComment,
      @Nullable ChildTranslation newTranslation,
      @Nullable FlowTuple newParent) {
    return new Pinhole(
        kind,
        transport,
        source,
        destination,
        port,
        lastPort,
        newConnections,
        newMark,
        newTimeoutMs,
        newComment,
        newTranslation,
        newParent);
  }

  /** Which map a pinhole is in. */
  public enum Kind {
    /** Taken out by the first packet that matches. */
    ONCE,
    /** Many connections from one source until timeout or the end of the parent. */
    OPEN,
    /** Many connections from any source. */
    OPEN_ANY,
    /** Connections from one source to any port of a range. */
    LEASE
  }

  /** Refuses what no map can hold. */
  public Pinhole {
    if ((source == null) != (kind == Kind.OPEN_ANY)) {
      throw new IllegalArgumentException("source: " + source + " for " + kind);
    }
    if (source != null && source.getAddress().length != destination.getAddress().length) {
      throw new IllegalArgumentException("source and destination of different families");
    }
    Ranges.require("port", port, 1, 65535);
    Ranges.require("lastPort", lastPort, port, kind == Kind.LEASE ? 65535 : port);
    Ranges.require("connections", connections, 0, kind == Kind.LEASE ? MAX_CONNECTIONS : 0);
    Ranges.requireAtLeast("timeoutMs", timeoutMs, 1);
    Endpoint inside = translation == null ? null : translation.inside();
    if (inside != null && kind == Kind.LEASE && inside.port() != port) {
      throw new IllegalArgumentException("translation of the ports of a lease");
    }
    if (translation != null && translation.source() != null && source == null) {
      throw new IllegalArgumentException("translation of any source");
    }
    if (comment.length() > MAX_COMMENT_BYTES) {
      throw new IllegalArgumentException(
          "comment: " + comment.length() + " bytes (expected: 0..128)");
    }
  }

  /**
   * Whether it is only looked whether somebody comes by it: it stands in no map, and its children
   * get no mark.
   *
   * @return true if it was made for a helper that observes
   */
  public boolean isObserved() {
    return mark == 0;
  }

  /**
   * Where its children go in the end: what was announced, before it was rewritten.
   *
   * @return the destination itself if that is not translated
   */
  public Endpoint leadsTo() {
    Endpoint inside = translation == null ? null : translation.inside();
    return inside == null ? new Endpoint(destination, port) : inside;
  }
}
