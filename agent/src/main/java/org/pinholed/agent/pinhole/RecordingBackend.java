package org.pinholed.agent.pinhole;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes down what would be opened and opens nothing: for dry runs on a live router, where control
 * packets are diverted by another backend, and for tests, where nothing is.
 *
 * <p>Thread-safe. Keeps what is open by its own account; unlike the kernel it forgets nothing by
 * time, so only what is shut goes.
 */
public final class RecordingBackend implements PinholeBackend {
  private final @Nullable PinholeBackend diversion;
  private final Map<String, Pinhole> open = new LinkedHashMap<>();

  /**
   * Makes a backend that opens nothing.
   *
   * @param diversion what diverts the control packets, owned by this backend from now on; null to
   *     divert none
   */
  public RecordingBackend(@Nullable PinholeBackend diversion) {
    this.diversion = diversion;
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
        + pinhole.port();
  }

  @Override
  public Session openSession() {
    return new Session() {
      @Override
      public void apply(List<Pinhole> toClose, List<Pinhole> toOpen) {
        synchronized (open) {
          toClose.forEach(pinhole -> open.remove(keyOf(pinhole)));
          toOpen.forEach(pinhole -> open.put(keyOf(pinhole), pinhole));
        }
      }

      @Override
      public void renew(List<Pinhole> pinholes) {
        apply(List.of(), pinholes);
      }

      @Override
      public List<OwnedPinhole> listOwned() {
        synchronized (open) {
          List<OwnedPinhole> owned = new ArrayList<>();
          open.values()
              .forEach(pinhole -> owned.add(new OwnedPinhole(pinhole, pinhole.timeoutMs())));
          return owned;
        }
      }

      @Override
      public void close() {
        // There is nothing to give back.
      }
    };
  }

  @Override
  public Map<String, String> probe() {
    return diversion == null ? Map.of() : diversion.probe();
  }

  @Override
  public void install(Collection<HelperPort> ports) throws BackendException {
    if (diversion != null) {
      diversion.install(ports);
    }
  }

  @Override
  public void setPorts(Collection<HelperPort> ports) throws BackendException {
    if (diversion != null) {
      diversion.setPorts(ports);
    }
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
  public void watch(Runnable changed) throws BackendException {
    if (diversion != null) {
      diversion.watch(changed);
    }
  }

  @Override
  public void close() {
    if (diversion != null) {
      diversion.close();
    }
  }
}
