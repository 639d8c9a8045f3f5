package org.pinholed.helper.sip.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.call.CallBench.PHONE;
import static org.pinholed.helper.sip.call.CallBench.SERVER;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.sip.words.SipWord;

/** Messages in any order, legal or not: what holds whatever comes. */
class CallPropertyTest {
  private static final long SEED = 9;
  private static final int RUNS = 400;
  private static final int MESSAGES = 60;
  private static final String STRANGER = "203.0.113.66";
  private static final SipWord[] METHODS = {
    SipWord.INVITE,
    SipWord.INVITE,
    SipWord.ACK,
    SipWord.BYE,
    SipWord.PRACK,
    SipWord.UPDATE,
    SipWord.CANCEL,
    SipWord.OPTIONS,
    SipWord.INFO
  };
  private static final int[] STATUS = {100, 180, 183, 200, 200, 302, 401, 407, 408, 481, 486, 491};
  private static final List<MediaFrom> MEDIA =
      List.of(MediaFrom.PEER, MediaFrom.NETWORKS, MediaFrom.ANY);
  private static final String[] TAGS = {"f", "t", "u", ""};

  /** One run: random messages over three flows, one of a stranger's. */
  private static final class Run {
    final CallBench bench = new CallBench();
    final List<CallBench.Talk> flows = new ArrayList<>();
    final Set<Integer> named = new HashSet<>();
    final Random random;
    int mostCalls;

    Run(long seed) {
      random = new Random(seed);
      bench.settings =
          CallBench.settings(
              MEDIA.get(random.nextInt(MEDIA.size())),
              random.nextBoolean() ? "" : "203.0.113.0/24");
      flows.add(bench.flow(CallBench.routed(PHONE, SERVER)));
      flows.add(bench.flow(CallBench.translated(SERVER, 5070, SERVER, 5070, PHONE)));
      flows.add(bench.flow(CallBench.routed(STRANGER, PHONE)));
    }

    CallBench.Say message(int number) {
      CallBench.Talk flow = flows.get(random.nextInt(flows.size()));
      SipWord method = METHODS[random.nextInt(METHODS.length)];
      boolean client = random.nextBoolean();
      CallBench.Say say;
      if (random.nextInt(3) == 0) {
        say = client ? flow.client(method) : flow.server(method);
      } else {
        int status = STATUS[random.nextInt(STATUS.length)];
        say = client ? flow.clientAnswers(status, method) : flow.serverAnswers(status, method);
      }
      say.cseq(1 + random.nextInt(3)).call("c" + random.nextInt(2)).branch("b" + number);
      say.tags(TAGS[random.nextInt(3)], TAGS[random.nextInt(4)]);
      if (random.nextBoolean()) {
        int port = 2000 + 10 * number;
        named.add(port);
        String address =
            client
                ? flow.facts.client().address().getHostAddress()
                : flow.facts.server().address().getHostAddress();
        say.audio(random.nextInt(8) == 0 ? "0.0.0.0" : address, port);
      }
      if (random.nextInt(4) == 0) {
        say.expires(random.nextInt(4000));
      }
      return say;
    }

    void say(int number) {
      int before = bench.model.calls();
      message(number).say();
      mostCalls = Math.max(mostCalls, bench.model.calls() - before);
      for (String open : bench.model.open()) {
        int port = Integer.parseInt(open.substring(open.lastIndexOf(':') + 1));
        assertTrue(named.contains(port) || named.contains(port - 1), open);
      }
      switch (random.nextInt(20)) {
        case 0 -> bench.model.pass(Duration.ofSeconds(random.nextInt(200)));
        case 1 -> bench.kill();
        case 2 -> bench.handOver();
        default -> {}
      }
    }
  }

  @Test
  void nothingIsOpenThatWasNotAnnounced_andEverythingEnds() {
    int most = 0;
    int opened = 0;
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(SEED * 1000 + run);
      for (int number = 0; number < MESSAGES; number++) {
        one.say(number);
        opened += one.bench.model.open().size();
      }
      one.bench.model.pass(Duration.ofHours(12).plusSeconds(1));
      assertEquals(Set.of(), one.bench.model.open(), "run " + run);
      most = Math.max(most, one.mostCalls);
    }
    assertTrue(opened > RUNS, "runs in which nothing opens show nothing");
    // groups of two parties, each opened, closed and looked for a few times, for some branches
    assertTrue(most < 200, "calls of the sink for one message: " + most);
  }

  @Test
  void copies_changeNothing() {
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(SEED * 2000 + run);
      for (int number = 0; number < 20; number++) {
        CallBench.Say say = one.message(number);
        say.say();
        Set<String> open = one.bench.model.open();
        say.say();
        assertEquals(open, one.bench.model.open(), "run " + run + " message " + number);
      }
    }
  }

  @Test
  void costOfAMessage_doesNotGrowWithCalls() {
    assertEquals(work(10), work(500));
  }

  private static int work(int calls) {
    CallBench bench = new CallBench();
    CallBench.Talk flow = bench.flow(CallBench.routed(PHONE, SERVER));
    for (int call = 0; call < calls; call++) {
      flow.client(SipWord.INVITE)
          .call("c" + call)
          .tags("f", "")
          .audio(PHONE, 10000 + 2 * call)
          .say();
      flow.serverAnswers(200, SipWord.INVITE)
          .call("c" + call)
          .audio(SERVER, 10000 + 2 * call)
          .say();
    }
    int before = bench.model.calls();
    flow.client(SipWord.INVITE).call("last").tags("f", "").audio(PHONE, 4000).say();
    flow.serverAnswers(200, SipWord.INVITE).call("last").audio(SERVER, 6000).say();
    flow.client(SipWord.BYE).call("last").cseq(2).say();
    flow.serverAnswers(200, SipWord.BYE).call("last").cseq(2).say();
    return bench.model.calls() - before;
  }

  @Test
  void damagedHandOver_neverThrows() {
    CallBench bench = new CallBench();
    CallBench.Talk flow = bench.flow(CallBench.routed(PHONE, SERVER));
    flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 4000).contact(PHONE, 5060).say();
    flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).contact(SERVER, 5060).say();
    Random random = new Random(SEED);
    String text = CallCodec.CODEC.write(CallTextTest.call(bench), 0);
    for (int round = 0; round < 20_000; round++) {
      StringBuilder damaged = new StringBuilder(text);
      for (int change = random.nextInt(4); change >= 0; change--) {
        damaged.setCharAt(random.nextInt(damaged.length()), (char) (' ' + random.nextInt(95)));
      }
      Call read = CallCodec.CODEC.read(damaged.toString(), 0);
      if (read != null) {
        assertTrue(CallCodec.CODEC.write(read, 0).length() <= 4000);
      }
    }
  }
}
