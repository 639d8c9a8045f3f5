package org.pinholed.helper.sip.call;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * How much of the heap a call takes, so that all calls together stay within a bound: a call with
 * many branches, streams and contacts takes as much as ten usual ones, and strangers say how many
 * there are.
 *
 * <p>Counted with the sizes of 64-bit HotSpot with compressed pointers; what two parts of a call
 * share is counted once where that is usual. CallTextTest compares it with what the objects take.
 */
@SuppressWarnings("ReferenceEquality") // two equal objects take room twice
final class CallSize {
  /** What an entry of {@code calls} stands for. */
  static final int PLACE_BYTES = 2048;

  /** The most that one call may take, in places. */
  static final int MOST_PLACES = 16;

  private static final int CALL = 48;
  private static final int LEG = 64;
  private static final int DIALOG = 56;
  private static final int BYE = 40;
  private static final int PARTY = 48;
  private static final int PENDING = 32;
  private static final int MEDIA = 32;
  private static final int SIGNALS = 16;
  private static final int ONE_SIGNAL = 32 + 32;
  private static final int ENDPOINT = 24;
  private static final int ARRAY = 16;
  private static final int LIST = 24 + ARRAY;
  private static final int REFERENCE = 4;
  private static final int STREAM = Long.BYTES + Integer.BYTES;

  /** An address with its holders and its bytes. */
  private static final int IPV4_ADDRESS = 56;

  private static final int IPV6_ADDRESS = 120;

  private final Call call;
  private long bytes;

  private CallSize(Call call) {
    this.call = call;
  }

  /**
   * How many places of the map of calls a call takes.
   *
   * @return 1 for a usual one
   */
  static int places(Call call) {
    return (int) ((bytes(call) + PLACE_BYTES - 1) / PLACE_BYTES);
  }

  static long bytes(Call call) {
    CallSize size = new CallSize(call);
    size.bytes = CALL + list(call.legs().size()) + list(call.dialogs().size());
    call.legs().forEach(size::add);
    call.dialogs().forEach(size::add);
    return size.bytes;
  }

  private static long list(int length) {
    return length == 0 ? 0 : aligned(LIST + (long) REFERENCE * length);
  }

  private static long aligned(long bytes) {
    return (bytes + 7) / 8 * 8;
  }

  private static int sizeOf(InetAddress address) {
    return address instanceof Inet6Address ? IPV6_ADDRESS : IPV4_ADDRESS;
  }

  private void add(Leg leg) {
    bytes += LEG + sizeOf(leg.caller()) + sizeOf(leg.callee());
    add(leg.offer());
    add(leg.signals());
  }

  private void add(Dialog dialog) {
    bytes += DIALOG + (dialog.bye() == null ? 0 : BYE);
    add(dialog.caller());
    add(dialog.callee());
  }

  private void add(Party party) {
    if (party == Party.UNKNOWN) {
      return;
    }
    bytes += PARTY;
    if (!isOfALeg(party.media())) {
      add(party.media());
    }
    if (!isOfALeg(party.signals())) {
      add(party.signals());
    }
    if (party.refresh() != null) {
      add(party.refresh());
    }
    if (party.pending() != null) {
      bytes += PENDING;
      add(party.pending().media());
    }
  }

  private boolean isOfALeg(@Nullable Media media) {
    for (int at = 0; at < call.legs().size(); at++) {
      if (call.legs().get(at).offer() == media) {
        return true;
      }
    }
    return false;
  }

  private boolean isOfALeg(Signals signals) {
    for (int at = 0; at < call.legs().size(); at++) {
      if (call.legs().get(at).signals() == signals) {
        return true;
      }
    }
    return false;
  }

  private void add(@Nullable Media media) {
    if (media == null || media == Media.UNKNOWN) {
      return;
    }
    bytes += MEDIA + 3 * ARRAY + aligned((long) STREAM * media.streams()) + REFERENCE;
    @Nullable InetAddress last = null;
    for (int at = 0; at < media.streams(); at++) {
      last = addAddress(media.address(at), last);
      last = addAddress(media.rtcpAddress(at), last);
    }
    addAddress(media.seenAddress(), last);
  }

  private void add(Signals signals) {
    if (signals.isEmpty()) {
      return;
    }
    bytes += SIGNALS + list(signals.all().size());
    @Nullable InetAddress last = null;
    for (int at = 0; at < signals.all().size(); at++) {
      Signals.One one = signals.all().get(at);
      bytes += ONE_SIGNAL + ENDPOINT;
      last = addAddress(one.signal().endpoint().address(), last);
      if (one.inside() != one.signal().endpoint()) {
        bytes += ENDPOINT;
        last = addAddress(one.inside().address(), last);
      }
      if (one.seen() != null) {
        bytes += ENDPOINT;
        last = addAddress(one.seen().address(), last);
      }
    }
  }

  private @Nullable InetAddress addAddress(
      @Nullable InetAddress address, @Nullable InetAddress last) {
    if (address == null || address == last) {
      return last;
    }
    bytes += isOfALeg(address) ? 0 : sizeOf(address);
    return address;
  }

  /** Those of the ends of the flow are counted with its way. */
  private boolean isOfALeg(InetAddress address) {
    for (int at = 0; at < call.legs().size(); at++) {
      Leg leg = call.legs().get(at);
      if (leg.caller() == address || leg.callee() == address) {
        return true;
      }
    }
    return false;
  }
}
