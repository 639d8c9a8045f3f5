package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.pinholed.it.lab.SipRouter.Help;

/**
 * A router with pinholed and phones on its client's side. It counts the media that it sends to
 * them. Closing it ends everything.
 */
public final class PhoneRouter implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** The bit of children that nobody reads, and the id of the firewall's policy. */
  private static final int MEDIA_MARK = 0x40000000 | RouterFirewall.POLICY_ID;

  private static final String COUNTERS =
      """
      table inet media {
        counter in { }
        counter out { }
        counter came { }
        chain pre {
          type filter hook prerouting priority raw;
          iifname r1 udp dport %1$d-%2$d counter name came
        }
        chain post {
          type filter hook postrouting priority srcnat + 50;
          oifname r0 udp dport %1$d-%2$d counter name in
          oifname r1 udp dport %1$d-%2$d counter name out
        }
      }
      """
          .formatted(SipPhone.FIRST_MEDIA_PORT, SipPhone.LAST_MEDIA_PORT);

  private final SipRouter router;

  private PhoneRouter(SipRouter router) {
    this.router = router;
  }

  /**
   * Builds it.
   *
   * @param nat null if it does not translate
   * @param options of SIP, as in {@code media: any}
   */
  public static PhoneRouter start(@Nullable NatMode nat, Family family, String options) {
    SipRouter router =
        SipRouter.start(Links.VETH, nat, family, Help.AGENT, SipRouter.helpers(options));
    router.lab().firewall(Lab.Host.ROUTER, COUNTERS);
    if (family == Family.V6) {
      preferFirst(router.lab(), Lab.Host.CLIENT, "c0", family.otherClient());
      preferFirst(router.lab(), Lab.Host.SERVER, "s0", family.otherServer());
    }
    return new PhoneRouter(router);
  }

  /** A phone binds its media to no address: the kernel must choose the one that it announces. */
  private static void preferFirst(Lab lab, Lab.Host host, String device, String other) {
    String address = other + "/64";
    lab.run(
            host,
            Lab.SHORT,
            "ip",
            "addr",
            "change",
            address,
            "dev",
            device,
            "valid_lft",
            "forever",
            "preferred_lft",
            "0")
        .orFail();
  }

  /**
   * Takes its server away and joins it to the server of another one, which forwards between them.
   * This one's outside address is then 192.0.2.1.
   */
  public void joinTo(PhoneRouter other) {
    Lab far = other.lab();
    command(Lab.Host.ROUTER, "ip link del r1");
    lab().link(Lab.Host.ROUTER, "r1", far, Lab.Host.SERVER, "s1");
    command(Lab.Host.ROUTER, "ip addr add 192.0.2.1/24 dev r1");
    command(Lab.Host.ROUTER, "ip route add default via 192.0.2.2");
    far.ip(Lab.Host.SERVER, "addr add 192.0.2.2/24 dev s1");
    far.sysctl(Lab.Host.SERVER, "net.ipv4.ip_forward=1");
    other.command(Lab.Host.ROUTER, "ip route add default via 203.0.113.2");
  }

  private void command(Lab.Host host, String words) {
    lab().run(host, Lab.SHORT, words.split(" ")).orFail();
  }

  /** The three hosts. */
  public Lab lab() {
    return router.lab();
  }

  /** The agent. */
  public AgentProcess agent() {
    return router.agent();
  }

  /** A phone on the client's side. */
  public SipPhone phone(String name, String own, String transport, @Nullable String registrar) {
    return SipPhone.start(lab(), Lab.Host.CLIENT, name, own, transport, registrar);
  }

  /** The packets of media that went to the client's side so far. */
  public long mediaIn() {
    return lab().counter(Lab.Host.ROUTER, "inet media", "in");
  }

  /** The packets of media that went to the server's side so far. */
  public long mediaOut() {
    return lab().counter(Lab.Host.ROUTER, "inet media", "out");
  }

  /** The packets for ports of media that came from the server's side so far, for whomever. */
  public long mediaCame() {
    return lab().counter(Lab.Host.ROUTER, "inet media", "came");
  }

  /** Waits until media come to each of these phones; what is open if they do not. */
  public void awaitMediaAt(SipPhone... phones) {
    try {
      for (SipPhone phone : phones) {
        phone.awaitMedia();
      }
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + state() + conntracks(), e);
    }
  }

  private String conntracks() {
    return Stream.of("ipv4", "ipv6")
        .map(
            family ->
                lab()
                    .run(Lab.Host.ROUTER, Lab.SHORT, "conntrack", "-L", "-f", family, "-p", "udp")
                    .output())
        .collect(Collectors.joining("\n"));
  }

  /** Waits until so many more packets of media went either way. */
  public void awaitMedia(int packets) {
    long in = mediaIn() + packets;
    long out = mediaOut() + packets;
    Scenario.await(PATIENCE, () -> mediaIn() >= in && mediaOut() >= out, this::state);
  }

  /**
   * How many messages of a kind the agent has read, by its counter.
   *
   * @param word as {@code pinholed_messages_total} has it, for example {@code ACK}
   */
  public long messages(String word) {
    String begin = "pinholed_messages_total{helper=\"sip\",word=\"" + word + "\"";
    return lab()
        .metrics()
        .lines()
        .filter(line -> line.startsWith(begin))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** Does something that one message of a kind follows upon, and waits until that was read. */
  public void andRead(String word, Runnable something) {
    long before = messages(word);
    something.run();
    Scenario.await(PATIENCE, () -> messages(word) > before, this::state);
  }

  /** Where the open media lead to, outside and inside, in a fixed order. */
  public String openMediaPorts() {
    return openMedia().stream()
        .map(row -> row.path("destination") + " " + row.path("translatedDestination"))
        .sorted()
        .toList()
        .toString();
  }

  /** Waits until so many more packets of media went to the client's side. */
  public void awaitMediaIn(int packets) {
    long in = mediaIn() + packets;
    Scenario.await(PATIENCE, () -> mediaIn() >= in, this::state);
  }

  /** The open media, as {@code pinholectl --json expectations} has them. */
  public List<JsonNode> openMedia() {
    return StreamSupport.stream(agent().json("expectations").spliterator(), false)
        .filter(row -> row.path("label").asText().matches(".* rtc?p"))
        .toList();
  }

  /** Waits until no media are open any more, and insists that conntrack has forgotten them. */
  public void awaitNoMedia() {
    Scenario.await(PATIENCE, () -> openMedia().isEmpty(), this::state);
    Scenario.await(PATIENCE, () -> mediaConntracks().isEmpty(), this::state);
  }

  private List<String> mediaConntracks() {
    return lab()
        .run(Lab.Host.ROUTER, Lab.SHORT, "conntrack", "-L", "-p", "udp")
        .orFail()
        .lines()
        .filter(line -> line.contains("mark=" + MEDIA_MARK + " "))
        .toList();
  }

  /** Forgets all flows of UDP, as conntrack does with time. */
  public void forgetFlows() {
    lab().run(Lab.Host.ROUTER, Lab.SHORT, "conntrack", "-D", "-p", "udp").orFail();
  }

  /** What an error message should say. */
  public String state() {
    return "in %d, out %d\n%s\n%s\n%s\n%s"
        .formatted(
            mediaIn(),
            mediaOut(),
            agent().json("expectations"),
            mediaConntracks(),
            agent().events(),
            agent().log());
  }

  /** Insists that nothing was invalid and the agent has nothing to complain of. */
  public void assertClean() {
    router.assertClean();
  }

  @Override
  public void close() {
    router.close();
  }
}
