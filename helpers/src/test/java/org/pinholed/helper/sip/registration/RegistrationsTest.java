package org.pinholed.helper.sip.registration;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.testkit.PinholeModel;
import org.pinholed.helper.testkit.SimpleState;
import org.pinholed.helper.text.Options;

/** What is open to a phone that registers. */
class RegistrationsTest {
  private static final String PHONE = "192.0.2.10";
  private static final String OUTSIDE = "203.0.113.1";
  private static final String REGISTRAR = "203.0.113.10";
  private static final String OPEN = REGISTRAR + " > " + PHONE + ":5062";

  private final PinholeModel model = new PinholeModel();
  private SimpleState shared = new SimpleState();
  private SipSettings settings = settings(10_000, 100, 8);
  private FlowFacts facts = flow(PHONE, REGISTRAR, null);

  private static SipSettings settings(int registrations, int ofSource, int contacts) {
    Options options = new Options(Map.of("denied", "5060-5061"), Set.of("networks", "denied"));
    return new SipSettings(
        SipSettings.MediaFrom.PEER,
        options.networks("networks"),
        options.ports("denied", ""),
        true,
        false,
        Duration.ofHours(12),
        100,
        100,
        16,
        16,
        registrations,
        ofSource,
        contacts);
  }

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static Endpoint endpoint(String address, int port) {
    return new Endpoint(address(address), port);
  }

  private static FlowFacts flow(
      String client, String server, FlowFacts.@Nullable Announcement announcement) {
    return new FlowFacts(
        Transport.UDP,
        endpoint(client, 5062),
        endpoint(OUTSIDE, 5062),
        endpoint(server, 5060),
        endpoint(server, 5060),
        FlowFacts.Origin.FIRST_BYTE,
        0,
        "",
        "",
        announcement);
  }

  private static RegisterMessage.Contact contact(String address, int port, long expires) {
    return new RegisterMessage.Contact(endpoint(address, port), true, Transport.UDP, expires);
  }

  private RegisterMessage message(
      int status, long cseq, String branch, long expires, RegisterMessage.Contact... contacts) {
    return message("sip:a@example", status, cseq, branch, expires, false, false, contacts);
  }

  private RegisterMessage message(
      String to,
      int status,
      long cseq,
      String branch,
      long expires,
      boolean all,
      boolean others,
      RegisterMessage.Contact... contacts) {
    RegistrationNames names = new RegistrationNames(facts);
    return new RegisterMessage(
        status,
        cseq,
        names.transaction("call".getBytes(US_ASCII), branch.getBytes(US_ASCII)),
        names.registration(to.getBytes(US_ASCII), Direction.ORIGINAL),
        status == 0 ? Direction.ORIGINAL : Direction.REPLY,
        all,
        List.of(contacts),
        others,
        expires,
        true,
        "sip:***@example",
        0);
  }

  private SeenContacts say(RegisterMessage message) {
    Registrations registrations = new Registrations(facts, shared, settings);
    return message.isRequest()
        ? registrations.onRequest(message, model.nowNs(), model.sink(facts))
        : registrations.onAnswer(message, model.nowNs(), model.sink(facts));
  }

  private void register(long granted) {
    say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
    say(message(200, 1, "b1", granted, contact(OUTSIDE, 5062, -1)));
  }

