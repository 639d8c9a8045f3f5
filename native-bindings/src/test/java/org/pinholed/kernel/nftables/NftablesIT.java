package org.pinholed.kernel.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Scanner;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftExpressions.Base;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.Direction;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftExpressions.Meta;
import org.pinholed.kernel.testing.NamespaceThread;

/** The bindings against this machine's kernel, and what nft(8) makes of the result. */
@SuppressWarnings("NullAway.Init")
class NftablesIT {
  private static final int TCP = 6;
  private static final NftTable TABLE = new NftTable(NftFamily.INET, "phb");
  private static final NftSet ONCE4 =
      NftSet.named(
              "once4",
              NftField.INET_PROTO,
              NftField.IPV4_ADDR,
              NftField.IPV4_ADDR,
              NftField.INET_SERVICE)
          .mapsTo(NftField.MARK)
          .timeouts()
          .changedByRules()
          .size(1000)
          .comment("one connection each")
          .build();
  private static final NftSet ONCE6 =
      NftSet.named(
              "once6",
              NftField.INET_PROTO,
              NftField.IPV6_ADDR,
              NftField.IPV6_ADDR,
              NftField.INET_SERVICE)
          .mapsTo(NftField.MARK)
          .timeouts()
          .changedByRules()
          .build();
  private static final NftSet PORTS = NftSet.named("ports", NftField.INET_SERVICE).build();
  private static NamespaceThread namespace;
  private NftClient client;

  @BeforeAll
  static void openNamespace() throws IOException {
    namespace = NamespaceThread.open("phb-nftables");
  }

  @AfterAll
  static void closeNamespace() throws IOException {
    namespace.close();
  }

  @BeforeEach
  void open() throws IOException {
    client = namespace.call(NftClient::open);
  }

  @AfterEach
  void flush() throws IOException {
    client.close();
    namespace.exec("nft", "flush", "ruleset");
  }

  private static NftValue key4(String source, String destination, int port) throws IOException {
    return new NftValue()
        .put8(TCP)
        .putBytes(InetAddress.getByName(source).getAddress())
        .putBytes(InetAddress.getByName(destination).getAddress())
        .put16be(port);
  }

  private static NftValue mark(int mark) {
    return new NftValue().put32host(mark);
  }

  private static String normalized(String listing) {
    return listing.replaceAll("expires [0-9a-z]+", "expires T").replaceAll("\\s+", " ").trim();
  }

  private void makeMaps() throws NetlinkException {
    client
        .begin()
        .addTable(TABLE, "made by a test")
        .addSet(TABLE, ONCE4)
        .addSet(TABLE, ONCE6)
        .addSet(TABLE, PORTS);
    client.commit();
  }

  @Test
  void listing_byNft_showsTypesByteOrderTimeoutsAndComments() throws IOException {
    makeMaps();
    client
        .begin()
        .addElement(
            TABLE,
            ONCE4,
            key4("192.0.2.1", "198.51.100.7", 2121),
            mark(0x40000019),
            30_000,
            0,
            "ftp parent=0000002a policy=25")
        .addElement(
            TABLE, ONCE6, key4("2001:db8::1", "2001:db8::2", 80), mark(0x40000001), 50_000, 0, "")
        .addElement(TABLE, PORTS, new NftValue().put16be(21), null, 0, 0, "ftp \"x\"");
    client.commit();
    assertEquals(
        normalized(
            """
            table inet phb {
              comment "made by a test"
              map once4 {
                type inet_proto . ipv4_addr . ipv4_addr . inet_service : mark
                size 1000
                flags dynamic,timeout
                comment "one connection each"
                elements = { tcp . 192.0.2.1 . 198.51.100.7 . 2121 timeout 30s expires 30s
                  comment "ftp parent=0000002a policy=25" : 0x40000019 }
              }
              map once6 {
                type inet_proto . ipv6_addr . ipv6_addr . inet_service : mark
                flags dynamic,timeout
                elements = { tcp . 2001:db8::1 . 2001:db8::2 . 80 timeout 50s expires 50s
                  : 0x40000001 }
              }
              set ports {
                type inet_service
                elements = { 21 comment "ftp ?x?" }
              }
            }
            """),
        normalized(namespace.exec("nft", "list", "ruleset")));
  }

