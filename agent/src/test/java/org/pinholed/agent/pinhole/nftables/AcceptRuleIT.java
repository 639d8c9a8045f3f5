package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pinholed.agent.config.AgentConfig.AcceptRule;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
import org.pinholed.agent.pinhole.AcceptRuleState.Put;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.testing.NamespaceThread;

/** The firewall's accept rule is watched, and kept where that was asked for. */
@Timeout(60)
@SuppressWarnings("NullAway.Init")
class AcceptRuleIT {
  private static final String FIREWALL =
      "add table inet filter; add chain inet filter forward"
          + " { type filter hook forward priority 0; policy drop; };"
          + " add rule inet filter forward ct state established,related accept";
  private static final String RULE = "ct mark and 0x40000000 != 0 accept";
  private static final AcceptRule IPV4 = new AcceptRule(AcceptRule.Family.IP, "filter", "FORWARD");
  private static final AcceptRule IPV6 = new AcceptRule(AcceptRule.Family.IP6, "filter", "FORWARD");
  private static final AcceptRule FORWARD =
      new AcceptRule(AcceptRule.Family.INET, "filter", "forward");

  private final BlockingQueue<AcceptRuleState> told = new LinkedBlockingQueue<>();
  private NamespaceThread namespace;
  private @Nullable NftablesBackend backend;

  @BeforeEach
  void open() throws IOException {
    namespace = NamespaceThread.open("ph-accept" + ProcessHandle.current().pid());
  }

  @AfterEach
  void close() throws Exception {
    if (backend != null) {
      backend.close();
    }
    namespace.close();
  }

  private NftablesBackend start(AcceptRule... acceptRules) throws IOException {
    NftablesOptions options =
        new NftablesOptions(
            "pinholed",
            7,
            1,
            true,
            MarkBits.DEFAULT,
            1000,
            1000,
            List.of(acceptRules),
            true,
            false);
    NftablesBackend opened = namespace.call(() -> NftablesBackend.open(options));
    backend = opened;
    opened.install(List.of(new HelperPort(Transport.TCP, 21)));
    opened.tellOfAcceptRule(told::add);
    namespace.call(
        () -> {
          opened.watch(() -> {}, () -> {});
          return true;
        });
    return opened;
  }

  private void nft(String line) throws IOException {
    namespace.exec("nft", line);
  }

  private AcceptRuleState await(Presence presence) throws InterruptedException {
    AcceptRuleState state;
    do {
      state = told.poll(10, TimeUnit.SECONDS);
    } while (state != null && state.presence() != presence);
    return state == null ? AcceptRuleState.UNKNOWN : state;
  }

  private AcceptRuleState awaitPut() throws InterruptedException {
    AcceptRuleState state;
    do {
      state = told.poll(10, TimeUnit.SECONDS);
    } while (state != null && state.put().isEmpty());
    return state == null ? AcceptRuleState.UNKNOWN : state;
  }

  private String chain(String name) throws IOException {
    return namespace.exec("nft", "list chain " + name);
  }

  private int rules(String name) throws IOException {
    return chain(name).split("0x40000000", -1).length / 2; // in the rule and in its comment
  }

  @Test
  void nothingThatDrops_isUnknown_andItsAbsenceIsTold() throws Exception {
    start();
    assertTrue(await(Presence.UNKNOWN).text().startsWith("no chain of nftables drops by default"));
    nft(FIREWALL);
    assertEquals(
        "inet filter forward drops what nothing accepts, and does not ask for the mark",
        await(Presence.ABSENT).text());
    nft("insert rule inet filter forward " + RULE);
    assertEquals("inet filter forward", await(Presence.PRESENT).text());
    nft("flush chain inet filter forward");
    await(Presence.ABSENT);
    nft("delete table inet filter");
    assertEquals(Presence.UNKNOWN, await(Presence.UNKNOWN).presence());
  }

