package org.pinholed.agent.pinhole;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * A kernel that keeps pinholes as the maps do: by what the child's first packet says, one per key
 * and kind, until they are shut, used up or run out. Refuses a transaction on demand. Thread-safe.
 */
public final class ScriptedBackend implements PinholeBackend {
  private final Map<String, Pinhole> open = new HashMap<>();
  private final List<String> transactions = new ArrayList<>();
  private final List<Collection<HelperPort>> ports = new ArrayList<>();
  private Predicate<Pinhole> refused = pinhole -> false;
  private Runnable beforeNext = () -> {};
  private int split;
  private Runnable behindSplit = () -> {};
  private @Nullable RuntimeException fault;
  private boolean tableGone;
  private final Map<List<Endpoint>, FlowOrigin> origins = new HashMap<>();
  private int otherQueuesId;

  /** Makes a kernel without pinholes. */
  public ScriptedBackend() {}

  /**
   * How a pinhole is written in these tests.
   *
   * @param pinhole a pinhole
   * @return for example {@code ONCE TCP 192.0.2.10 > 198.51.100.7:30000}
   */
  public static String text(Pinhole pinhole) {
    return pinhole.kind()
        + " "
        + pinhole.transport()
        + " "
        + (pinhole.source() == null ? "any" : pinhole.source().getHostAddress())
        + " > "
        + pinhole.destination().getHostAddress()
        + ":"
        + pinhole.port();
  }

  /**
   * Refuses every transaction that opens such a pinhole.
   *
   * @param which which pinholes
   */
  public synchronized void refuse(Predicate<Pinhole> which) {
    refused = which;
  }

  /**
   * Refuses the next transaction behind its first changes, as when a change is too long for one
   * transaction and the second one fails.
   *
   * @param changes how many are made, those that shut first
   * @param then what happens right behind them
   */
  public synchronized void refuseBehind(int changes, Runnable then) {
    split = changes;
    behindSplit = then;
  }

  /**
   * Throws what no backend should.
   *
   * @param value thrown by the next transactions, null to stop that
   */
  public synchronized void fail(@Nullable RuntimeException value) {
    fault = value;
  }

  /**
   * Does something right before the next transaction takes effect, once.
   *
   * @param what for example what another thread does at this moment
   */
  public synchronized void beforeNext(Runnable what) {
    beforeNext = what;
  }

  /**
   * Writes down what a first datagram was, as the rules of the table do.
   *
   * @param source where it comes from as it is queued
   * @param destination where it goes to
   * @param origin what it was
   */
  public synchronized void write(Endpoint source, Endpoint destination, FlowOrigin origin) {
    origins.put(List.of(source, destination), origin);
  }

  /**
   * Gives the packets of a conntrack to another queue than the first.
   *
   * @param conntrackId which
   */
  public synchronized void moveToAnotherQueue(int conntrackId) {
    otherQueuesId = conntrackId;
  }

  /** Loses everything, as when somebody flushes the ruleset. */
  public synchronized void loseTable() {
    open.clear();
    tableGone = true;
  }

  /**
   * Lets the kernel take out a pinhole: its child came, or its time is over.
   *
   * @param pinhole which
   */
  public synchronized void use(Pinhole pinhole) {
    open.remove(text(pinhole));
  }

  /**
   * What is open.
   *
   * @return texts in order
   */
  public synchronized List<String> open() {
    return open.keySet().stream().sorted().toList();
  }

  /**
   * An open pinhole.
   *
   * @param text as of {@link #text}
   * @return the pinhole, null if it is shut
   */
  public synchronized @Nullable Pinhole find(String text) {
    return open.get(text);
  }

  /**
   * What was diverted, one entry for each change.
   *
   * @return the ports
   */
  public synchronized List<Collection<HelperPort>> ports() {
    return List.copyOf(ports);
  }

  /**
   * All transactions that were tried.
   *
   * @return for example {@code open 1, close 2}
   */
  public synchronized List<String> transactions() {
    return List.copyOf(transactions);
  }

