package org.pinholed.it.lab;

import java.util.List;
import java.util.Map;

/** A connection whose segments are made by the test. */
public final class RawConnection implements AutoCloseable {
  private final PeerCalls peer;
  private final int id;

  RawConnection(PeerCalls peer, int id) {
    this.peer = peer;
    this.id = id;
  }

  /** Drops the resets of a host's kernel that leave from a range of ports. */
  public static void silenceResets(Lab lab, Lab.Host host, String ports) {
    String rules =
        "table inet quiet { chain out { type filter hook output priority 0;"
            + " meta mark 0 tcp sport "
            + ports
            + " tcp flags & rst == rst drop; }; }";
    lab.firewall(host, rules);
  }

  /** Waits for the peer's SYN and answers it. */
  public void accept() {
    peer.call("raw_accept", Map.of("id", id));
  }

  /** Sends one segment with the bytes that stand at this offset of the stream. */
  public void segment(int offset, String bytes) {
    peer.call("raw_send", Map.of("id", id, "offset", offset, "data", bytes));
  }

  /** Sends a FIN that stands at this offset of the stream. */
  public void fin(int offset) {
    peer.call("raw_send", Map.of("id", id, "offset", offset, "data", "", "fin", true));
  }

  /** Sends a segment whose timestamp is so old that the receiver drops it (RFC 7323). */
  public void oldSegment(int offset, String bytes) {
    peer.call("raw_send", Map.of("id", id, "offset", offset, "data", bytes, "ageMs", 500_000));
  }

  /** Sends a RST that stands at this offset of the stream. */
  public void reset(int offset) {
    peer.call("raw_send", Map.of("id", id, "offset", offset, "data", "", "reset", true));
  }

  /** Lets the peer send so many bytes from now on. */
  public void window(int offset, int bytes) {
    peer.call("raw_window", Map.of("id", id, "offset", offset, "window", bytes));
  }

  /** Waits for the peer's next segment, whatever it is. */
  public void awaitSegment() {
    peer.call("raw_await_segment", Map.of("id", id));
  }

  /**
   * Sends a segment in the name of the other end, with the numbers that it would use now, and waits
   * until the router has sent it back here, where it is thrown away.
   *
   * @param wire where it is sent
   * @param source the other end's own address and port, before any translation
   * @param offset from the other end's next byte
   * @param data its payload
   * @param flags of the TCP header
   */
  public void forge(Wire wire, Endpoint source, int offset, String data, int flags) {
    peer.call(
        "raw_forge",
        Map.of(
            "id",
            id,
            "device",
            wire.device(),
            "mac",
            wire.routerMac(),
            "source",
            source.host(),
            "sourcePort",
            source.port(),
            "offset",
            offset,
            "data",
            data,
            "flags",
            flags));
  }

  /** Sends a SYN in the name of a client that knows nothing of it, and answers it. */
  public void forgeOpening(Wire wire, Endpoint source) {
    peer.call(
        "raw_forge_opening",
        Map.of(
            "id",
            id,
            "device",
            wire.device(),
            "mac",
            wire.routerMac(),
            "source",
            source.host(),
            "sourcePort",
            source.port()));
  }

  /**
   * Goes on alone with a connection that {@link #forgeOpening} opened, as both ends. The first
   * reply is the greeting.
   */
  public void forgeDialogue(Wire wire, List<String> commands, List<String> replies) {
    peer.call(
        "raw_forge_dialogue",
        Map.of(
            "id",
            id,
            "device",
            wire.device(),
            "mac",
            wire.routerMac(),
            "commands",
            commands,
            "replies",
            replies));
  }

  /** Waits until the peer has acknowledged the stream up to this offset. */
  public void awaitAcked(int offset) {
    peer.call("raw_await_acked", Map.of("id", id, "offset", offset));
  }

  /** The next line with its end, acknowledged. */
  public String line() {
    return peer.call("line", Map.of("id", id)).path("data").asText();
  }

  @Override
  public void close() {
    peer.call("close", Map.of("id", id));
  }
}
