package org.pinholed.agent.operate;

import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.pinhole.ElementKey;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ControlException;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Compares the expectation table and the parents of the workers with the kernel's maps and
 * conntracks. Changes nothing.
 *
 * <p>The kernel tells of children and of ends a moment after they happened, so what is found is
 * looked at a second time. For one thread, with a client and a session of its own.
 */
public final class Audit {
  /** The word for a pinhole that nobody waits for. */
  static final String ORPHAN = "orphan";

  private static final long SECOND_LOOK_MS = 500;
  private static final int TCP_ESTABLISHED = 3;

  private final ConntrackClient conntrack;
  private final PinholeBackend.Session pinholes;
  private final ExpectationTable table;
  private final Parents parents;
  private final HelperTable helpers;
  private final MarkBits marks;
  private final Clock clock;

  /** The conntracks of the parents that the workers know. */
  public interface Parents {
    /**
     * Asks the workers.
     *
     * @return a copy
     * @throws ControlException if one does not answer
     */
    public List<ConntrackEntry> entries() throws ControlException;
  }

  /**
   * Makes one audit.
   *
   * @param conntrack its own way to conntrack
   * @param pinholes its own way to the pinholes
   * @param table the expectation table
   * @param parents the parents of the workers
   * @param helpers those in force
   * @param marks the bits of the conntrack mark
   * @param clock what time it is
   */
  public Audit(
      ConntrackClient conntrack,
      PinholeBackend.Session pinholes,
      ExpectationTable table,
      Parents parents,
      HelperTable helpers,
      MarkBits marks,
      Clock clock) {
    this.clock = clock;
    this.conntrack = conntrack;
    this.pinholes = pinholes;
    this.table = table;
    this.parents = parents;
    this.helpers = helpers;
    this.marks = marks;
  }

  /**
   * Compares twice.
   *
   * @return what differed both times
   * @throws IOException if the kernel cannot be read
   * @throws ControlException if a worker does not answer
   */
  public List<AuditRow> run() throws IOException, ControlException {
    List<AuditRow> first = look();
    if (first.isEmpty()) {
      return first;
    }
    try {
      TimeUnit.MILLISECONDS.sleep(SECOND_LOOK_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ControlException("interrupted");
    }
    Set<AuditRow> second = new HashSet<>(look());
    return first.stream().filter(second::contains).toList();
  }

  /**
   * One comparison; what is on its way is among the differences.
   *
   * @return what differs
   * @throws IOException if the kernel cannot be read
   * @throws ControlException if a worker does not answer
   */
  public List<AuditRow> look() throws IOException, ControlException {
    List<AuditRow> rows = new ArrayList<>();
    lookAtPinholes(rows);
    lookAtParents(rows);
    return rows;
  }

  private void lookAtPinholes(List<AuditRow> rows) throws IOException {
    Map<ElementKey, Pinhole> standing = new HashMap<>();
    for (OwnedPinhole owned : pinholes.listOwned()) {
      Pinhole pinhole = owned.pinhole();
      standing.put(ElementKey.of(pinhole), pinhole);
      if (!table.holders().isWaitedFor(pinhole)) {
        PinholeComment comment = PinholeComment.parse(pinhole.comment());
        rows.add(
            new AuditRow(
                ORPHAN,
                comment == null ? "" : comment.parentSerial(),
                text(pinhole),
                "stands in the kernel and no expectation waits for it"));
      }
    }
    long nowNs = clock.nanoTime();
    for (Expectation expectation : table.pending()) {
      if (expectation.pinhole().isObserved()) {
        continue; // the kernel is not to have it
      }
      if (expectation.expiresInMs(nowNs) <= 0) {
        continue; // the kernel took it out, and the table is about to
      }
      if (table.holders().waitingFor(expectation.pinhole()) != expectation) {
        continue; // another one counts for what it holds
      }
      Pinhole pinhole = table.holders().pinholeToWrite(expectation, nowNs);
      Pinhole found = standing.get(ElementKey.of(pinhole));
      if (found == null) {
        rows.add(row("missing", expectation, "is waited for and does not stand in the kernel"));
      } else if (found.mark() != pinhole.mark()) {
        rows.add(row("changed", expectation, "has another mark in the kernel"));
      } else if (!Objects.equals(found.translation(), pinhole.translation())) {
        rows.add(row("changed", expectation, "its child is translated otherwise in the kernel"));
      }
    }
  }

  private static AuditRow row(String difference, Expectation expectation, String explanation) {
    return new AuditRow(
        difference, expectation.parent().serial(), text(expectation.pinhole()), explanation);
  }

  private void lookAtParents(List<AuditRow> rows) throws IOException, ControlException {
    Map<ConntrackIdentity, ConntrackEntry> alive = new HashMap<>();
    for (int bit : new int[] {marks.vetted(), marks.opaque()}) {
      conntrack.dump(new DumpFilter(0, bit, bit), entry -> alive.put(entry.identity(), entry));
    }
    for (ConntrackEntry entry : parents.entries()) {
      if (alive.remove(entry.identity()) == null) {
        rows.add(row("parentGone", entry, "is known and no longer in the connection tracking"));
      }
    }
    for (ConntrackEntry entry : alive.values()) {
      FlowTuple original = entry.original();
      Transport transport = Transport.of(original.protocol());
      if (transport != null
          && (transport == Transport.UDP || entry.tcpState() == TCP_ESTABLISHED)
          && (entry.mark() & (marks.opaque() | marks.child())) == 0
          && helpers.find(transport, original.destinationPort()) != null) {
        rows.add(
            row(
                "parentUnknown",
                entry,
                "is vetted and not known; its next message makes it known"));
      }
    }
  }

  private static AuditRow row(String difference, ConntrackEntry entry, String explanation) {
    FlowTuple original = entry.original();
    return new AuditRow(
        difference,
        entry.identity().serial(),
        (original.protocol() == Transport.UDP.protocolNumber() ? "udp " : "tcp ")
            + new Endpoint(original.source(), original.sourcePort())
            + " -> "
            + new Endpoint(original.destination(), original.destinationPort()),
        explanation);
  }

  private static String text(Pinhole pinhole) {
    InetAddress source = pinhole.source();
    return pinhole.kind().name().toLowerCase(Locale.ROOT)
        + " "
        + pinhole.transport().name().toLowerCase(Locale.ROOT)
        + " "
        + (source == null ? "any" : AddressText.of(source))
        + " -> "
        + new Endpoint(pinhole.destination(), pinhole.port());
  }
}
