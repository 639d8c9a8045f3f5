package org.pinholed.helper;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes outcomes down as words, so that two runs can be compared and read. */
public final class RecordingSink implements OutcomeSink {
  private final List<String> outcomes = new ArrayList<>();
  private final List<String> understood = new ArrayList<>();
  private final List<Long> incomplete = new ArrayList<>();
  private boolean refusing;
  private @Nullable Endpoint translated;
  private String read = "";
  private long readFrom;
  private long countedFrom;

  /** Answers every announcement with null from now on, as a reached limit does. */
  public void refuse() {
    refusing = true;
  }

  /** Answers every announcement with another endpoint from now on, as translation does. */
  public void translate(Endpoint seen) {
    translated = seen;
  }

  /** Takes the line that is being read, so that edits can be shown as what becomes of it. */
  public void reading(String line, long streamOffset) {
    read = line;
    readFrom = streamOffset;
  }

  /** Counts the offsets of what is concluded from another byte of the stream than the first. */
  public void countFrom(long streamOffset) {
    countedFrom = streamOffset;
  }

  /** What was concluded, without the words that were only understood. */
  public List<String> outcomes() {
    return outcomes;
  }

  /** Where unfinished messages began that may announce something. */
  public List<Long> incomplete() {
    return incomplete;
  }

  /** The commands and replies that were understood. */
  public List<String> understood() {
    return understood;
  }

  @Override
  public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
    List<Optional<Endpoint>> seen = new ArrayList<>();
    requests.forEach(request -> seen.add(Optional.ofNullable(take(request))));
    return seen;
  }

  private @Nullable Endpoint take(ExpectationRequest request) {
    StringBuilder text = new StringBuilder("expect ");
    text.append(request.destination()).append(" by ").append(request.cause().word());
    if (!request.active()) {
      text.append(" inactive");
    }
    if (request.source() != ExpectationRequest.Source.PEER
        || request.use() != ExpectationRequest.Use.ONCE
        || request.transport() != Transport.TCP
        || request.lifetime() != Lifetime.CONFIGURED
        || request.owner() != null
        || !request.item().isEmpty()
        || request.isRead()
        || request.usualSourcePort() != (request.announcedIn() == Direction.ORIGINAL ? 20 : 0)
        || !request.group().equals("data")) {
      text.append(" unusual");
    }
    text.append(request.announcedIn() == Direction.ORIGINAL ? " from client" : " from server");
    outcomes.add(text.append(" @").append(request.streamOffset() - countedFrom).toString());
    Endpoint seen = translated == null ? request.destination() : translated;
    return refusing ? null : seen;
  }

  @Override
  public void activate(@Nullable OwnerId owner, String group) {
    outcomes.add("activate " + (owner == null ? "" : owner + " ") + group);
  }

  @Override
  public void close(@Nullable OwnerId owner, String group) {
    outcomes.add("close " + (owner == null ? "" : owner + " ") + group);
  }

  @Override
  public void keepOwner(OwnerId owner, Duration atMost) {
    outcomes.add("keep " + owner + " " + atMost);
  }

  @Override
  public void endOwner(OwnerId owner, Children children) {
    outcomes.add("end " + owner + " " + children);
  }

  @Override
  public void cut(Reason reason, long streamOffset) {
    outcomes.add("cut " + reason.name() + " @" + (streamOffset - countedFrom));
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
    int from = (int) (streamOffset - readFrom);
    String changed =
        read.substring(0, from)
            + new String(replacement, StandardCharsets.US_ASCII)
            + read.substring(from + lengthBytes);
    outcomes.add("edit " + changed.replace("\r\n", ""));
  }

  @Override
  public void incomplete(long streamOffset) {
    incomplete.add(streamOffset - countedFrom);
  }

  @Override
  public void report(Reason reason, long streamOffset) {
    outcomes.add(reason.name() + " @" + (streamOffset - countedFrom));
  }

  @Override
  public void understood(HelperWord word) {
    understood.add(word.word());
  }

  @Override
  public void proven() {
    outcomes.add("proven");
  }
}
