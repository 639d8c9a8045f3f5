package org.pinholed.helper.sip.policy;

import java.net.Inet4Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.words.SipReason;

/**
 * What a sender may have opened, and for whom. The two questions of every pinhole: where does it
 * lead to, and who may come through.
 *
 * <p>Of one flow; not thread-safe.
 */
public final class MediaPolicy {
  private static final int PORT_MIN = 1024;
  private static final int SIP_PORT = 5060;
  private static final int SIPS_PORT = 5061;

  private final FlowFacts facts;
  private final SipSettings settings;

  /** How an endpoint that a message names is announced. */
  public enum Place {
    /** Not at all. */
    NONE,
    /** As the text says. */
    NAMED,
    /** The text names what others see already, as a phone does that uses STUN (RFC 8489). */
    SEEN,
    /**
     * The text names what others see of another phone behind this firewall: the two are told each
     * other's own endpoints.
     */
    HAIRPIN
  }

  /**
   * Where a pinhole leads to.
   *
   * @param place how it is announced
   * @param endpoint the endpoint inside; that of the text if nothing is opened
   * @param refusal why nothing is opened; null if it is
   */
  public record Destination(Place place, Endpoint endpoint, @Nullable SipReason refusal) {}

  /**
   * Makes the policy of a flow.
   *
   * @param facts the flow
   * @param settings what the entry allows
   */
  public MediaPolicy(FlowFacts facts, SipSettings settings) {
    this.facts = facts;
    this.settings = settings;
  }

  /**
   * Whether media may be taken at an endpoint. Only the sender itself, a phone of ours, and the
   * networks of media: else anybody could have ports of others opened.
   *
   * @param named address and port as the message names them
   * @param transport that of the media
   * @param direction which way the message goes
   * @param out knows what leads from outside to inside
   * @return where the pinhole leads to
   */
  public Destination media(
      Endpoint named, Transport transport, Direction direction, OutcomeSink out) {
    if (named.port() < PORT_MIN) {
      return refused(named, SipReason.PORT_BELOW_1024);
    }
    if (settings.deniedPorts().contains(named.port())) {
      return refused(named, SipReason.PORT_DENIED);
    }
    return address(named, transport, direction, out);
  }

  /**
   * Whether requests may be taken at an endpoint.
   *
   * @param named address and port as the message names them
   * @param transport that of the requests
   * @param direction which way the message goes
   * @param out knows what leads from outside to inside
   * @return where the pinhole leads to
   */
  public Destination signalling(
      Endpoint named, Transport transport, Direction direction, OutcomeSink out) {
    if (named.port() < PORT_MIN) {
      return refused(named, SipReason.PORT_BELOW_1024);
    }
    if (!isOfSip(named.port()) && settings.deniedPorts().contains(named.port())) {
      return refused(named, SipReason.PORT_DENIED);
    }
    return address(named, transport, direction, out);
  }

  // They are denied to media, because SIP is there.
  private static boolean isOfSip(int port) {
    return port == SIP_PORT || port == SIPS_PORT;
  }

  private Destination address(
      Endpoint named, Transport transport, Direction direction, OutcomeSink out) {
    InetAddress own = facts.sender(direction).address();
    InetAddress address = named.address();
    if (address.equals(own)) {
      return new Destination(Place.NAMED, named, null);
    }
    Announced leads = out.announced(transport, named);
    if (leads != null) {
      boolean itsOwn = leads.destination().address().equals(own);
      if (!itsOwn && !isHairpin(facts, direction, transport, named, out)) {
        return refused(named, SipReason.ADDRESS_NOT_SENDER);
      }
      return new Destination(itsOwn ? Place.NAMED : Place.HAIRPIN, leads.destination(), null);
    }
    if (address.equals(facts.senderSeenByPeer(direction).address())) {
      return new Destination(Place.SEEN, new Endpoint(own, named.port()), null);
    }
    boolean sameFamily = address instanceof Inet4Address == own instanceof Inet4Address;
    boolean ofOneHost = !address.isLoopbackAddress() && !address.isMulticastAddress();
    return sameFamily && ofOneHost && settings.isInMediaNetworks(address)
        ? new Destination(Place.NAMED, named, null)
        : refused(named, SipReason.ADDRESS_NOT_SENDER);
  }