  @Test
  void rules_listedByNft_areAsWritten_andNftTakesThemAgain() throws IOException {
    makeMaps();
    NftBatch batch = client.begin().addChain(TABLE, "divert");
    batch
        .addRule(TABLE, "divert")
        .loadCt(Ct.MARK, 0)
        .mask32host(0, 0x50000000)
        .compare32host(0, Compare.NOT_EQUAL, 0)
        .returnToCaller()
        .comment("opaque, or a child")
        .endRule();
    batch
        .addRule(TABLE, "divert")
        .loadMeta(Meta.L4PROTO, 0)
        .compare8(0, Compare.EQUAL, TCP)
        .loadPayload(Base.TRANSPORT, 13, 1, 0)
        .mask8(0, 0x12)
        .compare8(0, Compare.EQUAL, 0x12)
        .counter()
        .endRule();
    batch
        .addRule(TABLE, "divert")
        .loadPayload(Base.INNER, 0, 1, 0)
        .compare8(0, Compare.AT_LEAST, 0)
        .counter()
        .endRule();
    batch.addBaseChain(TABLE, "pre", new BaseChain(BaseChain.Hook.PREROUTING, -150));
    batch
        .addRule(TABLE, "pre")
        .loadCt(Ct.STATE, 0)
        .mask32host(0, Ct.STATE_NEW)
        .compare32host(0, Compare.EQUAL, 0)
        .returnToCaller()
        .endRule();
    once4Rule(batch);
    batch
        .addRule(TABLE, "pre")
        .loadMeta(Meta.NFPROTO, 0)
        .compare8(0, Compare.EQUAL, 10)
        .loadMeta(Meta.L4PROTO, 0)
        .loadPayload(Base.NETWORK, 8, 16, 1)
        .loadPayload(Base.NETWORK, 24, 16, 5)
        .loadPayload(Base.TRANSPORT, 2, 2, 9)
        .lookup(ONCE6, 0, 10)
        .storeCtMark(10)
        .endRule();
    batch.addBaseChain(TABLE, "post", new BaseChain(BaseChain.Hook.POSTROUTING, 300));
    batch
        .addRule(TABLE, "post")
        .loadMeta(Meta.OIFTYPE, 0)
        .compare16host(0, Compare.EQUAL, 772)
        .returnToCaller()
        .endRule();
    batch
        .addRule(TABLE, "post")
        .loadMeta(Meta.L4PROTO, 0)
        .compare8(0, Compare.EQUAL, TCP)
        .loadCt(Ct.PROTO_DST, Direction.ORIGINAL, 0)
        .lookup(PORTS, 0)
        .jump("divert")
        .endRule();
    client.commit();

    String listing = namespace.exec("nft", "list", "ruleset");
    String words = normalized(listing);
    for (String rule :
        List.of(
            "ct mark & 0x50000000 != 0x00000000 return comment \"opaque, or a child\"",
            "tcp flags syn,ack / syn,ack counter packets 0 bytes 0",
            "@ih,0,8 >= 0x0 counter packets 0 bytes 0",
            "type filter hook prerouting priority mangle; policy accept;",
            "ct state ! new return",
            "ct mark set meta l4proto . ip saddr . ip daddr . th dport map @once4 delete @once4"
                + " { meta l4proto . ip saddr . ip daddr . th dport : ct mark }",
            "ct mark set meta l4proto . ip6 saddr . ip6 daddr . th dport map @once6",
            "type filter hook postrouting priority 300; policy accept;",
            "meta oiftype loopback return",
            "meta l4proto tcp ct original proto-dst @ports jump divert")) {
      assertTrue(words.contains(rule), () -> rule + "\n" + listing);
    }
    namespace.exec("nft", "flush", "ruleset");
    java.nio.file.Path file = java.nio.file.Files.createTempFile("phb", ".nft");
    try {
      java.nio.file.Files.writeString(file, listing);
      namespace.exec("nft", "-f", file.toString());
      assertEquals(words, normalized(namespace.exec("nft", "list", "ruleset")));
    } finally {
      java.nio.file.Files.delete(file);
    }
  }

