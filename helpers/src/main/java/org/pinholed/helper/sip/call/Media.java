package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;
import org.pinholed.helper.sip.sdp.StreamKind;

/**
 * Where a party takes its streams, as a call remembers it: the endpoints inside, and the ports that
 * others see of them. Immutable. Packed, because there may be 20,000 calls with some forks each: 16
 * bytes a stream, and mostly one address for all of them.
 */
final class Media {
  /** Of a party whose description an earlier process read: what it opened may stand. */
  static final Media UNKNOWN = new Builder(0).build();

  private static final int PORT_BITS = 16;
  private static final int PORT_MASK = 0xffff;

  /** Their places in these lists stand in the bits of a stream. */
  static final List<StreamKind> KINDS =
      List.of(StreamKind.RTP, StreamKind.UDP, StreamKind.TCP, StreamKind.UNKNOWN);

  static final List<Place> PLACES = List.of(Place.NONE, Place.NAMED, Place.SEEN, Place.HAIRPIN);

  private final InetAddress[] addresses;

  /** Of each stream, from the lowest bit on: port, port of RTCP, and as others see both. */
  private final long[] ports;

  /** Of each stream the bits of {@link Bits}. */
  private final int[] bits;

  /** The address that others see; null until that is known, and if nobody sees another one. */
  private final @Nullable InetAddress seenAddress;

  /** What stands where in the bits of a stream. */
  private enum Bits {
    KIND(0, 2),
    PLACE(2, 2),
    RTCP_PLACE(4, 2),
    MUX(6, 1),
    OFF(7, 1),
    HELD(8, 1),
    /** Index of the stream that it is bundled into, plus 1. */
    BUNDLED(9, 7),
    /** Index of the address, plus 1. */
    ADDRESS(16, 8),
    /** Index of the address of RTCP, plus 1. */
    RTCP_ADDRESS(24, 8);

    private final int shift;
    private final int mask;

    Bits(int shift, int width) {
      this.shift = shift;
      this.mask = (1 << width) - 1;
    }

    int of(int bits) {
      return bits >>> shift & mask;
    }

    int put(int value) {
      return value << shift;
    }
  }

  private Media(
      InetAddress[] addresses, long[] ports, int[] bits, @Nullable InetAddress seenAddress) {
    this.addresses = addresses;
    this.ports = ports;
    this.bits = bits;
    this.seenAddress = seenAddress;
  }

  /** Collects the streams of a description. */
  static final class Builder {
    private InetAddress[] addresses = new InetAddress[0];
    private final long[] ports;
    private final int[] bits;
    private int count;
    private @Nullable InetAddress seenAddress;

    Builder(int streams) {
      ports = new long[streams];
      bits = new int[streams];
    }

    /**
     * Adds a stream.
     *
     * @param address where it takes RTP; null if it does not say
     * @param rtcpAddress where it takes RTCP; null if that has no port
     * @param bundledInto index of a stream; -1 for none
     */
    Builder add(
        StreamKind kind,
        @Nullable InetAddress address,
        int port,
        Place place,
        @Nullable InetAddress rtcpAddress,
        int rtcpPort,
        Place rtcpPlace,
        boolean mux,
        boolean off,
        boolean held,
        int bundledInto) {
      ports[count] = ((long) rtcpPort << PORT_BITS) | port;
      bits[count] =
          Bits.KIND.put(KINDS.indexOf(kind))
              | Bits.PLACE.put(PLACES.indexOf(place))
              | Bits.RTCP_PLACE.put(PLACES.indexOf(rtcpPlace))
              | Bits.MUX.put(mux ? 1 : 0)
              | Bits.OFF.put(off ? 1 : 0)
              | Bits.HELD.put(held ? 1 : 0)
              | Bits.BUNDLED.put(bundledInto + 1)
              | Bits.ADDRESS.put(indexOf(address) + 1)
              | Bits.RTCP_ADDRESS.put(indexOf(rtcpAddress) + 1);
      count++;
      return this;
    }

