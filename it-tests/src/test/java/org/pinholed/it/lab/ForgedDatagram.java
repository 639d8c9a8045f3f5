package org.pinholed.it.lab;

import java.util.List;
import java.util.Map;

/**
 * A datagram whose headers the test chooses; begins as a right one in one piece.
 *
 * @param from whose name it bears
 * @param to where it goes
 * @param data its bytes in Latin-1
 * @param checksum of UDP
 * @param dontFragment whether DF is set; IPv4 only
 * @param options IPv4 options, or destination options of IPv6 (RFC 8200 section 4.6), in hex
 * @param fragmentBytes how much of UDP each fragment carries, a multiple of 8; 0 for one piece
 * @param order which fragments are sent, in this order, by number from 0; none for all of them
 * @param ident what its fragments have in common, 1..65535
 */
public record ForgedDatagram(
    Endpoint from,
    Endpoint to,
    String data,
    Checksum checksum,
    boolean dontFragment,
    String options,
    int fragmentBytes,
    List<Integer> order,
    int ident) {
  /** What stands in the checksum of UDP. */
  public enum Checksum {
    /** The sum. */
    RIGHT,
    /** 0, which IPv4 allows (RFC 768). */
    NONE,
    /** Another one. */
    WRONG
  }

  /** A right one in one piece. */
  public ForgedDatagram(Endpoint from, Endpoint to, String data) {
    this(from, to, data, Checksum.RIGHT, false, "", 0, List.of(), 1);
  }

  /** The same with this checksum. */
  public ForgedDatagram with(Checksum other) {
    return new ForgedDatagram(
        from, to, data, other, dontFragment, options, fragmentBytes, order, ident);
  }

  /** The same with DF set. */
  public ForgedDatagram withDontFragment() {
    return new ForgedDatagram(from, to, data, checksum, true, options, fragmentBytes, order, ident);
  }

  /** The same with these options. */
  public ForgedDatagram withOptions(String hex) {
    return new ForgedDatagram(
        from, to, data, checksum, dontFragment, hex, fragmentBytes, order, ident);
  }

  /** The same in fragments. */
  public ForgedDatagram inFragments(int identity, int bytesEach, Integer... inThisOrder) {
    return new ForgedDatagram(
        from, to, data, checksum, dontFragment, options, bytesEach, List.of(inThisOrder), identity);
  }

  Map<String, Object> arguments() {
    return Map.ofEntries(
        Map.entry("source", from.host()),
        Map.entry("sourcePort", from.port()),
        Map.entry("host", to.host()),
        Map.entry("port", to.port()),
        Map.entry("data", data),
        Map.entry("checksum", checksum.name().toLowerCase(java.util.Locale.ROOT)),
        Map.entry("dontFragment", dontFragment),
        Map.entry("options", options),
        Map.entry("fragmentBytes", fragmentBytes),
        Map.entry("order", order),
        Map.entry("ident", ident));
  }
}
