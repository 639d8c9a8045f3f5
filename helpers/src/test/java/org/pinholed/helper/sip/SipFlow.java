package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.HelperSetup;

/** Flows of SIP, and messages of the cases. */
final class SipFlow {
  static final HelperLimits LIMITS = new HelperLimits(1024, 4096, 32, 512);

  private SipFlow() {}

  /** What of the cases is. */
  static String read(String name) {
    try (InputStream in =
        SipFlow.class.getResourceAsStream("/org/pinholed/helper/sip/cases/" + name)) {
      return new String(in.readAllBytes(), ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Endpoint endpoint(String text) {
    int colon = text.lastIndexOf(':');
    String host = text.substring(0, colon).replace("[", "").replace("]", "");
    try {
      return new Endpoint(InetAddress.getByName(host), Integer.parseInt(text.substring(colon + 1)));
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  static FlowFacts facts(
      Transport transport, FlowFacts.Origin origin, String client, String seen, String server) {
    return new FlowFacts(
        transport, endpoint(client), endpoint(seen), endpoint(server), endpoint(server), origin);
  }

  /** The phone of the cases behind masquerade. */
  static FlowFacts masqueraded(Transport transport, FlowFacts.Origin origin) {
    return facts(transport, origin, "192.0.2.10:5062", "203.0.113.1:5062", "203.0.113.10:5060");
  }

  /** The phone of the cases that is routed. */
  static FlowFacts routed(Transport transport, FlowFacts.Origin origin) {
    return facts(
        transport, origin, "198.51.100.10:5062", "198.51.100.10:5062", "203.0.113.10:5060");
  }

  static HelperSetup setup(FlowFacts facts, @Nullable Endpoint translated) {
    return new HelperSetup(new SipProtocol(), Map.of(), LIMITS, facts, translated);
  }

  static HelperSetup setup(FlowFacts facts) {
    return new HelperSetup(new SipProtocol(), LIMITS, facts);
  }
}