    /** Says which ports others see of the stream that was added last; 0 for none. */
    Builder seen(int port, int rtcpPort) {
      ports[count - 1] = withSeen(ports[count - 1], port, rtcpPort);
      return this;
    }

    Builder seenAddress(@Nullable InetAddress address) {
      seenAddress = address;
      return this;
    }

    private void copy(Media from, int stream, boolean held) {
      add(
          from.kind(stream),
          from.address(stream),
          from.port(stream),
          from.place(stream),
          from.rtcpAddress(stream),
          from.rtcpPort(stream),
          from.rtcpPlace(stream),
          from.isMux(stream),
          from.isOff(stream),
          held,
          from.bundledInto(stream));
      seen(from.seenPort(stream), from.seenRtcpPort(stream));
    }

    private int indexOf(@Nullable InetAddress address) {
      if (address == null) {
        return -1;
      }
      for (int at = 0; at < addresses.length; at++) {
        if (addresses[at].equals(address)) {
          return at;
        }
      }
      addresses = Arrays.copyOf(addresses, addresses.length + 1);
      addresses[addresses.length - 1] = address;
      return addresses.length - 1;
    }

    Media build() {
      return new Media(
          addresses, Arrays.copyOf(ports, count), Arrays.copyOf(bits, count), seenAddress);
    }
  }

  int streams() {
    return ports.length;
  }

  StreamKind kind(int stream) {
    return KINDS.get(Bits.KIND.of(bits[stream]));
  }

  Place place(int stream) {
    return PLACES.get(Bits.PLACE.of(bits[stream]));
  }

  Place rtcpPlace(int stream) {
    return PLACES.get(Bits.RTCP_PLACE.of(bits[stream]));
  }

  /** Whether the party offers or accepts RTCP on the port of RTP (RFC 5761). */
  boolean isMux(int stream) {
    return Bits.MUX.of(bits[stream]) == 1;
  }

  /** Whether the stream is refused or over: port 0 (RFC 3264 section 6). */
  boolean isOff(int stream) {
    return Bits.OFF.of(bits[stream]) == 1;
  }

  /** Whether it names no address for now (RFC 3264 section 8.4, the old way to hold). */
  boolean isHeld(int stream) {
    return Bits.HELD.of(bits[stream]) == 1;
  }

  /** The stream whose port it shares (RFC 9143); -1 for none. */
  int bundledInto(int stream) {
    return Bits.BUNDLED.of(bits[stream]) - 1;
  }

  @Nullable InetAddress address(int stream) {
    int index = Bits.ADDRESS.of(bits[stream]);
    return index == 0 ? null : addresses[index - 1];
  }

  @Nullable InetAddress rtcpAddress(int stream) {
    int index = Bits.RTCP_ADDRESS.of(bits[stream]);
    return index == 0 ? null : addresses[index - 1];
  }

  /** Where it takes RTP, if it has a place. */
  Endpoint rtp(int stream) {
    return new Endpoint(Objects.requireNonNull(address(stream)), port(stream));
  }

  /** Where it takes RTCP, if that has a place. */
  Endpoint rtcp(int stream) {
    return new Endpoint(Objects.requireNonNull(rtcpAddress(stream)), rtcpPort(stream));
  }

  int port(int stream) {
    return (int) ports[stream] & PORT_MASK;
  }

  int rtcpPort(int stream) {
    return (int) (ports[stream] >>> PORT_BITS) & PORT_MASK;
  }

  int seenPort(int stream) {
    return (int) (ports[stream] >>> (2 * PORT_BITS)) & PORT_MASK;
  }

  int seenRtcpPort(int stream) {
    return (int) (ports[stream] >>> (3 * PORT_BITS)) & PORT_MASK;
  }

  @Nullable InetAddress seenAddress() {
    return seenAddress;
  }