  private List<Pinhole> apply(String verb, List<Pinhole> close, List<Pinhole> toOpen)
      throws BackendException {
    Runnable first;
    synchronized (this) {
      first = beforeNext;
      beforeNext = () -> {};
    }
    first.run();
    synchronized (this) {
      transactions.add(verb + " " + toOpen.size() + ", close " + close.size());
      if (fault != null) {
        throw fault;
      }
      if (split > 0) {
        int closed = Math.min(split, close.size());
        int opened = Math.min(split - closed, toOpen.size());
        split = 0;
        Applied done =
            new Applied(
                closed, opened, 0, change(close.subList(0, closed), toOpen.subList(0, opened)));
        behindSplit.run();
        throw new BackendException("nftables: add element", 23, new IllegalStateException(), done);
      }
      for (Pinhole pinhole : toOpen) {
        if (refused.test(pinhole)) {
          throw new BackendException("nftables: add element", 28, new IllegalStateException());
        }
      }
      return change(close, toOpen);
    }
  }

  private List<Pinhole> change(List<Pinhole> close, List<Pinhole> toOpen) {
    List<Pinhole> unused = new ArrayList<>();
    for (Pinhole pinhole : close) {
      if (pinhole.equals(open.remove(text(pinhole))) && pinhole.kind() == Pinhole.Kind.ONCE) {
        unused.add(pinhole);
      }
    }
    toOpen.forEach(pinhole -> open.put(text(pinhole), pinhole));
    return unused;
  }

  @Override
  public Session openSession() {
    return new Session() {
      @Override
      public List<Pinhole> apply(
          List<Pinhole> close, List<Pinhole> toOpen, List<RewrittenDirection> rewritten)
          throws BackendException {
        List<Pinhole> unused = ScriptedBackend.this.apply("open", close, toOpen);
        synchronized (ScriptedBackend.this) {
          for (RewrittenDirection direction : rewritten) {
            transactions.add(
                "hold " + direction.conntrackId() + (direction.reply() ? " reply" : " original"));
          }
        }
        return unused;
      }

      @Override
      public void renew(List<Pinhole> pinholes) throws BackendException {
        ScriptedBackend.this.apply("renew", List.of(), pinholes);
      }

      @Override
      public boolean stands(Pinhole pinhole) {
        synchronized (ScriptedBackend.this) {
          return open.containsKey(text(pinhole));
        }
      }

      @Override
      public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination) {
        synchronized (ScriptedBackend.this) {
          return origins.get(List.of(source, destination));
        }
      }

      @Override
      public List<OwnedPinhole> listOwned() {
        synchronized (ScriptedBackend.this) {
          return open.values().stream()
              .map(pinhole -> new OwnedPinhole(pinhole, pinhole.timeoutMs()))
              .toList();
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
    return Map.of();
  }

  @Override
  public void install(Collection<HelperPort> helperPorts, Collection<PortRange> leased) {
    setPorts(helperPorts, leased);
  }

  @Override
  public synchronized void setPorts(
      Collection<HelperPort> helperPorts, Collection<PortRange> leased) {
    ports.add(List.copyOf(helperPorts));
  }

  @Override
  public boolean limitsConnections() {
    return false;
  }

  @Override
  public synchronized int queueOf(int conntrackId) {
    return otherQueuesId != 0 && conntrackId == otherQueuesId ? 1 : 0;
  }

  @Override
  public synchronized void remove() {
    loseTable();
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) throws BackendException {
    synchronized (this) {
      if (!tableGone) {
        return false;
      }
    }
    apply("repair", List.of(), List.copyOf(alive));
    synchronized (this) {
      tableGone = false;
    }
    return true;
  }

  @Override
  public void watch(Runnable changed, Runnable newsLost) {
    // The tests call what is to be called.
  }

  @Override
  public String watchProblem() {
    return "";
  }

  @Override
  public void close() {
    // There is nothing to give back.
  }
}
