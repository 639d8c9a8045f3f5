package org.pinholed.helper.sip;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.text.Options;

/**
 * The options of an entry, and what is taken where one is not set.
 *
 * <p>The denied ports are those of services that nobody should reach because a description named
 * their port: data bases, remote control, file servers, what answers to whoever asks over UDP, and
 * SIP itself. They are few, because media come to any port from 1024 on: a refused port is a call
 * that hears nothing.
 */
final class SipOptions {
  static final String MEDIA = "media";
  static final String MEDIA_NETWORKS = "mediaNetworks";
  static final String DENIED_PORTS = "deniedPorts";
  static final String CUT_MEDIA = "cutMedia";
  static final String PARTIES = "parties";
  static final String MAX_CALL = "maxCall";
  static final String CALLS = "calls";
  static final String UNANSWERED_PER_SOURCE = "unansweredPerSource";
  static final String FORKS = "forks";
  static final String MEDIA_PER_CALL = "mediaPerCall";
  static final String REGISTRATIONS = "registrations";
  static final String REGISTRATIONS_PER_SOURCE = "registrationsPerSource";
  static final String CONTACTS = "contacts";

  static final String DEFAULT_DENIED_PORTS =
      "1433-1434,1521,1900,2049,2375-2376,3306,3389,3702,5060-5061,5353,5432,5900,5985-5986,6379,"
          + "11211,27017";

  static final Map<String, String> DESCRIBED = described();

  private static final int COUNT_MAX = 1 << 20;
  private static final int FEW_MAX = 64;

  private SipOptions() {}

  /**
   * Checks options.
   *
   * @param options values as the configuration gives them; lists may be one text with commas
   * @return checked settings
   * @throws IllegalArgumentException for an unknown option or a bad value
   */
  static SipSettings of(Map<String, Object> options) {
    Options values = new Options(options, DESCRIBED.keySet());
    return new SipSettings(
        MediaFrom.valueOf(values.word(MEDIA, "peer", "networks", "any").toUpperCase(Locale.ROOT)),
        values.networks(MEDIA_NETWORKS),
        values.ports(DENIED_PORTS, DEFAULT_DENIED_PORTS),
        values.flag(CUT_MEDIA, true),
        values.word(PARTIES, "hidden", "shown").equals("shown"),
        values.duration(
            MAX_CALL, Duration.ofHours(12), Duration.ofMinutes(1), Duration.ofHours(24 * 7)),
        values.number(CALLS, 20_000, 1, COUNT_MAX),
        values.number(UNANSWERED_PER_SOURCE, 1_000, 1, COUNT_MAX),
        values.number(FORKS, 16, 1, FEW_MAX),
        values.number(MEDIA_PER_CALL, 16, 1, FEW_MAX),
        values.number(REGISTRATIONS, 10_000, 1, COUNT_MAX),
        values.number(REGISTRATIONS_PER_SOURCE, 100, 1, COUNT_MAX),
        values.number(CONTACTS, 8, 1, FEW_MAX));
  }

  private static Map<String, String> described() {
    Map<String, String> options = new LinkedHashMap<>();
    options.put(
        MEDIA,
        "From where media may come: peer (default), the other end of the signalling; networks, also"
            + " mediaNetworks; any, from wherever the other side says, and before it has said so"
            + " from anywhere.");
    options.put(
        MEDIA_NETWORKS,
        "Networks in CIDR notation of media gateways that stand beside the ends of the signalling;"
            + " none by default.");
    options.put(
        DENIED_PORTS,
        "Ports and ranges that are never opened, in place of the default list "
            + DEFAULT_DENIED_PORTS
            + "; SIP itself may be taken at 5060 and 5061 all the same, and ports below 1024 never"
            + " are.");
    options.put(
        CUT_MEDIA,
        "Whether the media of a call that ended is cut: true (default), or false; then it goes on"
            + " until nobody sends any more.");
    options.put(
        PARTIES,
        "Whether operators see who calls whom: hidden (default), user parts are ***; or shown.");
    options.put(MAX_CALL, "The longest call, 1m..168h; 12h by default.");
    options.put(CALLS, "Calls at a time, 1..1048576; 20000 by default.");
    options.put(
        UNANSWERED_PER_SOURCE,
        "Calls that one address (IPv6: /64) begins within 32 s and nobody answers, 1..1048576; 1000"
            + " by default.");
    options.put(FORKS, "Early dialogs of one call, 1..64; 16 by default.");
    options.put(MEDIA_PER_CALL, "Streams of one description, 1..64; 16 by default.");
    options.put(REGISTRATIONS, "Registrations at a time, 1..1048576; 10000 by default.");
    options.put(
        REGISTRATIONS_PER_SOURCE,
        "Registrations of one address (IPv6: /64), 1..1048576; 100 by default.");
    options.put(CONTACTS, "Contacts of one registration, 1..64; 8 by default.");
    return Collections.unmodifiableMap(options);
  }
}