  /**
   * Whether a message may name what others see of another phone behind this firewall: only one that
   * goes to a phone which they see at the same address. The two are in one network then. In a
   * message that leaves this network it would have a neighbour's port opened, and would tell its
   * address. And only what its sender or its receiver has to do with: a far end must not lead one
   * phone to the ports that another one has in a call with somebody else.
   *
   * @param facts the flow
   * @param direction which way the message goes
   * @param transport what comes there
   * @param named the outside endpoint
   * @param out knows what leads from there to inside, and for whom
   * @return false if such an endpoint is not to be taken for what is inside
   */
  public static boolean isHairpin(
      FlowFacts facts, Direction direction, Transport transport, Endpoint named, OutcomeSink out) {
    Direction back = direction.opposite();
    InetAddress receiver = facts.sender(back).address();
    return facts.senderSeenByPeer(back).address().equals(named.address())
        && !receiver.equals(named.address())
        && (out.isKnownTo(transport, named, facts.sender(direction).address())
            || out.isKnownTo(transport, named, receiver));
  }

  private static Destination refused(Endpoint named, SipReason reason) {
    return new Destination(Place.NONE, named, reason);
  }

  /**
   * Who may send media to a party, before the other party said where it takes its own.
   *
   * @return the other end of the flow, or anybody
   */
  public MediaSource beforeAnswer() {
    return settings.media() == SipSettings.MediaFrom.ANY ? MediaSource.ANY : MediaSource.PEER;
  }

  /**
   * Who may send media to a party. The address is exact and the port any (RFC 4961 is not kept by
   * all). A phone behind a NAT that is not ours names an address that nobody sees: its media comes
   * from where its signalling comes from. But where the other end has such an address itself, it
   * may be in the same network.
   *
   * @param named where the other party takes this stream; null if it does not say
   * @param place how that is announced
   * @param other the other end of the flow
   * @return who may come
   */
  public MediaSource after(@Nullable InetAddress named, Place place, InetAddress other) {
    if (named == null || named.equals(other)) {
      return MediaSource.PEER;
    }
    if (place == Place.HAIRPIN) {
      return MediaSource.of(named);
    }
    boolean sameFamily = named instanceof Inet4Address == other instanceof Inet4Address;
    boolean inNetworks = sameFamily && settings.isInMediaNetworks(named);
    boolean allowed =
        switch (settings.media()) {
          case PEER -> false;
          case NETWORKS -> inNetworks;
          case ANY -> inNetworks || (sameFamily && isKnownTo(other, named));
        };
    return allowed ? MediaSource.of(named) : MediaSource.PEER;
  }

  private static boolean isKnownTo(InetAddress other, InetAddress named) {
    boolean ofOneHost =
        !named.isLoopbackAddress() && !named.isLinkLocalAddress() && !named.isMulticastAddress();
    return ofOneHost && (isPrivate(other) || !isPrivate(named));
  }

  /**
   * Whether an address means something in its own network only: RFC 1918, 6598, 3927, 4193, and
   * link-local ones of IPv6.
   *
   * @param address any
   * @return false for what can be reached from elsewhere
   */
  public static boolean isPrivate(InetAddress address) {
    byte[] bytes = address.getAddress();
    int first = Byte.toUnsignedInt(bytes[0]);
    int second = Byte.toUnsignedInt(bytes[1]);
    if (bytes.length == 4) {
      return first == 10
          || (first == 172 && second >> 4 == 1)
          || (first == 192 && second == 168)
          || (first == 100 && second >> 6 == 1)
          || (first == 169 && second == 254)
          || first == 127;
    }
    return first >> 1 == 0x7e || (first == 0xfe && second >> 6 == 2) || address.isLoopbackAddress();
  }
}
