package org.pinholed.helper.dcerpc.opening;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;
import org.pinholed.helper.dcerpc.call.Request;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubPlaces;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.DceRpcWord;
import org.pinholed.helper.dcerpc.words.Interfaces;
import org.pinholed.helper.dcerpc.words.Uuid;
import org.pinholed.helper.text.AddressParser;

/**
 * What the announcements of one flow open: ports of its server for its client, each as long as it
 * is used, whatever becomes of the flow. Not thread-safe; owned by its flow.
 */
public final class Openings {
  private static final OwnerId.Digest SERVICE = new OwnerId.Digest("dcerpc service");
  private static final String LEASE = "lease";
  private static final int LOWEST_PORT = 1024;

  private final FlowFacts facts;
  private final DceRpcSettings settings;
  private final InetAddress server;

  /** What the client takes for the server's address. */
  private final InetAddress outside;

  private final @Nullable Learned learned;
  private final boolean isLeased;

  /**
   * Makes them for a flow.
   *
   * @param facts what is known of it
   * @param shared what all flows of DCE-RPC share
   * @param settings those of its entry
   */
  public Openings(FlowFacts facts, SharedState shared, DceRpcSettings settings) {
    this.facts = facts;
    this.settings = settings;
    server = facts.server().address();
    outside = facts.serverSeenByClient().address();
    learned =
        settings.isLearned(server) || settings.isLearned(outside)
            ? new Learned(shared, server, settings.learnedFor())
            : null;
    isLeased = settings.lease().allows(server) || settings.lease().allows(outside);
  }

  /**
   * Whether the other side must see another address of the server than the server itself has.
   *
   * @return true if its messages may have to be changed
   */
  public boolean isServerTranslated() {
    return !server.equals(outside);
  }

  /**
   * Opens what a reply announces, as far as that is allowed.
   *
   * @param request the call that it answers
   * @param ports what it announces
   * @param stub reads its stub
   * @param places where its bytes stand in the stream
   * @param streamOffset where the message began
   * @param nowNs the time
   * @param out takes the outcomes
   */
  public void announced(
      Request request,
      AnnouncedPorts ports,
      StubReader stub,
      StubPlaces places,
      long streamOffset,
      long nowNs,
      OutcomeSink out) {
    @Nullable InetAddress[] opened = new InetAddress[ports.count()];
    for (int at = 0; at < ports.count(); at++) {
      InetAddress named = named(ports, at, stub);
      InetAddress host = named == null ? null : host(named);
      DceRpcReason reason = refusal(request, ports, at, host);
      if (reason != null || host == null) {
        out.report(
            reason == null ? DceRpcReason.ADDRESS_NOT_SERVER : reason,
            streamOffset,
            CallText.port(request, ports, at, stub));
        continue;
      }
      boolean isOpen = isOpened(request, ports, at, host, opened);
      if (!isOpen) {
        isOpen =
            open(
                ports.transport(at),
                new Endpoint(host, ports.port(at)),
                CallText.high(request, ports, at),
                CallText.low(request, ports, at),
                CallText.version(request, ports, at),
                request.opnum(),
                request.word(),
                streamOffset,
                out);
        if (isOpen) {
          opened[at] = host;
          learn(request, ports, at, host, nowNs);
        }
      }
      // The text names the server by its own address, which the client cannot reach.
      if (isOpen && isServerTranslated() && server.equals(named)) {
        translate(ports, at, stub, places, streamOffset, out);
      }
    }
  }

  // Whether the same was opened a moment ago: one port often stands there with several names.
  private static boolean isOpened(
      Request request,
      AnnouncedPorts ports,
      int at,
      InetAddress host,
      @Nullable InetAddress[] opened) {
    for (int other = 0; other < at; other++) {
      if (host.equals(opened[other])
          && ports.port(other) == ports.port(at)
          && ports.transport(other) == ports.transport(at)
          && CallText.high(request, ports, other) == CallText.high(request, ports, at)
          && CallText.low(request, ports, other) == CallText.low(request, ports, at)) {
        return true;
      }
    }
    return false;
  }

  // Why a port is not opened; a host that is null is none that may be announced.
  private @Nullable DceRpcReason refusal(
      Request request, AnnouncedPorts ports, int at, @Nullable InetAddress host) {
    long high = CallText.high(request, ports, at);
    long low = CallText.low(request, ports, at);
    if (request.word() == DceRpcWord.EPT_MAP && (high != request.high() || low != request.low())) {
      return DceRpcReason.OTHER_SERVICE;
    }
    if (!settings.interfaces().allows(high, low)) {
      return DceRpcReason.INTERFACE_DENIED;
    }
    if (host == null) {
      return DceRpcReason.ADDRESS_NOT_SERVER;
    }
    if (ports.port(at) < LOWEST_PORT) {
      return DceRpcReason.PORT_BELOW_1024;
    }
    return settings.deniedPorts().contains(ports.port(at)) ? DceRpcReason.PORT_DENIED : null;
  }

  private boolean open(
      Transport transport,
      Endpoint destination,
      long high,
      long low,
      int version,
      int opnum,
      HelperWord cause,
      long streamOffset,
      OutcomeSink out) {
    int port = destination.port();
    byte[] place = {
      (byte) (transport == Transport.UDP ? 1 : 0), (byte) (port >> Byte.SIZE), (byte) port
    };
    OwnerId owner =
        SERVICE.of(
            facts.client().address().getAddress(), destination.address().getAddress(), place);
    String uuid = Uuid.text(high, low);
    Endpoint seen =
        out.expect(
            ExpectationRequest.builder(
                    transport.name().toLowerCase(Locale.ROOT) + '/' + port + '/' + uuid,
                    Direction.REPLY,
                    destination,
                    cause)
                .owner(owner)
                .transport(transport)
                .many()
                .text(ExpectationRequest.Text.STAYS)
                .lifetime(new Lifetime.Idle(null, settings.idle(), settings.longest()))
                .label(Interfaces.labelOf(high, low))
                .field(uuid + CallText.version(version) + " opnum " + opnum)
                .streamOffset(streamOffset)
                .endpointOffset(streamOffset)
                .build());
    return seen != null;
  }