  private static void once4Rule(NftBatch batch) {
    batch
        .addRule(TABLE, "pre")
        .loadMeta(Meta.NFPROTO, 0)
        .compare8(0, Compare.EQUAL, 2)
        .loadMeta(Meta.L4PROTO, 0)
        .loadPayload(Base.NETWORK, 12, 4, 1)
        .loadPayload(Base.NETWORK, 16, 4, 2)
        .loadPayload(Base.TRANSPORT, 2, 2, 3)
        .lookup(ONCE4, 0, 4)
        .storeCtMark(4)
        .loadCt(Ct.MARK, 4)
        .changeElement(ElementOperation.DELETE, ONCE4, 0, 4, 0)
        .endRule();
  }

  @Test
  void queueRule_byWhatTheKernelHas_isListedAsQueue() throws IOException {
    NftFeatures features = NftFeatures.probe(client);
    assertTrue(features.nativeQueue() || features.targetQueue(), features::toString);
    client.begin().addTable(TABLE, "").addChain(TABLE, "divert");
    NftExpressions rule = client.batch().addRule(TABLE, "divert");
    if (features.nativeQueue()) {
      rule.queue(7, true).endRule();
    } else {
      rule.queueByTarget(7, true).endRule();
    }
    client.commit();
    String listing = namespace.exec("nft", "list", "table", "inet", "phb");
    assertTrue(listing.matches("(?s).*queue (num 7 bypass|flags bypass to 7).*"), listing);
  }

  @Test
  void probe_leavesNothing_andKnowsThisKernel() throws IOException {
    NftFeatures features = NftFeatures.probe(client);
    assertEquals("", namespace.exec("nft", "list", "ruleset"));
    Scanner version = new Scanner(System.getProperty("os.version", "")).useDelimiter("[^0-9]+");
    int release = version.nextInt() * 1000 + version.nextInt();
    assertEquals(release >= 6003, features.destroyMessages());
    assertEquals(release >= 6012, features.timeoutUpdate());
    assertTrue(features.innerHeader());
    assertTrue(features.foundOnce());
  }

  @Test
  void commit_withOneBadMessage_changesNothing_andNamesIt() throws IOException {
    makeMaps();
    client
        .begin()
        .addElement(TABLE, PORTS, new NftValue().put16be(21), null, 0, 0, "")
        .deleteElement(TABLE, ONCE4, key4("192.0.2.1", "192.0.2.2", 1))
        .addChain(TABLE, "later");
    NetlinkException e = assertThrows(NetlinkException.class, client::commit);
    assertEquals(Errno.ENOENT, e.errno());
    String text = String.valueOf(e.getMessage());
    assertTrue(text.startsWith("nftables: delete element phb once4: "), text);
    assertFalse(has(PORTS, new NftValue().put16be(21)));
    assertEquals(Set.of(), client.inventory(TABLE).rulesByChain().keySet());
    // the acknowledgement of the last message still comes; it must not confuse the next request
    client.begin().addChain(TABLE, "later");
    client.commit();
  }

  private boolean has(NftSet set, NftValue key) throws NetlinkException {
    return client.getElement(TABLE, set, key, element -> {});
  }

  @Test
  void commit_atAnotherGeneration_isRefused() throws IOException {
    int generation = client.generation();
    makeMaps();
    assertEquals(generation + 1, client.generation());
    client.begin().onlyAtGeneration(generation).addChain(TABLE, "late");
    assertEquals(Errno.ERESTART, assertThrows(NetlinkException.class, client::commit).errno());
    client.begin().onlyAtGeneration(generation + 1).addChain(TABLE, "late");
    client.commit();
  }