  @Test
  void ruleByHand_isSeen_howeverItIsReached() throws Exception {
    nft(FIREWALL);
    nft("add chain inet filter known; add rule inet filter known " + RULE);
    nft("add rule inet filter forward iifname wan jump known");
    namespace.exec("iptables-nft", "-P", "FORWARD", "DROP");
    namespace.exec(
        "iptables-nft",
        "-A",
        "FORWARD",
        "-m",
        "connmark",
        "--mark",
        "0x40000000/0x40000000",
        "-j",
        "ACCEPT");
    nft("add table ip6 blocklist");
    nft("add chain ip6 blocklist f { type filter hook forward priority -1; }");
    nft("add rule ip6 blocklist f ip6 saddr 2001:db8::/32 drop");
    start();
    assertEquals("inet filter forward, ip filter FORWARD", await(Presence.PRESENT).text());
    namespace.exec("iptables-nft", "-F", "FORWARD");
    assertEquals(
        "ip filter FORWARD drops what nothing accepts, and does not ask for the mark; it is"
            + " accepted in inet filter forward",
        await(Presence.ABSENT).text());
  }

  @Test
  void unconditionalReject_dropsByDefaultToo() throws Exception {
    nft(FIREWALL.replace("policy drop", "policy accept"));
    nft("add chain inet filter last");
    nft("add rule inet filter last counter reject with icmpx admin-prohibited");
    nft("add rule inet filter forward jump last");
    nft("add rule inet filter forward " + RULE);
    start();
    assertEquals(
        "inet filter forward drops what nothing accepts, and does not ask for the mark",
        await(Presence.ABSENT).text());
  }

  @Test
  void kept_isPutAtTheHead_andBackAfterReloadAndFlush_neverTwice() throws Exception {
    nft(FIREWALL);
    NftablesBackend opened = start(FORWARD);
    assertEquals(List.of(new Put("inet filter forward", false)), awaitPut().put());
    String listed = chain("inet filter forward");
    assertTrue(listed.indexOf("ct mark") < listed.indexOf("ct state"), listed);
    assertTrue(listed.contains("accept comment \"kept by pinholed: children, mark 0x40000000\""));
    assertEquals(1, rules("inet filter forward"));
    nft("flush chain inet filter forward");
    assertEquals(List.of(new Put("inet filter forward", true)), awaitPut().put());
    assertEquals(1, rules("inet filter forward"));
    nft("delete table inet filter; " + FIREWALL);
    awaitPut();
    assertEquals(1, rules("inet filter forward"));
    nft("insert rule inet filter forward counter drop");
    awaitPut();
    assertEquals(1, rules("inet filter forward"));
    opened.remove();
    assertEquals(0, rules("inet filter forward"));
  }

  @Test
  void kept_waitsForItsChain() throws Exception {
    start(FORWARD);
    AcceptRuleState waits = await(Presence.UNKNOWN);
    assertTrue(
        waits
            .text()
            .endsWith(
                "the chain inet filter forward, in which the rule is to be kept, is not there yet"),
        waits.text());
    nft(FIREWALL);
    assertEquals(List.of(new Put("inet filter forward", false)), awaitPut().put());
    assertEquals(Presence.PRESENT, backend().acceptRule().presence());
  }

  private NftablesBackend backend() {
    NftablesBackend opened = backend;
    if (opened == null) {
      throw new AssertionError("not started");
    }
    return opened;
  }

  @Test
  void kept_besideARuleByHand_isNotDoubled() throws Exception {
    nft(FIREWALL);
    nft("insert rule inet filter forward " + RULE);
    NftablesBackend opened = start(FORWARD);
    await(Presence.PRESENT);
    assertFalse(chain("inet filter forward").contains("kept by pinholed"));
    opened.remove();
    assertTrue(chain("inet filter forward").contains("ct mark"), "it is not ours");
  }

  @Test
  void kept_inATableOfIptables_isOneThatIptablesReads() throws Exception {
    namespace.exec("iptables-nft", "-P", "FORWARD", "DROP");
    namespace.exec("iptables-nft", "-N", "DOCKER-USER");
    namespace.exec("iptables-nft", "-A", "FORWARD", "-j", "DOCKER-USER");
    NftablesBackend opened = start(new AcceptRule(AcceptRule.Family.IP, "filter", "DOCKER-USER"));
    awaitPut();
    String listed = namespace.exec("iptables-nft", "-S");
    assertTrue(listed.contains("-A DOCKER-USER -m connmark --mark 0x40000000/0x40000000"), listed);
    assertEquals(Presence.PRESENT, opened.acceptRule().presence());
    namespace.exec("iptables-nft", "-F", "DOCKER-USER");
    awaitPut();
    opened.remove();
    assertFalse(namespace.exec("iptables-nft", "-S").contains("connmark"));
  }

