package org.pinholed.helper.testkit;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Announced;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.Transport;

/** Writes outcomes down as words, so that two runs can be compared and read. */
public final class RecordingSink implements OutcomeSink {
  private final Function<ExpectationRequest, String> words;
  private final Work work;
  private final List<String> outcomes = new ArrayList<>();
  private final List<String> understood = new ArrayList<>();
  private final List<Long> incomplete = new ArrayList<>();
  private final Set<String> opened = new LinkedHashSet<>();
  private final Set<String> openedAtOnce = new LinkedHashSet<>();
  private boolean refusing;
  private Function<Endpoint, @Nullable Endpoint> translated = announced -> announced;
  private Predicate<InetAddress> known = who -> true;
  private final List<Standing> standing = new ArrayList<>();
  private @Nullable String read;
  private long readFrom;
  private long countedFrom;

  /** What was announced and not shut yet. */
  private record Standing(
      @Nullable OwnerId owner,
      String group,
      String item,
      Transport transport,
      Endpoint destination,
      Endpoint seen) {}

  /** Writes down all there is of a request. */
  public RecordingSink() {
    this(RecordingSink::allOf);
  }

  /**
   * Writes down what a test wants to see of a request.
   *
   * @param words what is said of it beside its destination, cause, direction and offset: empty, or
   *     words with a space before each
   */
  public RecordingSink(Function<ExpectationRequest, String> words) {
    this(words, new Work());
  }

  RecordingSink(Function<ExpectationRequest, String> words, Work work) {
    this.words = words;
    this.work = work;
  }

  /** Answers every announcement with nothing from now on, as a reached limit does. */
  public void refuse() {
    refusing = true;
  }

  /**
   * Answers every announcement with another endpoint from now on, as translation does.
   *
   * @param seen that endpoint
   */
  public void translate(Endpoint seen) {
    translateBy(announced -> seen);
  }

  /**
   * Answers each announcement with an endpoint of its own from now on, as translation does.
   *
   * @param seen what others see of an announced endpoint; null if there is no port for it
   */
  public void translateBy(Function<Endpoint, @Nullable Endpoint> seen) {
    translated = seen;
  }

  /**
   * Says who has to do with what was announced; everybody if nothing is said.
   *
   * @param who tells by the address
   */
  public void knownTo(Predicate<InetAddress> who) {
    known = who;
  }

  /**
   * Takes the line that is being read, so that edits are shown as what becomes of it.
   *
   * @param line the line, each char of it one byte
   * @param streamOffset where it begins
   */
  public void reading(String line, long streamOffset) {
    read = line;
    readFrom = streamOffset;
  }

  /**
   * Counts the offsets of what is concluded from another byte of the stream than the first.
   *
   * @param streamOffset the offset that is shown as 0
   */
  public void countFrom(long streamOffset) {
    countedFrom = streamOffset;
  }

  /**
   * What was concluded, without the words that were only understood.
   *
   * @return in order
   */
  public List<String> outcomes() {
    return outcomes;
  }

  /**
   * Where unfinished messages began that may announce something.
   *
   * @return offsets, in order
   */
  public List<Long> incomplete() {
    return incomplete;
  }

  /**
   * The commands and replies that were understood, and what was said of messages.
   *
   * @return in order
   */
  public List<String> understood() {
    return understood;
  }

  /**
   * Whatever was asked to be opened, as transport, address and ports.
   *
   * @return each of them once
   */
  public Set<String> opened() {
    return opened;
  }

  /**
   * What of {@link #opened} was not announced inactive.
   *
   * @return each of them once
   */
  public Set<String> openedAtOnce() {
    return openedAtOnce;
  }

