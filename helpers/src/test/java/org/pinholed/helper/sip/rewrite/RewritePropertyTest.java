package org.pinholed.helper.sip.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.rewrite.Mappings.Wrote;

/**
 * Messages of all kinds on flows translated in all ways: what is changed towards the outside comes
 * back as it was, and not a byte beside the fields of the table changes.
 */
class RewritePropertyTest {
  /** A flow, what stands for what on it, and the texts of it that change together. */
  private record Scene(Rewriting flow, List<String> inside, List<String> outside) {}

  private static Scene scene(Random random, Transport transport) {
    boolean six = random.nextBoolean();
    String own = six ? "2001:db8:1::" + hex(random) : "192.0.2." + (1 + random.nextInt(254));
    String seen =
        random.nextInt(8) == 0
            ? own
            : six ? "2001:db8:2:3::" + hex(random) : "203.0.113." + (1 + random.nextInt(254));
    int port = random.nextBoolean() ? 5060 : port(random);
    int seenPort = random.nextBoolean() ? port : port(random);
    String server = six ? "[2001:db8:9::9]:5060" : "198.51.100.9:5060";
    Rewriting flow = new Rewriting(transport, at(own, port), at(seen, seenPort), server, server);
    boolean plain = own.equals(seen) && port == seenPort; // then nothing is translated
    int next = 20_000 + 2 * random.nextInt(2000);
    List<String> inside = new ArrayList<>(List.of(host(own), String.valueOf(port)));
    List<String> outside = new ArrayList<>(List.of(host(seen), String.valueOf(seenPort)));
    for (int mapping = 0; mapping < 3; mapping++) {
      int listens = 40_000 + mapping * 100;
      int taken = plain || random.nextBoolean() ? listens : next + mapping * 1000;
      flow.map(transport, at(own, listens), at(seen, taken));
      inside.add(String.valueOf(listens));
      outside.add(String.valueOf(taken));
    }
    for (int media = 0; media < 2; media++) {
      int listens = 50_000 + media * 10;
      int taken = plain || random.nextBoolean() ? listens : next + 10_000 + media * 2;
      flow.map(Transport.UDP, at(own, listens), at(seen, taken));
      flow.map(Transport.UDP, at(own, listens + 1), at(seen, taken + 1));
      inside.add(String.valueOf(listens));
      outside.add(String.valueOf(taken));
    }
    if (port == 5060) {
      flow.map(transport, at(own, 5060), at(seen, seenPort), Wrote.HOST_AND_PORT);
    }
    return new Scene(flow, inside, outside);
  }

  private static String hex(Random random) {
    return Integer.toHexString(1 + random.nextInt(0xfffe));
  }

  private static int port(Random random) {
    return 10_000 + random.nextInt(9_000);
  }

  private static String at(String address, int port) {
    return host(address) + ":" + port;
  }

  private static String host(String address) {
    return address.indexOf(':') < 0 ? address : "[" + address + "]";
  }

