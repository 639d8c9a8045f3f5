package org.pinholed.agent.pinhole;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * Keeps pinholes that are only {@linkplain Pinhole#isObserved observed} from the kernel: all others
 * go to another backend. What it says of observed ones is what the kernel says of one that nobody
 * has used for certain: it does not know. As thread-safe as the other one.
 */
public final class ObservingBackend implements PinholeBackend {
  private final PinholeBackend kernel;

  /**
   * Makes it.
   *
   * @param kernel takes what is to be opened, owned by this backend from now on
   */
  public ObservingBackend(PinholeBackend kernel) {
    this.kernel = kernel;
  }

  private static boolean hasObserved(Collection<Pinhole> pinholes) {
    for (Pinhole pinhole : pinholes) {
      if (pinhole.isObserved()) {
        return true;
      }
    }
    return false;
  }

  private static List<Pinhole> enforced(List<Pinhole> pinholes) {
    if (!hasObserved(pinholes)) {
      return pinholes;
    }
    List<Pinhole> enforced = new ArrayList<>(pinholes.size());
    for (Pinhole pinhole : pinholes) {
      if (!pinhole.isObserved()) {
        enforced.add(pinhole);
      }
    }
    return enforced;
  }

  /** How many of all are done with the first so many of those that are enforced. */
  static int countWith(List<Pinhole> all, int enforcedDone) {
    int enforced = 0;
    int done = 0;
    for (Pinhole pinhole : all) {
      if (!pinhole.isObserved() && enforced++ == enforcedDone) {
        break;
      }
      done++;
    }
    return done;
  }

  private static BackendException withAll(
      BackendException failed, List<Pinhole> close, List<Pinhole> open) {
    Applied done = failed.done();
    return new BackendException(
        String.valueOf(failed.getMessage()),
        failed.errno(),
        failed,
        new Applied(
            countWith(close, done.closed()),
            countWith(open, done.opened()),
            done.held(),
            done.unused()));
  }

  @Override
  public Session openSession() throws BackendException {
    Session session = kernel.openSession();
    return new Session() {
      @Override
      public List<Pinhole> apply(
          List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
          throws BackendException {
        List<Pinhole> enforcedClose = enforced(close);
        List<Pinhole> enforcedOpen = enforced(open);
        if (enforcedClose.isEmpty() && enforcedOpen.isEmpty() && rewritten.isEmpty()) {
          return List.of();
        }
        try {
          return session.apply(enforcedClose, enforcedOpen, rewritten);
        } catch (BackendException e) {
          throw withAll(e, close, open);
        }
      }

      @Override
      public void renew(List<Pinhole> pinholes) throws BackendException {
        List<Pinhole> enforced = enforced(pinholes);
        if (enforced.isEmpty()) {
          return;
        }
        try {
          session.renew(enforced);
        } catch (BackendException e) {
          throw withAll(e, List.of(), pinholes);
        }
      }

      @Override
      public boolean stands(Pinhole pinhole) throws BackendException {
        return !pinhole.isObserved() && session.stands(pinhole);
      }

      @Override
      public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination)
          throws BackendException {
        return session.originOf(source, destination);
      }

      @Override
      public List<OwnedPinhole> listOwned() throws BackendException {
        return session.listOwned();
      }

      @Override
      public void close() {
        session.close();
      }
    };
  }

  @Override
  public Map<String, String> probe() {
    return kernel.probe();
  }

  @Override
  public void install(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    kernel.install(ports, leased);
  }

  @Override
  public void setPorts(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    kernel.setPorts(ports, leased);
  }

  @Override
  public boolean limitsConnections() {
    return kernel.limitsConnections();
  }

  @Override
  public int queueOf(int conntrackId) {
    return kernel.queueOf(conntrackId);
  }

  @Override
  public void remove() throws BackendException {
    kernel.remove();
  }

  @Override
  public boolean leavesZonesAlone() throws BackendException {
    return kernel.leavesZonesAlone();
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) throws BackendException {
    return kernel.repair(hasObserved(alive) ? enforced(List.copyOf(alive)) : alive);
  }

  @Override
  public void watch(Runnable changed, Runnable newsLost) throws BackendException {
    kernel.watch(changed, newsLost);
  }

  @Override
  public String watchProblem() {
    return kernel.watchProblem();
  }

  @Override
  public void close() {
    kernel.close();
  }
}
