package org.pinholed.helper.sip.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.call.CallBench.INSIDE;
import static org.pinholed.helper.sip.call.CallBench.OUTSIDE;
import static org.pinholed.helper.sip.call.CallBench.PHONE;
import static org.pinholed.helper.sip.call.CallBench.SERVER;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.sip.sdp.SdpDescription;
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

  /**
   * A description of a phone: streams that come and go, bundled or not, with RTCP beside or not.
   */
  private static SdpDescription streams(Random random, String address, int port) {
    List<String> lines = new ArrayList<>();
    boolean bundles = random.nextBoolean();
    if (bundles) {
      lines.add("a=group:BUNDLE 0 1 2");
    }
    boolean sharesPort = bundles && random.nextBoolean();
    for (int at = 0; at < 1 + random.nextInt(3); at++) {
      boolean off = at > 0 && random.nextInt(4) == 0;
      int own = sharesPort ? port : port + 10 * at;
      lines.add("m=" + (at == 0 ? "audio " : "video ") + (off ? 0 : own) + " RTP/AVP 0");
      lines.add("a=mid:" + at);
      if (bundles || random.nextBoolean()) {
        lines.add("a=rtcp-mux");
      }
      if (!sharesPort && random.nextInt(4) == 0) {
        lines.add("a=rtcp:" + (own + 5));
      }
    }
    return CallBench.sdp(address, lines.toArray(String[]::new));
  }

  /**
   * What was made of a message is made of its copy (a shift of one port would be audio that goes
   * nowhere); and of a phone's description that has a port open none goes out as it came.
   */
  @Test
  void behindTranslation_copiesSayTheSame_andWhatIsOpenIsSaid() {
    int shown = 0;
    for (int run = 0; run < RUNS; run++) {
      Random random = new Random(SEED * 3000 + run);
      CallBench bench = new CallBench();
      CallBench.Talk flow = bench.flow(CallBench.translated(INSIDE, 5062, OUTSIDE, 5062, SERVER));
      if (random.nextBoolean()) {
        bench.model.taken(new Endpoint(CallBench.address(OUTSIDE), 4000));
        bench.model.taken(new Endpoint(CallBench.address(OUTSIDE), 4010));
      }
      boolean clientCalls = random.nextBoolean();
      long cseq = 1;
      for (int number = 0; number < 16; number++) {
        boolean isFirst = number == 0;
        boolean asks = isFirst || random.nextInt(3) == 0;
        SipWord method =
            isFirst || random.nextBoolean() ? SipWord.INVITE : METHODS[3 + random.nextInt(4)];
        boolean client = isFirst ? clientCalls : random.nextBoolean();
        int status = STATUS[random.nextInt(random.nextInt(4) == 0 ? STATUS.length : 5)];
        CallBench.Say say =
            client
                ? (asks ? flow.client(method) : flow.clientAnswers(status, method))
                : (asks ? flow.server(method) : flow.serverAnswers(status, method));
        // Of an answer From and To are those of the request that the other side sent.
        boolean byCaller = (asks == client) == clientCalls;
        cseq += asks && random.nextBoolean() ? 1 : 0;
        say.tags(byCaller ? "f" : "t", isFirst ? "" : byCaller ? "t" : "f");
        say.cseq(cseq).branch("b" + number);
        SdpDescription description =
            client
                ? streams(random, INSIDE, 4000 + 100 * random.nextInt(2))
                : streams(random, SERVER, 6000 + 100 * random.nextInt(2));
        boolean describes = isFirst || random.nextInt(4) != 0;
        say.sdp(describes ? description : null);
        Set<Integer> before = bench.model.mediaPorts(CallBench.address(INSIDE));
        SeenMedia seen = say.say();
        Set<Integer> open = bench.model.mediaPorts(CallBench.address(INSIDE));
        String what = "run " + run + " message " + number;
        for (int at = 0; client && describes && at < description.streams().size(); at++) {
          int port = description.streams().get(at).port();
          if (open.contains(port) && !before.contains(port)) {
            assertNotNull(seen.stream(at).rtp(), what + " port " + port);
            shown++;
          }
        }
        assertEquals(seen, say.say(), what);
        assertEquals(open, bench.model.mediaPorts(CallBench.address(INSIDE)), what);
      }
    }
    assertTrue(shown > RUNS, "runs in which nothing is translated show nothing: " + shown);
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