  /**
   * A message in which {0} is the host of the sender, {1} its port, {2}..{4} other ports of its
   * signalling and {5}, {6} of its media; and everything that looks like them and is none.
   */
  private static String text(Random random, Transport transport, List<String> names, Scene scene) {
    String host = names.get(0);
    String port = names.get(1);
    String bare = host.replace("[", "").replace("]", "");
    String type = host.startsWith("[") ? "IP6" : "IP4";
    String never = scene.inside.get(0) + ":" + scene.inside.get(1) + scene.outside.get(0);
    StringBuilder text = new StringBuilder();
    text.append("INVITE sip:b@far.example SIP/2.0\r\n");
    text.append(random.nextBoolean() ? "Via: " : "v:").append("SIP/2.0/").append(transport);
    text.append(' ').append(host).append(':').append(port).append(";rport;branch=z9hG4bK");
    text.append(random.nextInt(1000)).append("\r\nVia: SIP/2.0/UDP far.example;x=\"");
    text.append(never).append("\"\r\nFrom: \"").append(never).append("\" <sip:");
    text.append(scene.inside.get(0)).append(">;tag=1\r\nTo: <sip:").append(scene.outside.get(0));
    text.append(">\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n");
    String[] headers = {"Contact: ", "m:", "Record-Route: ", "Path:", "Refer-To: ", "r : "};
    for (int lines = random.nextInt(5); lines > 0; lines--) {
      text.append(headers[random.nextInt(headers.length)]);
      for (int uris = 1 + random.nextInt(3); uris > 0; uris--) {
        String named = names.get(1 + random.nextInt(4));
        switch (random.nextInt(4)) {
          case 0 -> text.append("<sip:far.example:").append(scene.inside.get(1)).append('>');
          case 1 ->
              text.append("\"")
                  .append(never)
                  .append("\" <sip:u@")
                  .append(host)
                  .append(':')
                  .append(named)
                  .append(";p=")
                  .append(scene.inside.get(1))
                  .append(">;expires=9");
          default -> text.append("<sip:").append(host).append(':').append(named).append('>');
        }
        text.append(uris > 1 ? ", " : "\r\n");
      }
    }
    StringBuilder body = new StringBuilder("v=0\r\no=- 1 1 IN ");
    body.append(type).append(' ').append(bare).append("\r\ns=").append(never);
    body.append("\r\nc=IN ").append(type).append(' ').append(bare).append("\r\nt=0 0\r\n");
    for (int media = 0; media < 2; media++) {
      body.append("m=audio ").append(names.get(5 + media)).append(" RTP/AVP 0\r\na=label:");
      body.append(never).append("\r\n");
    }
    boolean described = random.nextInt(4) > 0;
    boolean counted = transport == Transport.TCP || random.nextBoolean();
    if (described) {
      text.append("Content-Type: application/sdp\r\n");
    }
    if (counted) {
      text.append(random.nextBoolean() ? "Content-Length: " : "l:");
      text.append(described ? body.length() : 0).append("\r\n");
    }
    return text.append("\r\n").append(described ? body : "").toString();
  }

  @Property(tries = 2000)
  void overUdp_exactlyTheFieldsChange_andComeBack(@ForAll long seed) {
    Random random = new Random(seed);
    Scene scene = scene(random, Transport.UDP);
    long same = random.nextLong();
    String before = text(new Random(same), Transport.UDP, scene.inside, scene);
    String after = text(new Random(same), Transport.UDP, scene.outside, scene);
    assertEquals(after, scene.flow.client(before), "only what stands for the sender, all of that");
    // what came by the Via of a request goes back in its answer: the Via of another one stays
    String request =
        after.replaceFirst("\r\n[Vv](ia)?: ?SIP[^\r]*", "\r\nVia: SIP/2.0/UDP x;branch=1");
    String back =
        before.replaceFirst("\r\n[Vv](ia)?: ?SIP[^\r]*", "\r\nVia: SIP/2.0/UDP x;branch=1");
    assertEquals(back, scene.flow.server(request));
    String answer = after.replaceFirst("INVITE [^\r]*", "SIP/2.0 200 OK");
    assertEquals(before.replaceFirst("INVITE [^\r]*", "SIP/2.0 200 OK"), scene.flow.server(answer));
  }

  @Property(tries = 1000)
  void overTcp_theSame_butForWhiteSpaceAndZeros(@ForAll long seed) {
    Random random = new Random(seed);
    Scene scene = scene(random, Transport.TCP);
    long same = random.nextLong();
    String before = text(new Random(same), Transport.TCP, scene.inside, scene);
    String after = text(new Random(same), Transport.TCP, scene.outside, scene);
    String got = scene.flow.client(before);
    assertEquals(tight(after), tight(got));
    if (after.length() <= before.length()) {
      assertEquals(before.length(), got.length(), "what became shorter is filled");
    } else {
      assertTrue(got.length() == before.length() || got.equals(after), "all of it or nothing");
    }
  }

  private static String tight(String message) {
    return message
        .replaceAll("(?m)^([\\w-]+) *: *", "$1:")
        .replaceAll("(?m)^(l|Content-Length):0+(?=\\d)", "$1:");
  }
}
