package org.pinholed.agent.announce;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Transport;

/** Where the child of a translated parent comes from and goes to. */
class ChildPathTest {
  private static final String CLIENT = "192.0.2.10";
  private static final String CLIENT_SEEN = "203.0.113.1";
  private static final String SERVER = "198.51.100.7";
  private static final String SERVER_SEEN = "192.0.2.1";
  private static final String THIRD = "198.51.100.99";

  /** Both ends are translated. */
  private static final FlowFacts TWICE =
      new FlowFacts(
          Transport.UDP,
          new Endpoint(address(CLIENT), 40_000),
          new Endpoint(address(CLIENT_SEEN), 41_000),
          new Endpoint(address(SERVER), 5060),
          new Endpoint(address(SERVER_SEEN), 5060),
          FlowFacts.Origin.FIRST_BYTE);

  private enum Word implements HelperWord {
    SAID;

    @Override
    public String word() {
      return "said";
    }
  }

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static ExpectationRequest.Builder to(Direction announcedIn, String host) {
    return ExpectationRequest.builder(
        "media", announcedIn, new Endpoint(address(host), 30_000), Word.SAID);
  }

  private static final ChildPath OF_THE_PEER =
      new ChildPath(
          address(CLIENT_SEEN),
          new Endpoint(address(CLIENT), 30_000),
          address(SERVER),
          address(SERVER_SEEN));

  @Test
  void peer_comesByItsOwnAddress_andIsSeenByTheOneThatIsKnown() {
    ChildPath path = ChildPath.of(TWICE, to(Direction.ORIGINAL, CLIENT).build());
    assertEquals(OF_THE_PEER, path);
    assertEquals(
        new ChildTranslation(new Endpoint(address(CLIENT), 30_000), address(SERVER_SEEN)),
        path.translation(30_000));
  }

  /** The client knows the server by the address that it dials; the firewall by both. */
  @ParameterizedTest
  @ValueSource(strings = {SERVER, SERVER_SEEN})
  void namedPeer_isThePeer_byWhicheverOfItsAddresses(String named) {
    assertEquals(
        OF_THE_PEER,
        ChildPath.of(TWICE, to(Direction.ORIGINAL, CLIENT).many().from(address(named)).build()));
  }

  @ParameterizedTest
  @ValueSource(strings = {CLIENT, CLIENT_SEEN})
  void namedClient_isThePeerOfTheServer(String named) {
    assertEquals(
        new ChildPath(
            address(SERVER_SEEN),
            new Endpoint(address(SERVER), 30_000),
            address(CLIENT),
            address(CLIENT_SEEN)),
        ChildPath.of(TWICE, to(Direction.REPLY, SERVER).many().from(address(named)).build()));
  }

  @Test
  void namedOther_comesByTheNamedAddress_andIsSeenByIt() {
    ChildPath path =
        ChildPath.of(TWICE, to(Direction.ORIGINAL, CLIENT).many().from(address(THIRD)).build());
    assertEquals(address(THIRD), path.source());
    assertNull(path.sourceSeen());
    assertEquals(address(CLIENT_SEEN), path.outside());
  }

  @Test
  void anySource_isTranslatedByItsDestinationOnly() {
    ChildPath path = ChildPath.of(TWICE, to(Direction.ORIGINAL, CLIENT).many().fromAny().build());
    assertNull(path.source());
    assertNull(path.sourceSeen());
    assertEquals(
        new ChildTranslation(new Endpoint(address(CLIENT), 30_000), null),
        path.translation(30_000));
  }

  /** The peer itself comes to a third address, so its own address is that of the first packet. */
  @Test
  void thirdDestination_isNotTranslated_butThePeerIsFound() {
    ChildPath path =
        ChildPath.of(
            TWICE, to(Direction.ORIGINAL, THIRD).many().from(address(SERVER_SEEN)).build());
    assertEquals(address(SERVER), path.source());
    assertNull(path.translation(30_000));
  }
}
