package org.pinholed.agent.pinhole;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Endpoint;

/**
 * Writes down what would be opened and opens nothing: for dry runs on a live router, where control
 * packets are diverted by another backend, and for tests, where nothing is.
 *
 * <p>Thread-safe. Like the kernel it forgets what is shut and what ran out; unlike the kernel it
 * does not see children, so a pinhole for one connection stays until its time is over.
 */
public final class RecordingBackend implements PinholeBackend {
  private final @Nullable PinholeBackend diversion;
  private final LongSupplier clockNs;
  private final Map<String, Recorded> open = new LinkedHashMap<>();
  private int sizeAfterPurge;

  /** A pinhole and when its time is over. */
  private record Recorded(Pinhole pinhole, long endNs) {
    boolean isOver(long nowNs) {
      return endNs - nowNs <= 0;
    }
  }

  /**
   * Makes a backend that opens nothing.
   *
   * @param diversion what diverts the control packets, owned by this backend from now on; null to
   *     divert none
   */
  public RecordingBackend(@Nullable PinholeBackend diversion) {
    this(diversion, Clock.SYSTEM::nanoTime);
  }

  RecordingBackend(@Nullable PinholeBackend diversion, LongSupplier clockNs) {
    this.diversion = diversion;
    this.clockNs = clockNs;
  }

  private void open(Pinhole pinhole) {
    open.put(
        keyOf(pinhole),
        new Recorded(pinhole, clockNs.getAsLong() + pinhole.timeoutMs() * 1_000_000));
    // Whenever it has grown to twice its size: what strangers announce must not stay for ever, and
    // looking at all of it each time would cost too much.
    if (open.size() > 2 * sizeAfterPurge + 16) {
      purge();
    }
  }

  private void purge() {
    long nowNs = clockNs.getAsLong();
    open.values().removeIf(recorded -> recorded.isOver(nowNs));
    sizeAfterPurge = open.size();
  }

  int recorded() {
    synchronized (open) {
      return open.size();
    }
  }

  private static String keyOf(Pinhole pinhole) {
    return pinhole.kind()
        + " "
        + pinhole.transport()
        + " "
        + pinhole.source()
        + " "
        + pinhole.destination()
        + " "
        + pinhole.port()
        + "-"
        + pinhole.lastPort();
  }

  @Override
  public Session openSession() throws BackendException {
    Session real = diversion == null ? null : diversion.openSession();
    return new Session() {
      @Override
      public List<Pinhole> apply(
          List<Pinhole> toClose, List<Pinhole> toOpen, List<RewrittenDirection> rewritten)
          throws BackendException {
        synchronized (open) {
          toClose.forEach(pinhole -> open.remove(keyOf(pinhole)));
          toOpen.forEach(RecordingBackend.this::open);
        }
        if (real != null && !rewritten.isEmpty()) {
          real.apply(List.of(), List.of(), rewritten);
        }
        return toClose; // nobody can come through one of these
      }

      @Override
      public void renew(List<Pinhole> pinholes) throws BackendException {
        apply(List.of(), pinholes);
      }

      @Override
      public boolean stands(Pinhole pinhole) {
        synchronized (open) {
          Recorded recorded = open.get(keyOf(pinhole));
          return recorded != null && !recorded.isOver(clockNs.getAsLong());
        }
      }

      @Override
      public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination)
          throws BackendException {
        return real == null ? null : real.originOf(source, destination);
      }

      @Override
      public List<OwnedPinhole> listOwned() {
        synchronized (open) {
          purge();
          long nowNs = clockNs.getAsLong();
          List<OwnedPinhole> owned = new ArrayList<>();
          for (Recorded recorded : open.values()) {
            owned.add(new OwnedPinhole(recorded.pinhole(), (recorded.endNs() - nowNs) / 1_000_000));
          }
          return owned;
        }
      }

      @Override
      public void close() {
        if (real != null) {
          real.close();
        }
      }
    };
  }

  @Override
  public Map<String, String> probe() {
    return diversion == null ? Map.of() : diversion.probe();
  }

  @Override
  public void install(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    if (diversion != null) {
      diversion.install(ports, leased);
    }
  }

  @Override
  public void setPorts(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    if (diversion != null) {
      diversion.setPorts(ports, leased);
    }
  }

  @Override
  public boolean limitsConnections() {
    return true; // nobody comes through
  }

  @Override
  public int queueOf(int conntrackId) {
    return diversion == null ? 0 : diversion.queueOf(conntrackId);
  }

  @Override
  public void remove() throws BackendException {
    if (diversion != null) {
      diversion.remove();
    }
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) throws BackendException {
    return diversion != null && diversion.repair(List.of());
  }

  @Override
  public void watch(Runnable changed, Runnable newsLost) throws BackendException {
    if (diversion != null) {
      diversion.watch(changed, newsLost);
    }
  }

  @Override
  public void tellOfAcceptRule(Consumer<AcceptRuleState> told) {
    if (diversion != null) {
      diversion.tellOfAcceptRule(told);
    }
  }

  @Override
  public AcceptRuleState acceptRule() {
    return diversion == null ? AcceptRuleState.UNKNOWN : diversion.acceptRule();
  }

  @Override
  public String watchProblem() {
    return diversion == null ? "" : diversion.watchProblem();
  }

  @Override
  public void close() {
    if (diversion != null) {
      diversion.close();
    }
  }
}
