package org.pinholed.helper.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;

/** Opens whatever is asked for and records nothing, so that only the helper costs anything. */
public class QuietSink implements OutcomeSink {
  /** Makes it. */
  public QuietSink() {}

  /**
   * What others see of an endpoint inside.
   *
   * @param inside the endpoint
   * @return the same, as where nothing is translated
   */
  protected Endpoint seenOf(Endpoint inside) {
    return inside;
  }

  @Override
  public List<Optional<Endpoint>> expectGroup(List<ExpectationRequest> requests) {
    List<Optional<Endpoint>> seen = new ArrayList<>(requests.size());
    for (ExpectationRequest request : requests) {
      seen.add(Optional.of(seenOf(request.destination())));
    }
    return seen;
  }

  @Override
  public void activate(@Nullable OwnerId owner, String group) {}

  @Override
  public void close(@Nullable OwnerId owner, String group, Children children) {}

  @Override
  public void keepOwner(OwnerId owner, Duration atMost, Children children) {}

  @Override
  public void endOwner(OwnerId owner, Children children) {}

  @Override
  public void cut(Reason reason, long streamOffset) {}

  @Override
  public void edit(long streamOffset, int lengthBytes, byte[] replacement) {}

  @Override
  public void report(Reason reason, long streamOffset) {}

  @Override
  public void understood(HelperWord word) {}
}