  private void learn(Request request, AnnouncedPorts ports, int at, InetAddress host, long nowNs) {
    if (learned != null && host.equals(server)) {
      learned.announced(
          new Learned.Port(
              ports.transport(at),
              ports.port(at),
              CallText.high(request, ports, at),
              CallText.low(request, ports, at),
              CallText.version(request, ports, at),
              nowNs));
    }
  }

  /**
   * A reply that cannot be read: it is said so, and what way out there is is taken.
   *
   * @param request the call that it answers
   * @param streamOffset where the message began
   * @param nowNs the time
   * @param out takes the outcomes
   */
  public void sealed(Request request, long streamOffset, long nowNs, OutcomeSink out) {
    StringBuilder wayOut = new StringBuilder();
    if (learned != null) {
      int ports = openLearned(learned, request, streamOffset, nowNs, out);
      wayOut.append("learned, ports: ").append(ports);
    }
    if (isLeased) {
      lease(request, streamOffset, out);
      wayOut.append(wayOut.isEmpty() ? "" : "; ").append(LEASE);
    }
    out.report(
        DceRpcReason.SEALED,
        streamOffset,
        "opnum "
            + request.opnum()
            + " of "
            + CallText.service(request.service().high(), request.service().low())
            + ", level "
            + PduView.LEVEL_PRIVACY
            + ", server "
            + AddressText.of(server)
            + ", way out: "
            + (wayOut.isEmpty() ? "none" : wayOut));
  }

  // What is learned is not learned anew by it, or it would never grow old.
  private int openLearned(
      Learned known, Request request, long streamOffset, long nowNs, OutcomeSink out) {
    List<Learned.Port> ports = known.ports(nowNs);
    int opened = 0;
    for (Learned.Port port : ports) {
      boolean isAllowed =
          settings.interfaces().allows(port.high(), port.low())
              && !settings.deniedPorts().contains(port.number());
      if (isAllowed
          && open(
              port.transport(),
              new Endpoint(server, port.number()),
              port.high(),
              port.low(),
              port.version(),
              request.opnum(),
              request.word(),
              streamOffset,
              out)) {
        opened++;
      }
    }
    return opened;
  }

  private void lease(Request request, long streamOffset, OutcomeSink out) {
    out.expect(
        settings
            .lease()
            .request(LEASE, facts, request.word())
            .field(CallText.service(request.service().high(), request.service().low()))
            .streamOffset(streamOffset)
            .endpointOffset(streamOffset)
            .build());
  }

  // ---- What is announced --------------------------------------------------------------------

  // Which address stands there: what the client takes for the server's if it is a name, which
  // needs no change; null if it is none that can be read.
  private @Nullable InetAddress named(AnnouncedPorts ports, int at, StubReader stub) {
    return switch (ports.host(at)) {
      case SERVER -> outside;
      case IPV4 -> ipv4(ports.ipv4(at));
      case TEXT -> {
        String text = stub.text(ports.hostAt(at), ports.hostLength(at));
        yield HostText.isName(text) ? outside : HostText.address(text);
      }
    };
  }

  // Where a port is: an address that may be announced, or null.
  private @Nullable InetAddress host(InetAddress named) {
    if (named.equals(server) || named.equals(outside) || named.isAnyLocalAddress()) {
      return server;
    }
    boolean isSameFamily = (named instanceof Inet4Address) == (server instanceof Inet4Address);
    return isSameFamily && settings.isForeignAllowed(named) ? named : null;
  }

  static InetAddress ipv4(int address) {
    return AddressParser.toAddress(
        new byte[] {
          (byte) (address >> 24), (byte) (address >> 16), (byte) (address >> 8), (byte) address
        },
        AddressParser.IPV4_BYTES);
  }

  // ---- The text of a translated server ------------------------------------------------------

  // Writes the address that the client knows in place of the server's own.
  private void translate(
      AnnouncedPorts ports,
      int at,
      StubReader stub,
      StubPlaces places,
      long streamOffset,
      OutcomeSink out) {
    byte[] replacement = null;
    if (ports.host(at) == AnnouncedPorts.Host.IPV4) {
      replacement = outside instanceof Inet4Address ? outside.getAddress() : null;
    } else {
      String text = AddressText.of(outside);
      replacement = text.length() == ports.hostLength(at) ? units(text, stub) : null;
    }
    int place = ports.hostAt(at);
    if (replacement == null || !places.mayChange(place, replacement.length)) {
      out.report(DceRpcReason.BINDING_NOT_REWRITTEN, streamOffset, AddressText.of(server));
      return;
    }
    for (int done = 0; done < replacement.length; ) {
      int run = places.runOf(place + done, replacement.length - done);
      out.edit(
          places.streamOffsetOf(place + done),
          run,
          Arrays.copyOfRange(replacement, done, done + run));
      done += run;
    }
  }

  private static byte[] units(String text, StubReader stub) {
    byte[] units = new byte[2 * text.length()];
    int low = stub.order() == ByteOrder.LITTLE_ENDIAN ? 0 : 1;
    for (int at = 0; at < text.length(); at++) {
      units[2 * at + low] = (byte) text.charAt(at);
    }
    return units;
  }
}
