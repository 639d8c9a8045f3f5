package org.pinholed.agent.pinhole;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Keeps pinholes that are only {@linkplain Pinhole#isObserved observed} from the kernel: all others
 * go to another backend. What it says of observed ones is what the kernel says of one that nobody
 * has used for certain: it does not know. As thread-safe as the other one.
 */
public final class ObservingBackend extends ForwardingBackend {
  /**
   * Makes it.
   *
   * @param kernel takes what is to be opened, owned by this backend from now on
   */
  public ObservingBackend(PinholeBackend kernel) {
    super(kernel);
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

  private static final class ObservingSession extends ForwardingSession {
    ObservingSession(Session kernel) {
      super(kernel);
    }

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
        return super.apply(enforcedClose, enforcedOpen, rewritten);
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
        super.renew(enforced);
      } catch (BackendException e) {
        throw withAll(e, List.of(), pinholes);
      }
    }

    @Override
    public boolean stands(Pinhole pinhole) throws BackendException {
      return !pinhole.isObserved() && super.stands(pinhole);
    }
  }

  @Override
  public Session openSession() throws BackendException {
    return new ObservingSession(super.openSession());
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) throws BackendException {
    return super.repair(hasObserved(alive) ? enforced(List.copyOf(alive)) : alive);
  }
}
