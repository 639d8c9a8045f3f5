package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftChange;
import org.pinholed.kernel.nftables.NftMonitor;

/** A watch never ends, whatever the kernel or the repair does. */
@Timeout(30)
class TableWatchTest {
  private static final long NEVER_NS = TimeUnit.HOURS.toNanos(1);

  private final Kernel kernel = new Kernel();
  private @Nullable TableWatch watch;

  /** What one wait for news comes to. */
  private interface Outcome {
    void of(NftMonitor.Handler handler) throws NetlinkException;
  }

  /** A kernel of which the test decides what comes next; what was done with it is in order. */
  private static final class Kernel implements TableWatch.Watched, TableWatch.News {
    private final BlockingQueue<Outcome> news = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> done = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> firewallLooks = new LinkedBlockingQueue<>();
    private volatile boolean stands = true;
    private final AtomicInteger listenFailures = new AtomicInteger();
    private volatile @Nullable RuntimeException repairFault;
    private volatile @Nullable Error repairError;

    @Override
    public TableWatch.News listen() throws NetlinkException {
      if (listenFailures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        done.add("refused");
        throw new NetlinkException("open netlink socket", Errno.EPERM, "");
      }
      done.add("listen");
      return this;
    }

    @Override
    public void await(NftMonitor.Handler handler) throws NetlinkException {
      try {
        Outcome next = news.poll(5, TimeUnit.MILLISECONDS);
        if (next != null) {
          next.of(handler);
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void close() {
      done.add("close");
    }

    @Override
    public boolean stands() {
      return stands;
    }

    @Override
    public void repair() {
      RuntimeException fault = repairFault;
      Error error = repairError;
      repairFault = null;
      repairError = null;
      if (fault == null && error == null) {
        stands = true;
      }
      done.add("repair"); // last, as the test goes on then
      if (fault != null) {
        throw fault;
      }
      if (error != null) {
        throw error;
      }
    }

    @Override
    public void newsLost() {
      done.add("news lost");
    }

    @Override
    public boolean lookAtFirewall() {
      firewallLooks.add("firewall");
      return false;
    }

    private void change() {
      news.add(
          handler ->
              handler.onChange(new NftChange(7, 1, "nft", true, EnumSet.of(NftChange.Part.TABLE))));
    }

    private String next() throws InterruptedException {
      String next = done.poll(20, TimeUnit.SECONDS);
      return next == null ? "nothing" : next;
    }
  }

  @AfterEach
  void close() {
    if (watch != null) {
      watch.close();
    }
  }

  private TableWatch start(long lookEveryNs) throws NetlinkException {
    TableWatch started = new TableWatch(kernel, "ph", lookEveryNs);
    watch = started;
    started.start();
    return started;
  }

  private void awaitNoProblem(TableWatch started) {
    while (!started.problem().isEmpty()) {
      Thread.onSpinWait();
    }
  }

  @Test
  void start_notAllowedToListen_isRefused() {
    kernel.listenFailures.set(1);
    assertThrows(NetlinkException.class, () -> start(NEVER_NS));
  }

  @Test
  void change_isRepaired() throws Exception {
    TableWatch started = start(NEVER_NS);
    assertEquals("listen", kernel.next());
    kernel.change();
    assertEquals("repair", kernel.next());
    awaitNoProblem(started);
  }

  @Test
  void lostNews_areTold_andTheTableIsRepaired() throws Exception {
    TableWatch started = start(NEVER_NS);
    assertEquals("listen", kernel.next());
    kernel.news.add(NftMonitor.Handler::onOverrun);
    assertEquals("news lost", kernel.next());
    assertEquals("repair", kernel.next());
    awaitNoProblem(started);
  }

  @Test
  void socketFails_isOpenedAgain_andWhatWasMissedIsRepaired() throws Exception {
    TableWatch started = start(NEVER_NS);
    assertEquals("listen", kernel.next());
    kernel.listenFailures.set(3);
    kernel.news.add(
        handler -> {
          throw new NetlinkException("receive", Errno.ETIMEDOUT, "");
        });
    assertEquals("close", kernel.next());
    for (int i = 0; i < 3; i++) {
      assertEquals("refused", kernel.next());
    }
    assertEquals("listen", kernel.next());
    assertEquals("repair", kernel.next());
    awaitNoProblem(started);
    kernel.change();
    assertEquals("repair", kernel.next());
  }

  @Test
  void cannotListen_saysSo_andFindsByLookingWhatNobodyTells() throws Exception {
    TableWatch started = start(1);
    assertEquals("listen", kernel.next());
    kernel.listenFailures.set(Integer.MAX_VALUE);
    kernel.news.add(
        handler -> {
          throw new NetlinkException("receive", Errno.ETIMEDOUT, "");
        });
    assertEquals("close", kernel.next());
    while (!started.problem().contains("open netlink socket")) {
      Thread.onSpinWait();
    }
    kernel.stands = false;
    String next = kernel.next();
    while (next.equals("refused")) {
      next = kernel.next();
    }
    assertEquals("repair", next);
    kernel.listenFailures.set(0);
    awaitNoProblem(started);
  }

  @Test
  void tableGoneWithoutAnyNews_isFoundByALook() throws Exception {
    start(1);
    assertEquals("listen", kernel.next());
    kernel.stands = false;
    assertEquals("repair", kernel.next());
    assertTrue(kernel.stands);
  }

  @Test
  void repairThrows_isDoneAgain_andTheWatchGoesOn() throws Exception {
    TableWatch started = start(NEVER_NS);
    assertEquals("listen", kernel.next());
    kernel.repairFault = new IllegalStateException("a bug");
    kernel.change();
    assertEquals("repair", kernel.next());
    assertEquals("repair", kernel.next());
    kernel.repairError = new AssertionError("another bug");
    kernel.change();
    assertEquals("repair", kernel.next());
    assertEquals("repair", kernel.next());
    awaitNoProblem(started);
  }

  @Test
  void newsThrow_areOpenedAgain() throws Exception {
    TableWatch started = start(NEVER_NS);
    assertEquals("listen", kernel.next());
    kernel.news.add(
        handler -> {
          throw new IllegalArgumentException("a bug");
        });
    assertEquals("close", kernel.next());
    assertEquals("listen", kernel.next());
    awaitNoProblem(started);
  }

  @Test
  void repairDoesNotHelp_isSaid() throws Exception {
    TableWatch started =
        new TableWatch(
            new TableWatch.Watched() {
              @Override
              public TableWatch.News listen() {
                return kernel;
              }

              @Override
              public boolean stands() {
                return false;
              }

              @Override
              public void repair() {
                kernel.done.add("repair");
              }

              @Override
              public void newsLost() {
                kernel.newsLost();
              }

              @Override
              public boolean lookAtFirewall() {
                return false;
              }
            },
            "ph",
            1);
    watch = started;
    started.start();
    assertEquals("repair", kernel.next());
    assertEquals("repair", kernel.next());
    while (!started.problem().equals("the table is not as it should be after a repair")) {
      Thread.onSpinWait();
    }
  }

  @Test
  void firewall_isLookedAtAtTheStart_andWhenOthersChangeIt() throws Exception {
    start(NEVER_NS);
    assertEquals("firewall", kernel.firewallLooks.poll(20, TimeUnit.SECONDS));
    kernel.news.add(handler -> handler.onOtherRulesChanged("nft", 1));
    assertEquals("firewall", kernel.firewallLooks.poll(20, TimeUnit.SECONDS));
    kernel.news.add(NftMonitor.Handler::onOverrun);
    assertEquals("firewall", kernel.firewallLooks.poll(20, TimeUnit.SECONDS));
  }

  @Test
  void close_endsTheThread_andIsSaid() throws Exception {
    TableWatch started = start(NEVER_NS);
    assertEquals("", started.problem());
    started.close();
    assertEquals("its thread does not run", started.problem());
    assertEquals("listen", kernel.next());
    assertEquals("close", kernel.next());
  }
}