  /** As iptables-nft needs it: a table for each family, loaded and lost one by one. */
  @Test
  void kept_inManyChains_eachOnItsOwn() throws Exception {
    for (String tool : List.of("iptables-nft", "ip6tables-nft")) {
      namespace.exec(tool, "-P", "FORWARD", "DROP");
    }
    NftablesBackend opened = start(IPV4, IPV6, FORWARD);
    AcceptRuleState first = awaitPut();
    assertEquals(
        List.of(new Put("ip filter FORWARD", false), new Put("ip6 filter FORWARD", false)),
        first.put());
    assertEquals(
        "ip filter FORWARD, ip6 filter FORWARD; the chain inet filter forward, in which the rule is"
            + " to be kept, is not there yet",
        first.text());
    for (String tool : List.of("iptables-nft", "ip6tables-nft")) {
      String listed = namespace.exec(tool, "-S");
      assertTrue(listed.contains("-A FORWARD -m connmark --mark 0x40000000/0x40000000"), listed);
    }
    namespace.exec("ip6tables-nft", "-F", "FORWARD");
    assertEquals(List.of(new Put("ip6 filter FORWARD", true)), awaitPut().put());
    nft(FIREWALL);
    assertEquals(List.of(new Put("inet filter forward", false)), awaitPut().put());
    assertEquals(List.of(), opened.acceptRule().dropping());
    opened.remove();
    String left = namespace.exec("nft", "list ruleset");
    assertFalse(left.contains("kept by pinholed"), left);
  }

  /** As libvirt does when it starts behind the agent; what stands by hand is left where it is. */
  @Test
  void kept_behindWhatMayDrop_goesToTheHeadAgain() throws Exception {
    nft(FIREWALL);
    nft("add chain inet filter vms; add rule inet filter vms oifname virbr0 reject");
    start(FORWARD);
    awaitPut();
    nft("insert rule inet filter forward jump vms");
    assertEquals(List.of(new Put("inet filter forward", true)), awaitPut().put());
    String listed = chain("inet filter forward");
    assertTrue(listed.indexOf("ct mark") < listed.indexOf("jump vms"), listed);
    assertEquals(1, rules("inet filter forward"));
    told.clear();
    nft(
        "flush chain inet filter forward; add rule inet filter forward jump vms;"
            + " add rule inet filter forward "
            + RULE);
    assertEquals(List.of(), await(Presence.PRESENT).put());
    assertFalse(chain("inet filter forward").contains("kept by pinholed"));
  }

  /** What nobody keeps is told of beside what is kept. */
  @Test
  void keptInOneFamily_theOtherIsTold() throws Exception {
    for (String tool : List.of("iptables-nft", "ip6tables-nft")) {
      namespace.exec(tool, "-P", "FORWARD", "DROP");
    }
    start(IPV4);
    AcceptRuleState state = await(Presence.ABSENT);
    assertEquals(List.of("ip6 filter FORWARD"), state.dropping());
    assertEquals(
        "ip6 filter FORWARD drops what nothing accepts, and does not ask for the mark; it is"
            + " accepted in ip filter FORWARD",
        state.text());
  }

  @Test
  void kept_elsewhereBefore_isMoved() throws Exception {
    nft(FIREWALL);
    NftablesBackend before = start(FORWARD);
    awaitPut();
    before.close(); // as if it were killed: nothing is taken away
    nft("add chain inet filter other");
    told.clear();
    start(new AcceptRule(AcceptRule.Family.INET, "filter", "other"));
    assertEquals(List.of(new Put("inet filter other", false)), awaitPut().put());
    assertEquals(0, rules("inet filter forward"));
    assertEquals(1, rules("inet filter other"));
  }
}
