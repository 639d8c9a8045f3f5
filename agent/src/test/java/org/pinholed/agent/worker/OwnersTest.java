package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.netlink.NetlinkException;

/** What belongs to owners that outlive flows, and groups of items. */
class OwnersTest {
  private static final OwnerId CALL = new OwnerId(1, 2);
  private static final OwnerId OTHER = new OwnerId(3, 4);
  private static final Lifetime WITH_OWNER = new Lifetime.WithOwner(Duration.ofHours(1));

  /** Reasons of these tests. */
  private enum Why implements Reason {
    UNWANTED;

    @Override
    public String word() {
      return "unwanted";
    }

    @Override
    public String explanation() {
      return "it is unwanted";
    }

    @Override
    public Kind kind() {
      return Kind.REFUSED;
    }
  }

  private final Queue<BiConsumer<FlowFacts, OutcomeSink>> next = new ArrayDeque<>();
  private final List<Optional<Endpoint>> answers = new ArrayList<>();
  private final WorkerBench bench;

  OwnersTest() throws NetlinkException {
    bench =
        new WorkerBench(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  BiConsumer<FlowFacts, OutcomeSink> what = next.poll();
                  if (what != null) {
                    what.accept(facts, out);
                  }
                }),
            AgentConfig.Limits.DEFAULT,
            Duration.ofSeconds(30));
  }

  private TcpDialogue connect(int lastOctet) {
    return new TcpDialogue(
            bench,
            new InetSocketAddress("192.0.2." + lastOctet, 40001),
            TcpDialogue.SERVER,
            lastOctet,
            25)
        .connect();
  }

  private void message(TcpDialogue dialogue, BiConsumer<FlowFacts, OutcomeSink> outcomes) {
    next.add(outcomes);
    dialogue.server("message");
  }

  private static ExpectationRequest.Builder many(FlowFacts facts, String item, int port) {
    return ExpectationRequest.builder(
            "media",
            Direction.REPLY,
            new Endpoint(facts.server().address(), port),
            LambdaProtocol.Word.SAID)
        .item(item)
        .many()
        .lifetime(WITH_OWNER);
  }

  /** The server's next message announces a group: item a with the first port, b with the second. */
  private void group(TcpDialogue dialogue, OwnerId owner, int... ports) {
    message(
        dialogue,
        (facts, out) -> {
          List<ExpectationRequest> requests = new ArrayList<>();
          for (int at = 0; at < ports.length; at++) {
            String item = String.valueOf((char) ('a' + at));
            requests.add(many(facts, item, ports[at]).owner(owner).build());
          }
          answers.clear();
          answers.addAll(out.expectGroup(requests));
        });
  }

  private List<Integer> open() {
    return bench.backend().open().stream()
        .map(text -> Integer.parseInt(text.substring(text.lastIndexOf(':') + 1)))
        .sorted()
        .toList();
  }

  private static List<Integer> ports(Integer... ports) {
    return Arrays.asList(ports);
  }

  @Test
  void group_isReplacedAndClosedInOneTransactionEach() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000, 30001, 30002, 30003);
    assertEquals(ports(30000, 30001, 30002, 30003), open());
    assertEquals(1, bench.backend().transactions().size());
    assertEquals(4, answers.stream().filter(Optional::isPresent).count());

    group(dialogue, CALL, 30000, 30011, 30002);
    assertEquals(ports(30000, 30002, 30011), open());
    assertEquals(2, bench.backend().transactions().size());

    message(dialogue, (facts, out) -> out.close(CALL, "media"));
    assertEquals(ports(), open());
    assertEquals(3, bench.backend().transactions().size());
    assertEquals(List.of(), bench.rows());
  }

  @Test
  void oneOwnerMoreThanItsEntryMayHave_opensNothing_andLaterItDoes() {
    bench.limitEntry(
        EntryLimits.NONE.with(EntryLimit.OWNERS, 3).with(EntryLimit.OWNERS_PER_SOURCE, 2));
    TcpDialogue one = connect(10);
    group(one, new OwnerId(1, 1), 30000, 30001);
    group(one, new OwnerId(1, 2), 30002);
    group(one, new OwnerId(1, 3), 30003);
    assertEquals(ports(30000, 30001, 30002), open());
    assertEquals(1, bench.metrics().of("limit ownersPerSource"));
    assertEquals(1, bench.metrics().of("reason limitOwnersPerSource test"));
    TcpDialogue other = connect(11);
    group(other, new OwnerId(1, 4), 30004);
    group(other, new OwnerId(1, 5), 30005);
    assertEquals(ports(30000, 30001, 30002, 30004), open());
    assertEquals(1, bench.metrics().of("limit owners"));
    assertEquals(1, bench.metrics().of("reason limitOwners test"));
    assertEquals(3, bench.table().owners().size());

    group(other, new OwnerId(1, 1), 30006); // one that is there takes no other place
    assertEquals(ports(30002, 30004, 30006), open());
    // its place is that of the client who began it
    message(other, (facts, out) -> out.endOwner(new OwnerId(1, 1), OutcomeSink.Children.KEEP));
    group(one, new OwnerId(1, 3), 30003);
    assertEquals(ports(30002, 30003, 30004), open());
    bench.limitEntry(EntryLimits.NONE); // a reload
    group(one, new OwnerId(1, 6), 30007);
    assertEquals(ports(30002, 30003, 30004, 30007), open());
  }

  @Test
  void sameGroupAgain_changesNothing() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000, 30001);
    List<Long> before = bench.rows().stream().map(ExpectationRow::id).toList();
    List<String> told = List.copyOf(bench.log().words());

    group(dialogue, CALL, 30000, 30001);
    assertEquals(before, bench.rows().stream().map(ExpectationRow::id).toList());
    assertEquals(told, bench.log().words());
    assertEquals(1, bench.backend().transactions().size());
    assertEquals(2, answers.stream().filter(Optional::isPresent).count());
  }

  @Test
  void endOfTheParent_endsWhatIsItsOwnOnly() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000);
    message(dialogue, (facts, out) -> out.expect(many(facts, "", 30007).build()));
    assertEquals(ports(30000, 30007), open());

    dialogue.close();
    assertEquals(ports(30000), open());
    assertEquals(CALL.text(), bench.rows().get(0).owner());
    assertEquals("owner", bench.rows().get(0).lifetime());
  }

  private static ExpectationRequest.Builder provisional(FlowFacts facts, String item, int port) {
    return many(facts, item, port)
        .lifetime(
            new Lifetime.WithOwner(
                Duration.ofHours(1),
                new Lifetime.Provisional(Duration.ofMinutes(3), OutcomeSink.Children.CUT)));
  }

  private static List<ExpectationRequest> provisionalPair(FlowFacts facts) {
    return List.of(
        provisional(facts, "a", 30000).owner(CALL).build(),
        provisional(facts, "b", 30001).owner(CALL).build());
  }

  private void announceProvisional(TcpDialogue dialogue) {
    message(dialogue, (facts, out) -> out.expectGroup(provisionalPair(facts)));
    assertEquals(2, provisionalInKernel());
  }

  private long provisionalInKernel() {
    return bench.backend().open().stream()
        .filter(
            text -> {
              Pinhole pinhole = bench.backend().find(text);
              assertNotNull(pinhole);
              return pinhole.comment().contains(" o2s0!50 ");
            })
        .count();
  }

  /** One comment that says it is enough for the next process; the others follow with the lease. */
  @Test
  void settled_withoutAnythingNew_theKernelIsToldAtOnce_andOnce() {
    TcpDialogue dialogue = connect(10);
    announceProvisional(dialogue);
    message(
        dialogue,
        (facts, out) -> {
          assertTrue(out.isProvisional(CALL));
          out.settle(CALL);
          assertFalse(out.isProvisional(CALL));
          out.settle(OTHER); // unknown
        });
    assertEquals(1, provisionalInKernel());
    assertEquals(2, bench.backend().transactions().size());
    message(dialogue, (facts, out) -> out.settle(CALL));
    assertEquals(2, bench.backend().transactions().size());
  }

  @Test
  void settled_withSomethingNewThatLasts_isOneTransaction() {
    TcpDialogue dialogue = connect(10);
    announceProvisional(dialogue);
    message(
        dialogue,
        (facts, out) -> {
          out.expect(
              ExpectationRequest.builder(
                      "other",
                      Direction.REPLY,
                      new Endpoint(facts.server().address(), 30010),
                      LambdaProtocol.Word.SAID)
                  .many()
                  .lifetime(WITH_OWNER)
                  .owner(CALL)
                  .build());
          assertFalse(out.isProvisional(CALL));
          out.settle(CALL);
        });
    assertEquals(2, bench.backend().transactions().size());
    assertEquals(2, provisionalInKernel(), "with the next renewal");
  }

  /** What was announced once more as lasting is so in this process only. */
  @Test
  void announcedAgainAsLasting_isToldWhenItSettles() {
    TcpDialogue dialogue = connect(10);
    announceProvisional(dialogue);
    message(
        dialogue,
        (facts, out) -> {
          out.expectGroup(
              List.of(
                  many(facts, "a", 30000).owner(CALL).build(),
                  many(facts, "b", 30001).owner(CALL).build()));
          out.settle(CALL);
        });
    assertEquals(1, provisionalInKernel());
    assertEquals(2, bench.backend().transactions().size());
  }

  /** Announced for an hour, some of it gone; what is said to be shorter changes nothing. */
  @Test
  void prolonged_staysForLonger() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000);
    message(dialogue, (facts, out) -> out.prolong(CALL, Duration.ofMinutes(30)));
    Owner call = bench.table().owners().all().get(0);
    long nowNs = System.nanoTime();
    assertEquals(3_600_000, Objects.requireNonNull(call.endsInMs(nowNs)), 60_000);
    message(
        dialogue,
        (facts, out) -> {
          out.prolong(CALL, Duration.ofHours(5));
          assertEquals(Set.of("media"), out.groups(CALL));
          assertEquals(Set.of(), out.groups(OTHER));
        });
    assertEquals(18_000_000, Objects.requireNonNull(call.endsInMs(nowNs)), 60_000);
    assertEquals(1, bench.backend().transactions().size(), "the lease is the same");
    message(dialogue, (facts, out) -> out.endOwner(CALL, OutcomeSink.Children.KEEP));
    assertEquals(ports(), open());
  }

  /** Another owner's comment is there: nothing of this one would be found, and nothing is told. */
  @Test
  void settled_whatOthersAreWrittenFor_isLeft() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, OTHER, 30000, 30001);
    message(dialogue, (facts, out) -> out.expectGroup(provisionalPair(facts)));
    message(dialogue, (facts, out) -> out.settle(CALL));
    assertEquals(1, bench.backend().transactions().size());
  }

  @Test
  void owner_isClosedByAnotherFlow() {
    TcpDialogue one = connect(10);
    group(one, CALL, 30000, 30001);
    one.close();
    TcpDialogue other = connect(11);
    message(other, (facts, out) -> out.endOwner(CALL, OutcomeSink.Children.KEEP));
    assertEquals(ports(), open());
    assertEquals(0, bench.table().owners().size());
  }

  @Test
  void severalHoldOnePinhole_itShutsWithTheLast() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000);
    group(dialogue, OTHER, 30000);
    assertEquals(ports(30000), open());
    assertEquals(2, bench.rows().size());

    message(dialogue, (facts, out) -> out.endOwner(CALL, OutcomeSink.Children.KEEP));
    assertEquals(ports(30000), open());
    Pinhole left = bench.backend().find(bench.backend().open().get(0));
    assertNotNull(left);
    String comment = left.comment();
    assertTrue(comment.contains(OTHER.text()), comment);

    message(dialogue, (facts, out) -> out.endOwner(OTHER, OutcomeSink.Children.KEEP));
    assertEquals(ports(), open());
  }

  /** The other end may be meant or named; over another flow it is another one. */
  @Test
  void sameChildInOtherWords_changesNothing_andAnotherPeerDoes() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000);
    message(
        dialogue,
        (facts, out) ->
            out.expect(many(facts, "a", 30000).owner(CALL).from(facts.client().address()).build()));
    assertEquals(1, bench.backend().transactions().size());

    group(connect(11), CALL, 30000);
    assertEquals(List.of("OPEN TCP 192.0.2.11 > 198.51.100.7:30000"), bench.backend().open());
    assertEquals(1, bench.rows().size());
  }

  @Test
  void whatWasNotReadAndShallBe_isOpenedAnew() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000);
    message(
        dialogue, (facts, out) -> out.expect(many(facts, "a", 30000).owner(CALL).read().build()));
    assertEquals(List.of("many", "read"), bench.rows().get(0).flags());
    assertEquals(2, bench.backend().transactions().size());
  }

  @Test
  void anySource_isNarrowedInOneTransaction() {
    TcpDialogue dialogue = connect(10);
    message(
        dialogue,
        (facts, out) -> out.expect(many(facts, "a", 30000).owner(CALL).fromAny().build()));
    assertEquals(List.of("OPEN_ANY TCP any > 198.51.100.7:30000"), bench.backend().open());

    message(
        dialogue,
        (facts, out) ->
            out.expect(many(facts, "a", 30000).owner(CALL).from(facts.client().address()).build()));
    assertEquals(List.of("OPEN TCP 192.0.2.10 > 198.51.100.7:30000"), bench.backend().open());
    assertEquals(2, bench.backend().transactions().size());
  }

  @Test
  void capOfAnOwner_refusesWhatIsBeyond_andOthersHaveTheirOwn() {
    TcpDialogue dialogue = connect(10);
    group(dialogue, CALL, 30000, 30001, 30002, 30003, 30004, 30005, 30006, 30007, 30008);
    assertEquals(8, open().size());
    assertTrue(answers.get(8).isEmpty());
    assertTrue(bench.log().words().contains("refused limitPerOwner"), bench.log().words() + "");

    group(dialogue, OTHER, 30008);
    assertEquals(9, open().size());
  }

  @Test
  void inactiveGroup_opensAsAWhole() {
    TcpDialogue dialogue = connect(10);
    message(
        dialogue,
        (facts, out) ->
            out.expectGroup(
                List.of(
                    many(facts, "a", 30000).owner(CALL).inactive().build(),
                    many(facts, "b", 30001).owner(CALL).inactive().build())));
    assertEquals(ports(), open());
    message(dialogue, (facts, out) -> out.activate(CALL, "media"));
    assertEquals(ports(30000, 30001), open());
    assertEquals(1, bench.backend().transactions().size());
  }

  /** They are as many as their owners may have; what flows announce keeps its place. */
  @Test
  void limitsOfAllEntries_doNotCountWhatOutlivesFlows() throws NetlinkException {
    int most = AgentConfig.Limits.DEFAULT.expectationsPerSource();
    TcpDialogue dialogue = connect(10);
    for (int at = 0; at <= most; at++) {
      group(dialogue, new OwnerId(5, at), 30000 + at);
    }
    assertEquals(most + 1, bench.rows().size());
    message(dialogue, (facts, out) -> out.expect(many(facts, "", 20000).build()));
    assertEquals(most + 2, bench.rows().size());
    assertEquals(0, bench.metrics().of("limit expectationsPerSource"));
    bench.limitEntry(
        EntryLimits.NONE
            .with(EntryLimit.EXPECTATIONS, most + 3)
            .with(EntryLimit.EXPECTATIONS_PER_SOURCE, most + 3));
    group(dialogue, CALL, 21000, 21001);
    assertEquals(1, bench.metrics().of("limit helperExpectations"));
  }

  /** What operators read of an owner: its name, when it ends, and why something was refused. */
  @Test
  void owner_isNamed_andKnowsWhyItWasRefused() {
    TcpDialogue dialogue = connect(10);
    message(
        dialogue,
        (facts, out) -> {
          out.named(CALL, LambdaProtocol.Word.SAID, "nobody", "early"); // it has nothing yet
          out.expect(many(facts, "a", 30000).owner(CALL).build());
          out.named(CALL, LambdaProtocol.Word.SAID, "a\u001b[31m", "early");
          out.named(CALL, LambdaProtocol.Word.SAID, "a\u001b[31m", "answered");
        });
    Owner owner = bench.table().owners().find("test", CALL);
    assertNotNull(owner);
    assertEquals(new Owner.Name("said", "a\\x1b[31m", "answered"), owner.name());
    assertEquals("", owner.lastRefusal());
    group(dialogue, CALL, 30000, 30001, 30002, 30003, 30004, 30005, 30006, 30007, 30008);
    assertEquals("limitPerOwner", owner.lastRefusal());
    long nowNs = System.nanoTime();
    Long endsInMs = owner.endsInMs(nowNs);
    assertTrue(endsInMs != null && endsInMs > 3_590_000 && endsInMs <= 3_600_000, endsInMs + "");
    message(dialogue, (facts, out) -> out.keepOwner(CALL, Duration.ofSeconds(32)));
    endsInMs = owner.endsInMs(nowNs);
    assertTrue(endsInMs != null && endsInMs <= 33_000, endsInMs + "");
  }

  /** Also what is refused before its owner has anything open, in the same message. */
  @Test
  void reasonsOfAMessage_areShownWithTheOwnerThatItIsAbout() {
    TcpDialogue dialogue = connect(10);
    message(
        dialogue,
        (facts, out) -> {
          out.concerns(CALL);
          out.report(Why.UNWANTED, 0);
          out.expect(many(facts, "a", 30000).owner(CALL).build());
          out.expect(many(facts, "a", 30001).owner(OTHER).build());
        });
    Owner owner = bench.table().owners().find("test", CALL);
    Owner other = bench.table().owners().find("test", OTHER);
    assertNotNull(owner);
    assertNotNull(other);
    assertEquals("unwanted", owner.lastRefusal());
    assertEquals("", other.lastRefusal());

    message(
        dialogue,
        (facts, out) -> {
          out.report(Why.UNWANTED, 0); // about nobody: a new message
          out.expect(many(facts, "a", 30001).owner(OTHER).build());
          out.concerns(CALL);
          out.concerns(null);
          out.report(Why.UNWANTED, 0);
        });
    assertEquals("", other.lastRefusal());

    message(
        dialogue,
        (facts, out) -> {
          out.concerns(OTHER);
          out.report(Why.UNWANTED, 0);
        });
    assertEquals("unwanted", other.lastRefusal());
  }

  @Test
  void messagesAndFields_areCountedByTheirWords() throws NetlinkException {
    TcpDialogue dialogue = connect(10);
    message(dialogue, (facts, out) -> out.understood(LambdaProtocol.Word.SAID));
    message(dialogue, (facts, out) -> out.understood(LambdaProtocol.Word.SAID));
    assertEquals(2, bench.metrics().of("message said test"));
    message(dialogue, (facts, out) -> out.edit(0, 1, new byte[1], LambdaProtocol.Word.SAID));
    assertEquals(0, bench.metrics().of("field said test"), "the flow is not translated");
    assertEquals(1, bench.metrics().of("reason rewriteNotAllowed test"));
  }
}
