package org.pinholed.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipStream;

/** The messages of RFC 4475, in both directions: each passes, and the next call works. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipTortureIT {
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final Pattern HEX = Pattern.compile("<hex>(\\p{XDigit}*)</hex>");
  private static final Pattern REPEAT =
      Pattern.compile("<repeat count=(\\d+)>(.*?)</repeat>", Pattern.DOTALL);

  /** An address of RFC 4475; none of them is one of the laboratory's. */
  private static final Pattern ITS_ADDRESS = Pattern.compile("192\\.0\\.2\\.\\d+");

  private static final String OUTSIDE = "203.0.113.1";

  private final Map<String, String> messages = messages();
  private final SipLabs labs = new SipLabs();

  /** Where some of them begin calls and registrations that nobody ends. */
  private final SipLabs begun = new SipLabs();

  @AfterAll
  void close() {
    try (labs;
        begun) {
      // Both insist that nothing was invalid.
    }
  }

  /** By their names; they are those of the unit tests. */
  private static Map<String, String> messages() {
    Path file =
        Lab.projectRoot()
            .resolve("helpers/src/test/resources/org/pinholed/helper/sip/message/rfc4475.txt");
    Map<String, String> messages = new LinkedHashMap<>();
    try {
      for (String part : Files.readString(file, UTF_8).split("(?m)^=== ", -1)) {
        String[] fields = part.substring(0, part.indexOf('\n')).split(" *\\| ?", -1);
        if (fields.length > 1) {
          messages.put(fields[0], decoded(part.substring(part.indexOf('\n') + 1)));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return messages;
  }

  private static String decoded(String text) {
    String repeated =
        REPEAT
            .matcher(text.replace("\n", "\r\n"))
            .replaceAll(
                found ->
                    Matcher.quoteReplacement(
                        found.group(2).repeat(Integer.parseInt(found.group(1)))));
    return HEX.matcher(repeated)
        .replaceAll(
            found ->
                Matcher.quoteReplacement(
                    new String(HexFormat.of().parseHex(found.group(1)), ISO_8859_1)));
  }

  static Stream<Router> overUdp() {
    return Stream.of(
        new Router(null, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.DNAT, Family.V4, true));
  }

  static Stream<Router> overTcp() {
    return overUdp().map(router -> new Router(router.nat(), router.family(), false));
  }

  @ParameterizedTest
  @MethodSource("overUdp")
  void datagrams_passAsTheyCame(Router router) {
    SipScenario scenario = labs.with(router);
    assertEquals(49, messages.size());
    try (SipLine line = scenario.udp(5060)) {
      messages.forEach(
          (name, text) -> {
            assertEquals(text, line.dialogue().toServer(text), name);
            assertEquals(text, line.dialogue().toClient(text), name);
          });
      assertNothingOpened(scenario);
      callWorks(scenario, line);
    }
  }

  /** The same by a phone that has the addresses which they name: nothing but these may change. */
  @ParameterizedTest
  @MethodSource("overUdp")
  void datagramsThatNameTheSender_keepWhatIsNoAddress(Router router) {
    SipScenario scenario = begun.with(router);
    try (SipLine line = scenario.udp(5060)) {
      messages.forEach(
          (name, text) -> {
            String own = ITS_ADDRESS.matcher(text).replaceAll(line.client().host());
            String heard = line.dialogue().toServer(own);
            assertEquals(
                own, router.nat() == NatMode.MASQUERADE ? inside(own, heard) : heard, name);
          });
      callWorks(scenario, line);
    }
  }

  /** Takes back what translation may change. */
  private static String inside(String said, String heard) {
    String addresses = heard.replace(OUTSIDE, Family.V4.client());
    Matcher length = Pattern.compile("(?im)^(?:content-length|l)[ \t]*:[ \t]*\\d+").matcher(said);
    return length.find()
        ? addresses.replaceFirst(
            "(?im)^(?:content-length|l)[ \t]*:[ \t]*\\d+", Matcher.quoteReplacement(length.group()))
        : addresses;
  }

  /** Each on a connection of its own: some of them leave the reader in doubt for good. */
  @ParameterizedTest
  @MethodSource("overTcp")
  void streams_passAsTheyCame(Router router) {
    SipScenario scenario = labs.with(router);
    messages.forEach(
        (name, text) -> {
          try (SipLine line = scenario.tcp()) {
            SipStream stream = (SipStream) line.dialogue();
            stream.clientConnection().send(text);
            assertEquals(text, stream.serverConnection().take(text.length(), PATIENCE), name);
            stream.serverConnection().send(text);
            assertEquals(text, stream.clientConnection().take(text.length(), PATIENCE), name);
          }
        });
    assertNothingOpened(scenario);
    try (SipLine line = scenario.tcp()) {
      callWorks(scenario, line);
    }
  }

  private static void assertNothingOpened(SipScenario scenario) {
    assertEquals(List.of(), scenario.rows("expectations"));
  }

  private static void callWorks(SipScenario scenario, SipLine line) {
    try (SipCall call = scenario.call(line).connect()) {
      call.assertAudio();
      call.hangUp(Side.CALLER);
    }
  }
}
