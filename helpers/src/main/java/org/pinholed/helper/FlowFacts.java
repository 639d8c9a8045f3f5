package org.pinholed.helper;

import org.jspecify.annotations.Nullable;

/**
 * What a helper is told about its parent flow, once. Without address translation each pair of
 * endpoints is the same twice.
 *
 * @param transport TCP or UDP
 * @param client the client as it knows itself (source of conntrack's original tuple)
 * @param clientSeenByServer the client as the server sees it (destination of the reply tuple)
 * @param server the server as it knows itself (source of the reply tuple)
 * @param serverSeenByClient the server as the client sees it (destination of the original tuple)
 * @param origin from where on the flow is read
 * @param policyId the firewall policy that let it in; 0 if none put its number there
 * @param clientDevice name of the network device by which the client's packets come in; empty if
 *     that is not known
 * @param serverDevice the same for the server
 * @param announcement what announced it, if it is a child that is read; null for a parent
 */
public record FlowFacts(
    Transport transport,
    Endpoint client,
    Endpoint clientSeenByServer,
    Endpoint server,
    Endpoint serverSeenByClient,
    Origin origin,
    int policyId,
    String clientDevice,
    String serverDevice,
    @Nullable Announcement announcement) {
  /**
   * What announced a child.
   *
   * @param owner who the expectation belonged to; null for the flow that announced it
   * @param group its group
   * @param item its item
   */
  public record Announcement(@Nullable OwnerId owner, String group, String item) {}

  /**
   * Facts of a parent of which nothing but its endpoints is known.
   *
   * @param transport TCP or UDP
   * @param client the client as it knows itself
   * @param clientSeenByServer the client as the server sees it
   * @param server the server as it knows itself
   * @param serverSeenByClient the server as the client sees it
   * @param origin from where on the flow is read
   */
  public FlowFacts(
      Transport transport,
      Endpoint client,
      Endpoint clientSeenByServer,
      Endpoint server,
      Endpoint serverSeenByClient,
      Origin origin) {
    this(
        transport, client, clientSeenByServer, server, serverSeenByClient, origin, 0, "", "", null);
  }

  /** From where on the flow is read; decides what its bytes can prove. */
  public enum Origin {
    /** Every byte or datagram from the first on. */
    FIRST_BYTE,
    /**
     * A flow that an earlier agent read from its first byte until it was {@linkplain
     * OutcomeSink#proven() proven}; this agent begins somewhere later, perhaps in the middle of a
     * line. Of datagrams also a flow that nobody saw before, because it is older than the agent:
     * each of them is whole, but what answers what may not be known.
     */
    RESUMED
  }

  /**
   * Whether addresses or ports are translated.
   *
   * @return true if either side knows the other by another endpoint than that one itself
   */
  public boolean isTranslated() {
    return !client.equals(clientSeenByServer) || !server.equals(serverSeenByClient);
  }

  /**
   * The endpoint that sends in a direction, as it knows itself: what it may announce.
   *
   * @param direction the direction of the announcing bytes
   * @return the client for ORIGINAL, the server for REPLY
   */
  public Endpoint sender(Direction direction) {
    return direction == Direction.ORIGINAL ? client : server;
  }

  /**
   * The endpoint that sends in a direction, as the other side sees it: what a translated payload
   * must say.
   *
   * @param direction the direction of the announcing bytes
   * @return the translated client for ORIGINAL, the translated server for REPLY
   */
  public Endpoint senderSeenByPeer(Direction direction) {
    return direction == Direction.ORIGINAL ? clientSeenByServer : serverSeenByClient;
  }
}
