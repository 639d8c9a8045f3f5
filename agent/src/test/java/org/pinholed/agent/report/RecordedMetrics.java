package org.pinholed.agent.report;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ExpectationAction;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Reason;

/**
 * Counts by words. What is counted for each batch of packets allocates nothing, so that what the
 * agent allocates can be measured beside it. Thread-safe.
 */
public final class RecordedMetrics implements AgentMetrics {
  private final Map<HelperWord, String> messageWords = new ConcurrentHashMap<>();
  private final Map<HelperWord, String> fieldWords = new ConcurrentHashMap<>();
  private static final Map<Verdict, String> VERDICT_WORDS = new EnumMap<>(Verdict.class);

  static {
    for (Verdict verdict : Verdict.values()) {
      VERDICT_WORDS.put(verdict, "verdict " + verdict);
    }
  }

  private final Map<String, AtomicInteger> counts = new TreeMap<>();

  private synchronized void count(String word, int by) {
    AtomicInteger count = counts.get(word);
    if (count == null) {
      count = new AtomicInteger();
      counts.put(word, count);
    }
    count.addAndGet(by);
  }

  /**
   * How often something was counted.
   *
   * @param word what, for example {@code unreadable truncated}
   * @return 0 or more
   */
  public synchronized int of(String word) {
    AtomicInteger count = counts.get(word);
    return count == null ? 0 : count.get();
  }

  /**
   * What was counted at all.
   *
   * @return the words
   */
  public synchronized List<String> words() {
    return List.copyOf(counts.keySet());
  }

  @Override
  public void verdicts(Verdict verdict, int packets) {
    count(Objects.requireNonNull(VERDICT_WORDS.get(verdict)), packets);
  }

  @Override
  public void verdictLatency(long nanos, int packets) {
    count("latency", packets);
  }

  @Override
  public void transaction(long nanos, boolean ok) {
    count(ok ? "transaction" : "transaction refused", 1);
  }

  @Override
  public void event(AgentEvent.Kind kind, String helper) {
    count("event " + kind.word() + " " + helper, 1);
  }

  @Override
  public void reason(String helper, Reason reason) {
    count("reason " + reason.word() + " " + helper, 1);
  }

  /** Made once: it is said of each packet. */
  private static String wordOf(
      Map<HelperWord, String> known, String what, String helper, HelperWord word) {
    String made = known.get(word);
    if (made == null) {
      made = what + word.word() + " " + helper;
      known.put(word, made);
    }
    return made;
  }

  @Override
  public void message(String helper, HelperWord word) {
    count(wordOf(messageWords, "message ", helper, word), 1);
  }

  @Override
  public void rewrittenField(String helper, HelperWord field) {
    count(wordOf(fieldWords, "field ", helper, field), 1);
  }

  @Override
  public void limit(Limit limit) {
    count("limit " + limit.word(), 1);
  }

  @Override
  public void withoutExpectation(NoExpectation why) {}

  @Override
  public void unreadablePacket(UnreadableReason reason) {
    count("unreadable " + reason.word(), 1);
  }

  @Override
  public void misroutedPacket() {
    count("misrouted", 1);
  }

  @Override
  public void withheld(WithheldReason reason) {
    count("withheld " + reason.word(), 1);
  }

  @Override
  public void parentsLost(int parents) {
    count("parentsLost", parents);
  }

  @Override
  public void receiveError(ReceivingSocket socket) {
    count("receiveError " + socket.word(), 1);
  }

  @Override
  public void expectations(ExpectationAction action) {
    count("expectations " + action.word(), 1);
  }

  @Override
  public void overrun(ReceivingSocket socket) {
    count("overrun " + socket.word(), 1);
  }
}
