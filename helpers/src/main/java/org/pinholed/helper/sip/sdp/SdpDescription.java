package org.pinholed.helper.sip.sdp;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.sip.words.SipReason;

/**
 * What a party says in one description: where it takes the packets of each stream. Immutable and
 * small; what a call keeps of an offer or an answer.
 *
 * @param streams one for each {@code m=} line that was looked at, in their order
 */
public record SdpDescription(List<Stream> streams) {
  private static final int PORT_MAX = 65535;

  /** Copies the list. */
  public SdpDescription {
    streams = List.copyOf(streams);
  }

  /**
   * One stream.
   *
   * @param kind how its packets travel
   * @param address where it takes them; null if it is off or refused, and if it names no address
   *     for now (0.0.0.0, {@code ::})
   * @param port 0..65535; 0 if it is off, refused, or shares the port of {@code bundledInto}
   * @param count how many pairs of ports there are from {@code port} on; more than 1 only for RTP
   * @param rtcpAddress where it takes RTCP; null if that is {@code address}
   * @param rtcpPort where it takes RTCP if that is not multiplexed; 0 for nowhere
   * @param muxOffered whether RTCP may come to {@code port}
   * @param held whether it is on hold
   * @param connects whether it only opens connections itself, so that its port is a placeholder
   * @param bundledInto index of the stream whose port it shares or wants to share; -1 for none
   * @param refusal why nothing of it may be opened; null if there is no reason
   */
  public record Stream(
      StreamKind kind,
      @Nullable InetAddress address,
      int port,
      int count,
      @Nullable InetAddress rtcpAddress,
      int rtcpPort,
      boolean muxOffered,
      boolean held,
      boolean connects,
      int bundledInto,
      @Nullable SipReason refusal) {
    /** Refuses numbers outside their ranges. */
    public Stream {
      Ranges.require("port", port, 0, PORT_MAX);
      Ranges.require("count", count, 1, PORT_MAX);
      Ranges.require("rtcpPort", rtcpPort, 0, PORT_MAX);
      Ranges.require("bundledInto", bundledInto, -1, 63);
    }

    /**
     * A stream of which nothing may be opened.
     *
     * @param reason why
     * @return a stream
     */
    public static Stream refused(SipReason reason) {
      return new Stream(StreamKind.UNKNOWN, null, 0, 1, null, 0, false, false, false, -1, reason);
    }

    /**
     * Whether it is refused by its party, or has ended: port 0, and of no group.
     *
     * @return false if it was refused here
     */
    public boolean isOff() {
      return port == 0 && bundledInto < 0 && refusal == null;
    }

    /**
     * Whether it names an address and a port that can be opened, if the rules allow it.
     *
     * @return false if it is off, refused, only connects, or has no address for now
     */
    public boolean canOpen() {
      return port > 0 && address != null && refusal == null && !connects;
    }
  }

  /**
   * Copies what was read.
   *
   * @param view after {@link SdpView#read} without a reason
   * @param sender the address of its sender, which it mostly names: then the two are one object
   * @return a description
   */
  public static SdpDescription of(SdpView view, InetAddress sender) {
    List<Stream> streams = new ArrayList<>(view.streams());
    InetAddress last = sender;
    for (int at = 0; at < view.streams(); at++) {
      Stream stream = of(view.media(at), last);
      streams.add(stream);
      last = stream.address() == null ? last : stream.address();
    }
    return new SdpDescription(streams);
  }

  private static Stream of(SdpMedia media, InetAddress last) {
    SipReason refusal = media.refusal();
    if (refusal != null) {
      return Stream.refused(refusal);
    }
    if (media.port() == 0) {
      return new Stream(
          media.kind(),
          null,
          0,
          1,
          null,
          0,
          media.muxOffered(),
          media.isHeld(),
          false,
          media.bundledInto(),
          null);
    }
    @Nullable InetAddress address = addressOf(media.connection(), last);
    int rtcpPort = media.rtcpPort();
    @Nullable InetAddress rtcp =
        rtcpPort > 0 ? addressOf(media.rtcpAddress(), address == null ? last : address) : null;
    return new Stream(
        media.kind(),
        address,
        media.port(),
        media.count(),
        rtcp != null && rtcp.equals(address) ? null : rtcp,
        rtcpPort,
        media.muxOffered(),
        media.isHeld(),
        media.connects(),
        media.bundledInto(),
        null);
  }

  // The streams of a description mostly have one address: then they share one object.
  private static @Nullable InetAddress addressOf(SdpAddress found, InetAddress last) {
    if (!found.isAddress() || found.isUnspecified()) {
      return null;
    }
    return found.is(last.getAddress()) ? last : found.address();
  }

  /**
   * Writes it for another process.
   *
   * @return text for {@link #ofText}, without spaces; about 10 characters a stream, 30 at most with
   *     IPv4 addresses
   */
  public String toText() {
    return StreamText.of(streams);
  }

  /**
   * Reads what another process wrote.
   *
   * @param text what {@link #toText} said, or anything else
   * @return null if it is not understood
   */
  public static @Nullable SdpDescription ofText(String text) {
    @Nullable List<Stream> streams = StreamText.streams(text);
    return streams == null ? null : new SdpDescription(streams);
  }
}
