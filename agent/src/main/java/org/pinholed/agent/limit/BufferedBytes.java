package org.pinholed.agent.limit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.stream.BufferBudget;

/**
 * The memory that all streams of the process, and helpers for messages that are not whole, may take
 * together ({@code limits.bufferedBytes}). Streams ask before they allocate; what a helper keeps is
 * accounted when it has read a packet, so for one packet of each worker it may be more.
 *
 * <p>No client may have more than a quarter of it. When it is spent, the client that has most loses
 * its largest flow. So nobody can spend it for the others: whoever keeps half a line finds room at
 * the cost of somebody who keeps more.
 *
 * <p>A flow that has to give way may belong to another worker. It is told, and does so at the end
 * of that worker's turn; until then its memory counts apart. If that alone is more than the limit,
 * a worker does not turn, and whoever asks gives way himself. So the process takes {@link
 * #MOST_TIMES} times the limit at most.
 *
 * <p>Thread-safe, by a lock that is taken only when something more is kept or given back. Work is
 * logarithmic, and each flow gives way once at most.
 */
public final class BufferedBytes {
  /**
   * How much more than the limit the process can take for a moment: the limit, flows that are told
   * to give way, and a quarter that the last of them had.
   */
  public static final double MOST_TIMES = 2.25;

  /** A client may have one part of so many. */
  private static final int SHARE = 4;

  private final Map<Long, Client> clients = new HashMap<>();
  private final LargestFirst<Client> byBytes = new LargestFirst<>();
  private long limitBytes;
  private long usedBytes;
  private long leavingBytes;

  /** What one client has. */
  private static final class Client extends LargestFirst.Sized {
    private final LargestFirst<Flow> flows = new LargestFirst<>();
  }

  /** The account of one flow. */
  public final class Flow extends LargestFirst.Sized implements BufferBudget {
    private final long clientKey;
    private final Runnable giveWay;
    private @Nullable Client client;
    private int bytes;
    private boolean leaving;

    private Flow(long clientKey, Runnable giveWay) {
      this.clientKey = clientKey;
      this.giveWay = giveWay;
    }

    @Override
    public boolean reserve(int wanted) {
      return BufferedBytes.this.reserve(this, wanted);
    }

    @Override
    public void release(int released) {
      BufferedBytes.this.release(this, released);
    }
  }

  /**
   * Makes it empty.
   *
   * @param limitBytes how much there is
   */
  public BufferedBytes(long limitBytes) {
    this.limitBytes = limitBytes;
  }

  /**
   * Puts another limit in force. If less is left than is used, flows give way when the next one
   * asks.
   *
   * @param newLimitBytes how much there is
   */
  public synchronized void setLimit(long newLimitBytes) {
    limitBytes = newLimitBytes;
  }

  /**
   * Opens the account of a flow. It costs nothing until something is reserved.
   *
   * @param clientKey whose flow it is, as {@link ClientKey} says
   * @param giveWay called once, by any thread, when the flow must give all back and not be read any
   *     more; must not block. Not called when {@link BufferBudget#reserve} says so
   * @return the account, for the thread that owns the flow
   */
  public Flow open(long clientKey, Runnable giveWay) {
    return new Flow(clientKey, giveWay);
  }

  /**
   * How much is reserved, by flows that are giving way, too.
   *
   * @return bytes
   */
  public synchronized long usedBytes() {
    return usedBytes + leavingBytes;
  }

  /**
   * How many clients have something.
   *
   * @return 0 or more
   */
  synchronized int clients() {
    return clients.size();
  }

  private boolean reserve(Flow flow, int wanted) {
    List<Flow> victims = null;
    boolean granted;
    synchronized (this) {
      if (flow.leaving) {
        return false;
      }
      boolean stuck = leavingBytes > limitBytes;
      set(flow, flow.bytes + wanted);
      if (stuck) {
        leave(flow);
      }
      while (!flow.leaving) {
        Client most = clientInExcess(flow);
        if (most == null) {
          break;
        }
        Flow victim = Objects.requireNonNull(most.flows.first());
        leave(victim);
        if (victim != flow) {
          victims = victims == null ? new ArrayList<>(2) : victims;
          victims.add(victim);
        }
      }
      granted = !flow.leaving;
      if (!granted) {
        flow.bytes -= wanted;
        leavingBytes -= wanted;
      }
    }
    if (victims != null) {
      victims.forEach(victim -> victim.giveWay.run());
    }
    return granted;
  }

  // The client that has too much: the asking one by its share, else whoever has most.
  private @Nullable Client clientInExcess(Flow asking) {
    Client own = asking.client;
    if (own != null && own.size() > limitBytes / SHARE) {
      return own;
    }
    return usedBytes > limitBytes ? byBytes.first() : null;
  }

  private synchronized void release(Flow flow, int released) {
    if (flow.leaving) {
      flow.bytes -= released;
      leavingBytes -= released;
    } else {
      set(flow, flow.bytes - released);
    }
  }

  private void leave(Flow victim) {
    int bytes = victim.bytes;
    set(victim, 0);
    victim.leaving = true;
    victim.bytes = bytes;
    leavingBytes += bytes;
  }

  private void set(Flow flow, int bytes) {
    long change = (long) bytes - flow.bytes;
    Client client = flow.client;
    if (client == null) {
      client = clients.computeIfAbsent(flow.clientKey, key -> new Client());
      flow.client = client;
    }
    flow.bytes = bytes;
    usedBytes += change;
    byBytes.set(client, client.size() + change);
    if (bytes > 0) {
      client.flows.set(flow, bytes);
      return;
    }
    client.flows.remove(flow);
    flow.client = null;
    if (client.flows.count() == 0) {
      byBytes.remove(client);
      clients.remove(flow.clientKey);
    }
  }
}
