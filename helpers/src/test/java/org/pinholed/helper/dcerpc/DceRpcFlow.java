package org.pinholed.helper.dcerpc;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteOrder;
import java.util.Map;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperSetup;

/** Flows of DCE-RPC with the conversations of the case files. */
final class DceRpcFlow {
  static final String CLIENT = "198.51.100.10";
  static final String SERVER = "203.0.113.10";

  private DceRpcFlow() {}

  static FlowFacts facts(Transport transport, String serverSeenByClient) {
    Endpoint client = endpoint(CLIENT, 50000);
    return new FlowFacts(
        transport,
        client,
        client,
        endpoint(SERVER, 135),
        endpoint(serverSeenByClient, 135),
        FlowFacts.Origin.FIRST_BYTE);
  }

  static Endpoint endpoint(String address, int port) {
    try {
      return new Endpoint(InetAddress.getByName(address), port);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  static HelperSetup setup(String name, Map<String, Object> options) {
    return new HelperSetup(
        new DceRpcProtocol(),
        options,
        HelperLimits.DEFAULT,
        facts(name.endsWith("udp") ? Transport.UDP : Transport.TCP, SERVER),
        null);
  }

  /** The server behind destination NAT, at an address of the same length. */
  static HelperSetup translated(String name, int port) {
    return new HelperSetup(
        new DceRpcProtocol(),
        Map.of(),
        HelperLimits.DEFAULT,
        facts(name.endsWith("udp") ? Transport.UDP : Transport.TCP, "198.51.100.99"),
        endpoint("198.51.100.99", port));
  }

  /** A conversation, with the lengths that stand in each header. */
  static Dialogue dialogue(String name) {
    Dialogue dialogue = new Dialogue();
    for (DceRpcCases.Pdu pdu : DceRpcCases.read(name)) {
      byte[] bytes = pdu.bytes();
      ByteOrder order = bytes[4] >> 4 == 1 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
      dialogue.add(pdu.ofClient() ? Direction.ORIGINAL : Direction.REPLY, bytes);
      if (bytes[0] == 4) {
        dialogue.length(74, 2, order).length(76, 2, order);
      } else {
        dialogue.length(8, 2, order).length(10, 2, order).length(16, 4, order);
      }
    }
    return dialogue;
  }
}
