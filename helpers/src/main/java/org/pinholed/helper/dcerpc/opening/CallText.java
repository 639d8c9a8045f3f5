package org.pinholed.helper.dcerpc.opening;

import java.util.Locale;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.dcerpc.call.Request;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.Interfaces;
import org.pinholed.helper.dcerpc.words.Service;
import org.pinholed.helper.dcerpc.words.Uuid;

/** What operators read of calls, in events, listings and traces. */
public final class CallText {
  /** A trace shows no more of a reply. */
  private static final int MOST_PORTS = 4;

  private static final int HOST_LENGTH = 64;

  private CallText() {}

  /**
   * What a request for the endpoint mapper asks for.
   *
   * @param request one that was read
   * @return a line of the trace
   */
  public static String asked(Request request) {
    return request.word().word()
        + " asks for "
        + service(request.high(), request.low())
        + version(request.version());
  }

  /**
   * What a reply says.
   *
   * @param request the call that it answers
   * @param ports what it announces
   * @param stub reads its stub
   * @return a line of the trace
   */
  public static String reply(Request request, AnnouncedPorts ports, StubReader stub) {
    StringBuilder text = new StringBuilder("reply to ").append(request.word().word());
    if (ports.status() != 0) {
      return text.append(": status 0x").append(Long.toHexString(ports.status())).toString();
    }
    if (ports.count() == 0) {
      return text.append(": announces no port").toString();
    }
    for (int at = 0; at < ports.count(); at++) {
      if (at == MOST_PORTS) {
        return text.append(" and ").append(ports.count() - at).append(" more").toString();
      }
      text.append(at == 0 ? ": " : ", ").append(port(request, ports, at, stub));
    }
    return text.toString();
  }

  /** A port that is announced, its service, and where it is said to be. */
  static String port(Request request, AnnouncedPorts ports, int at, StubReader stub) {
    String host =
        switch (ports.host(at)) {
          case SERVER -> "";
          case IPV4 -> " at " + AddressText.of(Openings.ipv4(ports.ipv4(at)));
          case TEXT ->
              " at " + stub.text(ports.hostAt(at), Math.min(HOST_LENGTH, ports.hostLength(at)));
        };
    return ports.transport(at).name().toLowerCase(Locale.ROOT)
        + '/'
        + ports.port(at)
        + ' '
        + service(high(request, ports, at), low(request, ports, at))
        + " opnum "
        + request.opnum()
        + host;
  }

  /** The name of an interface, if it has one that is known, and its UUID. */
  static String service(long high, long low) {
    String name = Interfaces.nameOf(high, low);
    return (name == null ? "" : name + ' ') + Uuid.text(high, low);
  }

  /** A version as it is written. */
  static String version(int version) {
    return " v" + (version >>> Short.SIZE) + '.' + (version & 0xffff);
  }

  // ---- Of which interface a port is ---------------------------------------------------------

  static long high(Request request, AnnouncedPorts ports, int at) {
    return isMapper(request) ? ports.high(at) : request.service().high();
  }

  static long low(Request request, AnnouncedPorts ports, int at) {
    return isMapper(request) ? ports.low(at) : request.service().low();
  }

  static int version(Request request, AnnouncedPorts ports, int at) {
    return isMapper(request) ? ports.version(at) : request.service().majorVersion() << Short.SIZE;
  }

  /** A string binding does not say of which interface it is: the one that announced it counts. */
  private static boolean isMapper(Request request) {
    return request.service() == Service.ENDPOINT_MAPPER;
  }
}
