package org.pinholed.helper;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes outcomes down as words, so that two runs can be compared and read. */
public final class RecordingSink implements OutcomeSink {
  private final List<String> outcomes = new ArrayList<>();
  private final List<String> understood = new ArrayList<>();
  private boolean refusing;

  /** Answers every announcement with null from now on, as a reached limit does. */
  public void refuse() {
    refusing = true;
  }

  /** What was concluded, without the words that were only understood. */
  public List<String> outcomes() {
    return outcomes;
  }

  /** The commands and replies that were understood. */
  public List<String> understood() {
    return understood;
  }

  @Override
  public @Nullable Endpoint expect(ExpectationRequest request) {
    StringBuilder text = new StringBuilder("expect ");
    text.append(request.destination()).append(" by ").append(request.cause().word());
    if (!request.active()) {
      text.append(" inactive");
    }
    if (request.source() != ExpectationRequest.Source.PEER
        || request.use() != ExpectationRequest.Use.ONCE
        || request.transport() != Transport.TCP
        || request.lifetime() != null
        || !request.key().equals("data")) {
      text.append(" unusual");
    }
    text.append(request.announcedIn() == Direction.ORIGINAL ? " from client" : " from server");
    outcomes.add(text.append(" @").append(request.streamOffset()).toString());
    return refusing ? null : request.destination();
  }

  @Override
  public void activate(String key) {
    outcomes.add("activate " + key);
  }

  @Override
  public void close(String key) {
    outcomes.add("close " + key);
  }

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {
    outcomes.add("edit");
  }

  @Override
  public void report(Reason reason, long streamOffset) {
    outcomes.add(reason.name() + " @" + streamOffset);
  }

  @Override
  public void understood(HelperWord word) {
    understood.add(word.word());
  }
}