  @Override
  public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
    work.call();
    ExpectationRequest first = requests.get(0);
    Set<String> items = new LinkedHashSet<>();
    standing.removeIf(
        one -> Objects.equals(one.owner(), first.owner()) && one.group().equals(first.group()));
    List<Optional<Endpoint>> seen = new ArrayList<>();
    for (ExpectationRequest request : requests) {
      if (!first.group().equals(request.group())
          || !Optional.ofNullable(first.owner()).equals(Optional.ofNullable(request.owner()))
          || !items.add(request.item())) {
        throw new IllegalArgumentException(
            "group: "
                + request.group()
                + "/"
                + request.item()
                + " (expected: one owner and group,"
                + " each item once)");
      }
      seen.add(Optional.ofNullable(take(request)));
    }
    return seen;
  }

  private @Nullable Endpoint take(ExpectationRequest request) {
    String what = request.transport() + " " + request.destination() + "-" + request.lastPort();
    opened.add(what);
    if (request.active()) {
      openedAtOnce.add(what);
    }
    outcomes.add(
        "expect "
            + request.destination()
            + " by "
            + request.cause().word()
            + words.apply(request)
            + (request.announcedIn() == Direction.ORIGINAL ? " from client" : " from server")
            + " @"
            + (request.streamOffset() - countedFrom));
    if (refusing) {
      return null;
    }
    Endpoint seen = translated.apply(request.destination());
    if (seen == null) {
      return null;
    }
    standing.add(
        new Standing(
            request.owner(),
            request.group(),
            request.item(),
            request.transport(),
            request.destination(),
            seen));
    return seen;
  }

  static String allOf(ExpectationRequest request) {
    StringBuilder text = new StringBuilder();
    text.append(' ').append(request.transport()).append(" to ").append(request.lastPort());
    text.append(" of ").append(request.owner()).append(' ').append(request.group());
    text.append('/').append(request.item()).append(" source ").append(request.source());
    text.append(' ').append(request.sourceAddress()).append(' ').append(request.usualSourcePort());
    text.append(' ').append(request.use()).append(' ').append(request.connections());
    text.append(' ').append(request.lifetime()).append(request.active() ? "" : " inactive");
    text.append(request.isRead() ? " read " : " ").append(request.text());
    text.append(" paired ").append(request.pairedWith());
    text.append(" label '").append(request.label()).append("' field '").append(request.field());
    text.append("' length ").append(request.endpointOffset() - request.streamOffset());
    return text.toString();
  }

  @Override
  public void activate(@Nullable OwnerId owner, String group) {
    add("activate " + (owner == null ? "" : owner + " ") + group);
  }

  @Override
  public void close(@Nullable OwnerId owner, String group, Children children) {
    add("close " + (owner == null ? "" : owner + " ") + group + cutWord(children));
    standing.removeIf(one -> Objects.equals(one.owner(), owner) && one.group().equals(group));
  }

  @Override
  public void keepOwner(OwnerId owner, Duration atMost, Children children) {
    add("keep " + owner + " " + atMost + cutWord(children));
  }

  private static String cutWord(Children children) {
    return children == Children.CUT ? " CUT" : "";
  }

  @Override
  public void settle(OwnerId owner) {
    add("settle " + owner);
  }

  @Override
  public void prolong(OwnerId owner, Duration longest) {
    add("prolong " + owner + " " + longest);
  }

  @Override
  public void endOwner(OwnerId owner, Children children) {
    add("end " + owner + " " + children);
    standing.removeIf(one -> owner.equals(one.owner()));
  }

  @Override
  public void named(OwnerId owner, HelperWord kind, String label, String state) {
    add("named " + owner + " " + kind.word() + " '" + label + "' " + state);
  }

  @Override
  public boolean stands(@Nullable OwnerId owner, String group) {
    work.call();
    return standing.stream()
        .anyMatch(one -> Objects.equals(one.owner(), owner) && one.group().equals(group));
  }

  @Override
  public @Nullable Announced announced(Transport transport, Endpoint seen) {
    work.call();
    return standing.stream()
        .filter(one -> one.transport() == transport && one.seen().equals(seen))
        .filter(one -> one.owner() != null && !one.destination().equals(seen))
        .map(one -> new Announced(one.destination(), one.owner(), one.group(), one.item()))
        .findFirst()
        .orElse(null);
  }

  @Override
  public boolean isKnownTo(Transport transport, Endpoint seen, InetAddress who) {
    return announced(transport, seen) != null && known.test(who);
  }

  @Override
  public void cut(Reason reason, long streamOffset) {
    add("cut " + reason.name() + " @" + (streamOffset - countedFrom));
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
    edit("", streamOffset, lengthBytes, replacement);
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement, HelperWord field) {
    edit(field.word() + " ", streamOffset, lengthBytes, replacement);
  }

  private void edit(String field, long streamOffset, int lengthBytes, byte[] replacement) {
    String text = new String(replacement, StandardCharsets.ISO_8859_1);
    String line = read;
    if (line == null) {
      add(
          "edit "
              + field
              + "@"
              + (streamOffset - countedFrom)
              + " "
              + lengthBytes
              + " bytes to "
              + text);
      return;
    }
    int from = (int) (streamOffset - readFrom);
    String changed = line.substring(0, from) + text + line.substring(from + lengthBytes);
    add("edit " + field + changed.replace("\r\n", ""));
  }

  @Override
  public void incomplete(long streamOffset) {
    work.call();
    incomplete.add(streamOffset - countedFrom);
  }

  @Override
  public void report(Reason reason, long streamOffset) {
    add(reason.name() + " @" + (streamOffset - countedFrom));
  }

  @Override
  public void report(Reason reason, long streamOffset, String detail) {
    add(reason.name() + " @" + (streamOffset - countedFrom) + ": " + detail);
  }

  @Override
  public void understood(HelperWord word) {
    work.call();
    understood.add(word.word());
  }

  @Override
  public boolean isTraced() {
    return true;
  }

  @Override
  public void describe(String text) {
    work.call();
    understood.add(text);
  }

  @Override
  public void proven() {
    add("proven");
  }

  private void add(String outcome) {
    work.call();
    outcomes.add(outcome);
  }
}