  @Test
  void element_comesBackAsItWas() throws IOException {
    makeMaps();
    NftValue key = key4("192.0.2.1", "198.51.100.7", 2121);
    client.begin().addElement(TABLE, ONCE4, key, mark(0x40000019), 30_000, 20_000, "who");
    client.commit();
    List<String> found = new ArrayList<>();
    NftElementHandler handler =
        element -> {
          assertTrue(element.expirationMs() > 0 && element.expirationMs() <= 20_000);
          found.add(
              element.keyLengthBytes()
                  + " "
                  + element.key8(0)
                  + " "
                  + address(element, 4)
                  + " "
                  + address(element, 8)
                  + " "
                  + element.key16be(12)
                  + " "
                  + Integer.toHexString(element.value32host())
                  + " "
                  + element.timeoutMs()
                  + " "
                  + element.comment());
        };
    assertTrue(client.dumpElements(TABLE, ONCE4, handler));
    assertTrue(client.getElement(TABLE, ONCE4, key, handler));
    String all = "16 6 192.0.2.1 198.51.100.7 2121 40000019 30000 who";
    assertEquals(List.of(all, all), found);
    assertFalse(has(ONCE4, key4("192.0.2.1", "198.51.100.7", 2122)));
  }

  private static String address(NftElementView element, int index) {
    try {
      return InetAddress.getByAddress(element.keyBytes(index, 4)).getHostAddress();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void elements_byThousands_goInFewMessages_andAllArrive() throws IOException {
    client.begin().addTable(TABLE, "").addSet(TABLE, ONCE6);
    client.commit();
    int count = 0;
    client.begin();
    while (client.batch().hasRoom()) {
      NftValue key = key4("2001:db8::1", "2001:db8::2", count++);
      client.batch().addElement(TABLE, ONCE6, key, mark(count), 60_000, 0, "x".repeat(128));
    }
    client.commit();
    int[] found = new int[1];
    client.dumpElements(TABLE, ONCE6, element -> found[0]++);
    assertTrue(count > 500, "count " + count);
    assertEquals(count, found[0]);
  }

  @Test
  void addElement_again_renewsOrNeedsDeletion_asProbed() throws IOException {
    makeMaps();
    boolean inPlace = NftFeatures.probe(client).timeoutUpdate();
    NftValue key = key4("192.0.2.1", "198.51.100.7", 2121);
    client.begin().addElement(TABLE, ONCE4, key, mark(1), 60_000, 10_000, "keep");
    client.commit();
    NftBatch batch = client.begin();
    if (!inPlace) {
      batch.deleteElement(TABLE, ONCE4, key);
    }
    batch.addElement(TABLE, ONCE4, key, mark(1), 60_000, 60_000, "keep");
    client.commit();
    assertTrue(
        client.getElement(
            TABLE,
            ONCE4,
            key,
            element -> {
              assertTrue(element.expirationMs() > 50_000, "renewed: " + element.expirationMs());
              assertEquals("keep", element.comment());
            }));
  }

  @Test
  void addElement_againWithOtherValue_isRefused_unlessDeletedBefore() throws IOException {
    makeMaps();
    NftValue key = key4("192.0.2.1", "198.51.100.7", 2121);
    client.begin().addElement(TABLE, ONCE4, key, mark(1), 60_000, 0, "");
    client.commit();
    client.begin().addElement(TABLE, ONCE4, key, mark(2), 60_000, 0, "");
    assertEquals(Errno.EEXIST, assertThrows(NetlinkException.class, client::commit).errno());
    client
        .begin()
        .deleteElement(TABLE, ONCE4, key)
        .addElement(TABLE, ONCE4, key, mark(2), 60_000, 0, "");
    client.commit();
    assertTrue(
        client.getElement(TABLE, ONCE4, key, element -> assertEquals(2, element.value32host())));
  }

  @Test
  void destroyElement_ofNothing_isNoError() throws IOException {
    makeMaps();
    if (NftFeatures.probe(client).destroyMessages()) {
      client.begin().destroyElement(TABLE, ONCE4, key4("192.0.2.1", "192.0.2.2", 1));
      client.commit();
    }
    // what older kernels need instead: added and deleted in one transaction
    NftValue key = key4("192.0.2.1", "192.0.2.2", 1);
    client
        .begin()
        .addElement(TABLE, ONCE4, key, mark(1), 1000, 0, "")
        .deleteElement(TABLE, ONCE4, key);
    client.commit();
    assertFalse(has(ONCE4, key));
  }

  @Test
  void expectationObject_ofSizeZero_isTakenAndCanBeAssigned() throws IOException {
    NftBatch batch =
        client
            .begin()
            .addTable(TABLE, "")
            .addExpectationObject(
                TABLE, "adjust", new ExpectationObject(NftFamily.IP, TCP, 1, 1000, 0))
            .addBaseChain(TABLE, "pre", new BaseChain(BaseChain.Hook.PREROUTING, -150));
    batch.addRule(TABLE, "pre").assignExpectation("adjust").endRule();
    client.commit();
    ExpectationObject kept = client.expectationObject(TABLE, "adjust").orElseThrow();
    assertEquals(TCP, kept.protocol());
    assertEquals(1, kept.destinationPort());
    assertEquals(Optional.empty(), client.expectationObject(TABLE, "other"));
    String listing = namespace.exec("nft", "list", "ruleset");
    assertTrue(listing.contains("ct expectation adjust {"), listing);
    assertTrue(listing.contains("ct expectation set \"adjust\""), listing);
  }

  @Test
  void probe_findsAnObjectThatOpensNothing_andLeavesNothing() throws IOException {
    ExpectationObject wanted = NftFeatures.probe(client).sequenceAdjustment();
    assertNotNull(wanted);
    client.begin().addTable(TABLE, "").addExpectationObject(TABLE, "adjust", wanted);
    client.commit();
    ExpectationObject kept = client.expectationObject(TABLE, "adjust").orElseThrow();
    assertTrue(kept.opensNothing(), kept::toString);
    assertEquals(wanted.protocol(), kept.protocol());
    assertEquals(wanted.family(), kept.family());
    client.begin().deleteTable(TABLE);
    client.commit();
    assertEquals("", namespace.exec("nft", "list", "ruleset"));
  }

  @Test
  void rules_canRenewAndAddElements() throws IOException {
    NftSet seen =
        NftSet.named("seen", NftField.IPV4_ADDR).timeouts().changedByRules().size(100).build();
    NftBatch batch =
        client
            .begin()
            .addTable(TABLE, "")
            .addSet(TABLE, seen)
            .addBaseChain(TABLE, "out", new BaseChain(BaseChain.Hook.OUTPUT, -150));
    batch
        .addRule(TABLE, "out")
        .loadMeta(Meta.NFPROTO, 0)
        .compare8(0, Compare.EQUAL, 2)
        .loadPayload(Base.NETWORK, 16, 4, 0)
        .changeElement(ElementOperation.UPDATE, seen, 0, 60_000)
        .endRule();
    client.commit();
    namespace.call(
        () -> {
          try (DatagramSocket socket = new DatagramSocket()) {
            socket.send(new DatagramPacket(new byte[1], 1, InetAddress.getLoopbackAddress(), 9));
            return true;
          }
        });
    assertTrue(
        client.getElement(
            TABLE,
            seen,
            new NftValue().putBytes(new byte[] {127, 0, 0, 1}),
            element -> assertEquals(60_000, element.timeoutMs())));
  }

  @Test
  void inventory_namesWhatIsThere_andNothingOfOtherTables() throws IOException {
    makeMaps();
    namespace.exec("nft", "add table ip phb; add chain ip phb other; add table inet else");
    client.begin().addChain(TABLE, "divert");
    client.batch().addRule(TABLE, "divert").counter().endRule();
    client.batch().addRule(TABLE, "divert").counter().endRule();
    client.batch().addChain(TABLE, "empty");
    client.commit();
    NftInventory inventory = client.inventory(TABLE);
    assertEquals(Map.of("divert", 2, "empty", 0), inventory.rulesByChain());
    assertEquals(Set.of("once4", "once6", "ports"), inventory.sets());
    assertEquals(Optional.of("made by a test"), client.tableComment(TABLE));
    NftTable missing = new NftTable(NftFamily.INET, "missing");
    assertEquals(Optional.empty(), client.tableComment(missing));
    assertEquals(new NftInventory(Map.of(), Set.of()), client.inventory(missing));
  }

  @Test
  void flushes_emptyChainsAndSets() throws IOException {
    makeMaps();
    client.begin().addChain(TABLE, "divert");
    client.batch().addRule(TABLE, "divert").counter().endRule();
    client.batch().addElement(TABLE, PORTS, new NftValue().put16be(21), null, 0, 0, "");
    client.commit();
    client.begin().flushChain(TABLE, "divert").flushSet(TABLE, PORTS);
    client.commit();
    assertEquals(Map.of("divert", 0), client.inventory(TABLE).rulesByChain());
    assertFalse(has(PORTS, new NftValue().put16be(21)));
  }

  @Test
  void monitor_tellsWhoChangedTheTable_butNotOwnChangesNorOtherTables() throws IOException {
    List<NftChange> changes = new ArrayList<>();
    List<String> removals = new ArrayList<>();
    List<String> others = new ArrayList<>();
    int[] overruns = new int[1];
    NftMonitor.Handler handler =
        new NftMonitor.Handler() {
          @Override
          public void onChange(NftChange change) {
            changes.add(change);
          }

          @Override
          public void onOtherRulesRemoved(int rules, String processName, int processId) {
            removals.add(rules + " by " + processName);
          }

          @Override
          public void onOtherRulesChanged(String processName, int processId) {
            others.add(processName);
          }

          @Override
          public void onOverrun() {
            overruns[0]++;
          }
        };
    try (NftMonitor monitor =
        namespace.call(() -> NftMonitor.open(TABLE, Duration.ofMillis(200)))) {
      monitor.ignore(client.portId(), 77);
      makeMaps();
      namespace.exec("nft", "add table inet else; add chain inet else c");
      namespace.exec("nft", "add rule inet else c accept; add rule inet else c drop");
      namespace.exec("nft", "flush chain inet else c");
      namespace.exec("nft", "add element inet phb ports { 2121 }");
      namespace.exec("nft", "flush ruleset");
      for (int i = 0; i < 20 && changes.size() < 2; i++) {
        monitor.receive(handler);
      }
    }
    assertEquals(2, changes.size(), changes::toString);
    assertEquals(Set.of(NftChange.Part.ELEMENT), changes.get(0).parts());
    assertFalse(changes.get(0).tableRemoved());
    assertEquals("nft", changes.get(0).processName());
    assertTrue(changes.get(0).processId() > 0);
    assertTrue(changes.get(1).tableRemoved());
    assertEquals(List.of("2 by nft"), removals);
    assertEquals(List.of("nft", "nft", "nft", "nft"), others);
    assertEquals(0, overruns[0]);
  }

  private static final int CHILD = 0x40000000;

  private List<NftRule> rulesOf(String chain) throws IOException {
    return client.rules().stream().filter(rule -> rule.chain().equals(chain)).toList();
  }

  private NftRule onlyRule(String text) throws IOException {
    namespace.exec("nft", "add table inet fw; flush table inet fw; add chain inet fw other");
    namespace.exec("nft", "add chain inet fw c; add rule inet fw c " + text);
    List<NftRule> rules = rulesOf("c");
    assertEquals(1, rules.size());
    return rules.get(0);
  }

  @Test
  void rules_onTheMark_areKnownHoweverTheyAreWritten() throws IOException {
    for (String text :
        List.of(
            "ct mark and 0x40000000 != 0 accept",
            "ct mark and 0x40000000 == 0x40000000 counter accept",
            "ct mark and 0x40000000 != 0 log accept comment \"by hand\"",
            "meta mark and 0x40000000 != 0 accept",
            "ct mark and 0xf0000000 == 0x40000000 accept")) {
      NftRule rule = onlyRule(text);
      assertEquals(NftRule.Action.ACCEPT, rule.action(), text);
      assertTrue(rule.wants(CHILD), text);
      assertTrue(rule.takes(CHILD) && !rule.takes(0), text);
      assertFalse(rule.asksMore() || rule.takesAll(), text);
    }
    for (String text :
        List.of(
            "ct mark and 0x20000000 != 0 accept",
            "ct mark and 0x40000000 == 0 accept",
            "ct state established accept",
            "accept")) {
      assertFalse(onlyRule(text).wants(CHILD), text);
    }
    assertTrue(onlyRule("iifname \"lan\" ct mark and 0x40000000 != 0 accept").asksMore());
    assertTrue(onlyRule("ct mark { 0x40000000, 0x40000019 } accept").wants(CHILD));
    assertTrue(onlyRule("ct mark vmap { 0x40000000 : accept }").wants(CHILD));
    assertEquals(NftRule.Action.MAP, onlyRule("ct state vmap { new : jump other }").action());
    NftRule jump = onlyRule("counter jump other");
    assertEquals(NftRule.Action.JUMP, jump.action());
    assertEquals("other", jump.target());
    assertTrue(jump.takesAll());
    assertTrue(onlyRule("counter drop").takesAll());
    assertEquals(NftRule.Action.DROP, onlyRule("reject").action());
    assertFalse(onlyRule("tcp dport 21 drop").takesAll());
    assertEquals("x", onlyRule("accept comment \"x\"").comment());
    namespace.exec("nft", "delete table inet fw");
  }

  @Test
  void chains_areThoseOfAllTables_withHookAndPolicy() throws IOException {
    namespace.exec("nft", "add table ip6 fw; add chain ip6 fw plain");
    namespace.exec(
        "nft", "add chain ip6 fw f { type filter hook forward priority 0; policy drop; }");
    NftTable table = new NftTable(NftFamily.IP6, "fw");
    List<NftChain> chains = client.chains();
    assertTrue(chains.contains(new NftChain(table, "plain", -1, false, false)), chains::toString);
    assertTrue(
        chains.contains(new NftChain(table, "f", NftChain.FORWARD, true, false)), chains::toString);
    namespace.exec("nft", "delete table ip6 fw");
  }

  @Test
  void insertRule_standsFirst_andIsDeletedByItsHandle() throws IOException {
    namespace.exec("nft", "add table inet fw; add chain inet fw c; add rule inet fw c drop");
    NftTable table = new NftTable(NftFamily.INET, "fw");
    client
        .begin()
        .insertRule(table, "c")
        .loadCt(Ct.MARK, 0)
        .mask32host(0, CHILD)
        .compare32host(0, Compare.NOT_EQUAL, 0)
        .counter()
        .accept()
        .comment("ours")
        .endRule();
    client.commit();
    List<NftRule> rules = rulesOf("c");
    assertEquals("ours", rules.get(0).comment());
    assertTrue(rules.get(0).wants(CHILD) && rules.get(0).takes(CHILD));
    client.begin().deleteRule(rules.get(0));
    client.commit();
    assertEquals(1, rulesOf("c").size());
    namespace.exec("nft", "delete table inet fw");
  }

  @Test
  void insertRule_intoATableOfIptables_isReadByIptables() throws IOException {
    namespace.exec("iptables-nft", "-A", "FORWARD", "-j", "DROP");
    NftTable table = new NftTable(NftFamily.IP, "filter");
    client
        .begin()
        .insertRule(table, "FORWARD")
        .matchConnmark(CHILD)
        .counter()
        .accept()
        .comment("ours")
        .endRule();
    client.commit();
    String listed = namespace.exec("iptables-nft", "-S", "FORWARD");
    assertTrue(listed.contains("-A FORWARD -m connmark --mark 0x40000000/0x40000000"), listed);
    namespace.exec(
        "iptables-nft",
        "-I",
        "FORWARD",
        "2",
        "-m",
        "connmark",
        "--mark",
        "0x40000000/0x40000000",
        "-j",
        "ACCEPT");
    for (NftRule rule : rulesOf("FORWARD").subList(0, 2)) {
      assertTrue(rule.wants(CHILD) && rule.takes(CHILD) && !rule.takes(0), rule::toString);
      assertFalse(rule.asksMore(), rule::toString);
      assertEquals(NftRule.Action.ACCEPT, rule.action());
    }
    assertTrue(rulesOf("FORWARD").get(2).takesAll());
    namespace.exec("nft", "delete table ip filter");
  }
}