  /**
   * What others see of a stream; null if nothing was opened. A bundled one has no port of its own
   * where it names that of another one.
   */
  @Nullable Endpoint seen(int stream) {
    int first = bundledInto(stream);
    boolean shares =
        seenPort(stream) == 0
            && first >= 0
            && port(stream) == port(first)
            && Objects.equals(address(stream), address(first));
    return seenEndpoint(seenPort(shares ? first : stream), address(stream));
  }

  @Nullable Endpoint seenRtcp(int stream) {
    return seenEndpoint(seenRtcpPort(stream), rtcpAddress(stream));
  }

  private @Nullable Endpoint seenEndpoint(int port, @Nullable InetAddress own) {
    InetAddress address = seenAddress != null ? seenAddress : own;
    return port == 0 || address == null ? null : new Endpoint(address, port);
  }

  /**
   * The same, with what others see. What is not asked for keeps what was seen of it: a stream may
   * be shut meanwhile, and a copy of its message says all the same what the first one said.
   *
   * @param seenBy the endpoint that others see of each stream, then that of each RTCP; null where
   *     nothing was opened
   * @param asked which of them were to be opened
   */
  Media withSeen(@Nullable Endpoint[] seenBy, boolean[] asked) {
    long[] changed = ports.clone();
    InetAddress other = seenAddress;
    for (int at = 0; at < changed.length; at++) {
      int rtcpAt = changed.length + at;
      Endpoint rtp = seenBy[at];
      changed[at] =
          withSeen(
              changed[at],
              asked[at] ? portOf(rtp) : seenPort(at),
              asked[rtcpAt] ? portOf(seenBy[rtcpAt]) : seenRtcpPort(at));
      if (rtp != null && !rtp.address().equals(address(at))) {
        other = rtp.address();
      }
    }
    boolean same = Arrays.equals(changed, ports) && Objects.equals(other, seenAddress);
    return same ? this : new Media(addresses, changed, bits, other);
  }

  private static int portOf(@Nullable Endpoint seen) {
    return seen == null ? 0 : seen.port();
  }

  private static long withSeen(long ports, int seen, int seenRtcp) {
    long own = ports & 0xffff_ffffL;
    return own | ((long) seen << (2 * PORT_BITS)) | ((long) seenRtcp << (3 * PORT_BITS));
  }

  /**
   * The same, where a stream without an address keeps what the party had before: a hold changes no
   * port (RFC 3264 section 8.4).
   *
   * @param before what the party said before; null for nothing
   */
  Media over(@Nullable Media before) {
    if (before == null) {
      return this;
    }
    @Nullable Builder merged = null;
    for (int at = 0; at < ports.length; at++) {
      boolean keeps = isHeld(at) && at < before.streams() && before.address(at) != null;
      if (keeps && merged == null) {
        merged = new Builder(ports.length).seenAddress(before.seenAddress);
        for (int done = 0; done < at; done++) {
          merged.copy(this, done, isHeld(done));
        }
      }
      if (merged != null) {
        merged.copy(keeps ? before : this, at, isHeld(at));
      }
    }
    return merged == null ? this : merged.build();
  }

  /** Whether it says the same, whatever others see of it. */
  boolean says(@Nullable Media other) {
    if (other == null || other.ports.length != ports.length) {
      return false;
    }
    for (int at = 0; at < ports.length; at++) {
      boolean same =
          (ports[at] & 0xffff_ffffL) == (other.ports[at] & 0xffff_ffffL)
              && withoutAddresses(bits[at]) == withoutAddresses(other.bits[at])
              && Objects.equals(address(at), other.address(at))
              && Objects.equals(rtcpAddress(at), other.rtcpAddress(at));
      if (!same) {
        return false;
      }
    }
    return true;
  }

  private static int withoutAddresses(int bits) {
    return bits & 0xffff;
  }
}
