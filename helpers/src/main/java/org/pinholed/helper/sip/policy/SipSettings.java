package org.pinholed.helper.sip.policy;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.text.Network;
import org.pinholed.helper.text.Options;
import org.pinholed.helper.text.PortSet;

/**
 * What can be configured about SIP. Immutable, one per configured helper, shared by all its flows.
 *
 * @param media from where media may come
 * @param mediaNetworks networks of media that are neither of the two ends of the signalling
 * @param deniedPorts ports that are never opened
 * @param cutMedia whether the media of a call that ended is cut
 * @param partiesShown whether user parts are shown to operators
 * @param maxCall the longest call, above zero
 * @param calls calls that are remembered at a time, 1..1048576
 * @param unansweredPerSource calls that one address begins within 32 s and nobody answers, 1 or
 *     more
 * @param forks early dialogs of a call, 1 or more
 * @param mediaPerCall streams of a description, 1..64
 * @param registrations registrations at a time, 1..1048576
 * @param registrationsPerSource registrations of one address (IPv6: /64), 1 or more
 * @param contacts contacts of a registration, 1 or more
 */
public record SipSettings(
    MediaFrom media,
    List<Network> mediaNetworks,
    PortSet deniedPorts,
    boolean cutMedia,
    boolean partiesShown,
    Duration maxCall,
    int calls,
    int unansweredPerSource,
    int forks,
    int mediaPerCall,
    int registrations,
    int registrationsPerSource,
    int contacts) {
  private static final int MAP_MAX = 1 << 20;

  /** From where media may come, beside the other end of the flow that carries the signalling. */
  public enum MediaFrom {
    /** From nowhere else. */
    PEER,
    /** From {@link SipSettings#mediaNetworks}. */
    NETWORKS,
    /** From wherever the other side says. */
    ANY
  }

  /** Refuses values outside their ranges. */
  public SipSettings {
    mediaNetworks = List.copyOf(mediaNetworks);
    Ranges.require("calls", calls, 1, MAP_MAX);
    Ranges.require("unansweredPerSource", unansweredPerSource, 1, MAP_MAX);
    Ranges.require("forks", forks, 1, 64);
    Ranges.require("mediaPerCall", mediaPerCall, 1, 64);
    Ranges.require("registrations", registrations, 1, MAP_MAX);
    Ranges.require("registrationsPerSource", registrationsPerSource, 1, MAP_MAX);
    Ranges.require("contacts", contacts, 1, 64);
    if (maxCall.isNegative() || maxCall.isZero()) {
      throw new IllegalArgumentException("maxCall: " + maxCall + " (expected: above zero)");
    }
  }

  /**
   * Whether an address lies in {@link #mediaNetworks}.
   *
   * @param address any address
   * @return true if it does
   */
  public boolean isInMediaNetworks(InetAddress address) {
    return Options.anyContains(mediaNetworks, address);
  }
}