  @Test
  void opensAtThe2xx_forTheTimeThatItGrants() {
    SeenContacts asked = say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
    assertEquals(endpoint(OUTSIDE, 5062), asked.contact(0));
    assertEquals(Set.of(), model.open());
    SeenContacts answered =
        say(
            message(
                200,
                1,
                "b1",
                3600,
                contact("198.51.100.7", 5060, 60),
                contact(OUTSIDE, 5062, 120)));
    assertNull(answered.contact(0), "another one's contact stays");
    assertEquals(endpoint(PHONE, 5062), answered.contact(1));
    assertEquals(Set.of(OPEN), model.open());
    assertEquals(List.of("registration sip:***@example registered"), model.states());
    model.pass(Duration.ofSeconds(119));
    assertEquals(Set.of(OPEN), model.open());
    model.pass(Duration.ofSeconds(1));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void otherAnswers_openNothing_andWhatWasAskedRunsOut() {
    for (int status : new int[] {100, 401, 407, 423, 503}) {
      say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
      say(message(status, 1, "b1", 3600, contact(OUTSIDE, 5062, -1)));
      assertEquals(Set.of(), model.open());
    }
    model.pass(Duration.ofSeconds(32));
    assertEquals(Set.of(), model.groups());
  }

  @Test
  void answerOfAnotherTransaction_orNumber_opensNothing() {
    say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
    say(message(200, 1, "b2", 3600, contact(OUTSIDE, 5062, -1)));
    say(message(200, 2, "b1", 3600, contact(OUTSIDE, 5062, -1)));
    assertEquals(Set.of(), model.open());
    assertEquals(List.of("registerUnasked", "registerUnasked"), model.takeReasons());
  }

  @Test
  void answerFromAnotherPlace_opensNothing() {
    say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
    facts = flow(PHONE, "203.0.113.66", null);
    say(message(200, 1, "b1", 3600, contact(OUTSIDE, 5062, -1)));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void expiresZero_closes_andItsContactIsStillTranslated() {
    register(3600);
    SeenContacts asked = say(message(0, 2, "b2", -1, contact(PHONE, 5062, 0)));
    assertEquals(endpoint(OUTSIDE, 5062), asked.contact(0));
    assertEquals(Set.of(OPEN), model.open());
    say(message(200, 2, "b2", -1));
    assertEquals(Set.of(), model.open());
    say(message(200, 1, "b1", 3600, contact(OUTSIDE, 5062, -1))); // a late copy
    assertEquals(Set.of(), model.open());
  }

  @Test
  void allContacts_closeTogether() {
    register(3600);
    say(message("sip:a@example", 0, 2, "b2", 0, true, false));
    say(message(200, 2, "b2", -1));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void contactThatIsNotListedAnyMore_closes() {
    register(3600);
    say(message(0, 2, "b2", 3600, contact(PHONE, 5070, -1)));
    say(message(200, 2, "b2", 3600, contact(OUTSIDE, 5070, -1)));
    assertEquals(Set.of(REGISTRAR + " > " + PHONE + ":5070"), model.open());
    say(message(0, 3, "b3", 3600, contact(PHONE, 5070, -1)));
    say(message("sip:a@example", 200, 3, "b3", 3600, false, true)); // only a domain name
    assertEquals(Set.of(), model.open());
  }

  /** A phone that comes from another port each hour, or somebody who names one after the other. */
  @Test
  void contactsOfSeveralRequests_areLimitedTogether_theNewestStay() {
    List<RegisterMessage.Contact> listed = new ArrayList<>();
    for (int number = 0; number < 20; number++) {
      int port = 5070 + number;
      listed.add(contact(OUTSIDE, port, 3600 + number));
      String branch = "b" + number;
      say(message(0, number + 1, branch, 3600, contact(PHONE, port, -1)));
      say(message(200, number + 1, branch, 3600, listed.toArray(RegisterMessage.Contact[]::new)));
      Set<String> open = model.open();
      assertEquals(Math.min(number + 1, settings.contacts()), open.size(), () -> "" + open);
      assertTrue(open.contains(REGISTRAR + " > " + PHONE + ":" + port), () -> "" + open);
      assertEquals(
          number < settings.contacts() ? List.of() : List.of("tooManyContacts"),
          model.takeReasons());
      model.pass(Duration.ofSeconds(1));
    }
    // The one that ends first gives way, and not the one that was asked for just now.
    say(message(0, 30, "b30", 60, contact(PHONE, 6000, -1)));
    listed.add(contact(OUTSIDE, 6000, 60));
    say(message(200, 30, "b30", 60, listed.toArray(RegisterMessage.Contact[]::new)));
    assertTrue(model.open().contains(REGISTRAR + " > " + PHONE + ":6000"));
    assertEquals(settings.contacts(), model.open().size());
    model.pass(Duration.ofHours(2));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void expires_ofTheContact_ofTheMessage_orTheUsualOne_atMost24h() {
    long[][] cases = {{60, 120, 60}, {-1, 120, 120}, {-1, -1, 3600}, {0xffff_ffffL, -1, 86_400}};
    for (long[] one : cases) {
      say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
      say(message(200, 1, "b1", one[1], contact(OUTSIDE, 5062, one[0])));
      model.pass(Duration.ofSeconds(one[2] - 1));
      assertEquals(Set.of(OPEN), model.open());
      model.pass(Duration.ofSeconds(1));
      assertEquals(Set.of(), model.open());
    }
  }

  @Test
  void answerWithoutContacts_opensWhatWasAskedFor() {
    say(message(0, 1, "b1", 600, contact(PHONE, 5062, -1)));
    say(message(200, 1, "b1", -1));
    model.pass(Duration.ofSeconds(599));
    assertEquals(Set.of(OPEN), model.open());
    model.pass(Duration.ofSeconds(1));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void refreshThatNobodyAnswers_takesNothingOfWhatWasGranted() {
    register(3600);
    say(message(0, 2, "b2", 3600, contact(PHONE, 5062, -1)));
    model.pass(Duration.ofSeconds(40));
    assertEquals(Set.of(OPEN), model.open());
    model.pass(Duration.ofSeconds(3559));
    assertEquals(Set.of(OPEN), model.open());
  }

  @Test
  void copies_changeNothing() {
    for (int copy = 0; copy < 3; copy++) {
      assertEquals(
          endpoint(OUTSIDE, 5062),
          say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1))).contact(0));
    }
    for (int copy = 0; copy < 3; copy++) {
      assertEquals(
          endpoint(PHONE, 5062),
          say(message(200, 1, "b1", 60, contact(OUTSIDE, 5062, -1))).contact(0));
      assertEquals(Set.of(OPEN), model.open());
    }
    assertEquals(List.of(), model.takeReasons());
  }

  @Test
  void thirdParty_andOtherTransports_areRefused() {
    say(
        message(
            0,
            1,
            "b1",
            3600,
            contact("192.0.2.99", 5060, -1),
            new RegisterMessage.Contact(endpoint(PHONE, 5061), true, null, -1)));
    assertEquals(List.of("addressNotSender", "contactTransport"), model.takeReasons());
    assertEquals(Set.of(), model.groups());
  }

  @Test
  void registerOfWhoWasLetIn_opensNothing() {
    facts = flow(PHONE, REGISTRAR, new FlowFacts.Announcement(null, "r", "c"));
    say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
    assertEquals(List.of("registerInChild"), model.takeReasons());
    assertEquals(Set.of(), model.groups());
  }

  @Test
  void limits_areCounted_andNothingOpens() {
    settings = settings(10_000, 2, 2);
    say(
        message(
            0,
            1,
            "b1",
            3600,
            contact(PHONE, 5062, -1),
            contact(PHONE, 5070, -1),
            contact(PHONE, 5080, -1)));
    assertEquals(List.of("tooManyContacts"), model.takeReasons());
    for (String who : List.of("sip:a@e", "sip:b@e", "sip:a@e", "sip:c@e")) {
      say(message(who, 0, 1, "b1", 3600, false, false, contact(PHONE, 5062, -1)));
    }
    assertEquals(List.of("tooManyRegistrationsOfSource"), model.takeReasons());
    model.pass(Duration.ofSeconds(32));
    say(message("sip:c@e", 0, 1, "b1", 3600, false, false, contact(PHONE, 5062, -1)));
    assertEquals(List.of(), model.takeReasons());
    settings = settings(1, 100, 8);
    shared = new SimpleState();
    say(message("sip:a@e", 0, 1, "b1", 3600, false, false, contact(PHONE, 5062, -1)));
    say(message("sip:b@e", 0, 1, "b1", 3600, false, false, contact(PHONE, 5062, -1)));
    assertEquals(List.of("tooManyRegistrations"), model.takeReasons());
  }

  /** One reason for one thing that went wrong, and none for who asks what is registered. */
  @Test
  void answerToWhatWasRefused_orAsksForNothing_needsNoReasonOfItsOwn() {
    settings = settings(1, 2, 2);
    Registrations flow = new Registrations(facts, shared, settings);
    RegisterMessage.Contact[] three = {
      contact(PHONE, 5062, -1), contact(PHONE, 5064, -1), contact(PHONE, 5066, -1)
    };
    Map<RegisterMessage, List<String>> requests = new LinkedHashMap<>();
    requests.put(message(0, 1, "b1", 3600, three), List.of("tooManyContacts"));
    requests.put(message(0, 2, "b2", 3600), List.of());
    requests.put(ofUser("sip:a@example", 0, "b3"), List.of());
    requests.put(ofUser("sip:b@example", 0, "b4"), List.of("tooManyRegistrations"));
    requests.put(ofUser("sip:c@example", 0, "b5"), List.of("tooManyRegistrationsOfSource"));
    requests.forEach(
        (request, reasons) -> {
          flow.onRequest(request, model.nowNs(), model.sink(facts));
          assertEquals(reasons, model.takeReasons());
        });
    List<RegisterMessage> answers =
        List.of(
            message(200, 1, "b1", 3600, contact(OUTSIDE, 5062, -1)),
            message(200, 2, "b2", 3600, contact(OUTSIDE, 5062, -1)),
            ofUser("sip:a@example", 200, "b3"),
            ofUser("sip:b@example", 200, "b4"),
            ofUser("sip:c@example", 200, "b5"));
    for (RegisterMessage answer : answers) {
      for (int copies = 0; copies < 2; copies++) {
        flow.onAnswer(answer, model.nowNs(), model.sink(facts));
        assertEquals(List.of(), model.takeReasons());
      }
    }
    assertEquals(Set.of(OPEN), model.open(), "of the one that was not refused");
    flow.onAnswer(ofUser("sip:b@example", 200, "b6"), model.nowNs(), model.sink(facts));
    assertEquals(List.of("registerUnasked"), model.takeReasons());
  }

  private RegisterMessage ofUser(String user, int status, String branch) {
    String host = status == 0 ? PHONE : OUTSIDE;
    return message(user, status, 3, branch, 3600, false, false, contact(host, 5062, -1));
  }

  @Test
  void kill_theGrantStands_andTheNextRefreshWorks() {
    register(3600);
    shared = new SimpleState();
    assertEquals(Set.of(OPEN), model.open());
    say(message(0, 2, "b2", 3600, contact(PHONE, 5062, -1)));
    shared = new SimpleState();
    SeenContacts seen = say(message(200, 2, "b2", 3600, contact(OUTSIDE, 5062, -1)));
    assertEquals(endpoint(PHONE, 5062), seen.contact(0), "the phone reads its own contact");
    assertEquals(Set.of(OPEN), model.open());
  }

  /** Of the contacts that an earlier process opened only the names of their groups are known. */
  @Test
  void kill_contactsThatAreTakenOut_close() {
    register(3600);
    shared = new SimpleState();
    say(message("sip:a@example", 0, 2, "b2", 0, true, false));
    assertEquals(Set.of(OPEN), model.open());
    say(message("sip:a@example", 200, 2, "b2", -1, false, false));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void kill_contactsThatA2xxDoesNotListAnyMore_close_othersStay() {
    for (boolean listed : new boolean[] {true, false}) {
      register(3600);
      shared = new SimpleState();
      say(message(0, 2, "b2", 3600, contact(PHONE, 5064, -1)));
      RegisterMessage.Contact now = contact(OUTSIDE, 5064, -1);
      RegisterMessage.Contact before = contact(OUTSIDE, 5062, 900);
      say(listed ? message(200, 2, "b2", 3600, now, before) : message(200, 2, "b2", 3600, now));
      String open = REGISTRAR + " > " + PHONE + ":5064";
      assertEquals(listed ? Set.of(OPEN, open) : Set.of(open), model.open());
    }
  }

  @Test
  void handOverBeforeEachMessage_changesNothing() {
    say(message(0, 1, "b1", 3600, contact(PHONE, 5062, -1)));
    shared = shared.handOver();
    say(message(200, 1, "b1", 120, contact(OUTSIDE, 5062, -1)));
    shared = shared.handOver();
    assertEquals(Set.of(OPEN), model.open());
    say(message(0, 2, "b2", 0, contact(PHONE, 5062, -1)));
    shared = shared.handOver();
    say(message(200, 2, "b2", 0));
    assertEquals(Set.of(), model.open());
  }

  @Test
  void codec_neverThrows() {
    register(3600);
    String text = "";
    Registration value =
        shared
            .<Registration>map("registrations", 10, Registration.CODEC)
            .get(message(0, 1, "b1", 0).registration(), model.nowNs());
    if (value != null) {
      text = Registration.CODEC.write(value, 0);
    }
    assertTrue(text.length() > 20, text);
    List<Integer> understood = new ArrayList<>();
    for (int length = 0; length < text.length(); length++) {
      if (Registration.CODEC.read(text.substring(0, length), 0) != null) {
        understood.add(length);
      }
    }
    assertEquals(List.of(), understood);
  }
}
