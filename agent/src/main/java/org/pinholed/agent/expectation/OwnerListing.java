package org.pinholed.agent.expectation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.view.OwnerRow;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OwnerId;

/** How operators see what outlives flows. */
public final class OwnerListing {
  private OwnerListing() {}

  /**
   * Lists owners that somebody has named.
   *
   * @param owners some of which may be over meanwhile; those are left out
   * @param kind which kind
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return rows, the oldest first
   */
  public static List<OwnerRow> list(List<Owner> owners, String kind, long nowNs) {
    List<OwnerRow> rows = new ArrayList<>();
    for (Owner owner : owners) {
      OwnerId id = owner.id();
      Owner.Named named = owner.named();
      if (id != null && named != null && named.kind().equals(kind)) {
        OwnerRow row = row(owner, id, named, nowNs);
        if (row != null) {
          rows.add(row);
        }
      }
    }
    rows.sort(Comparator.comparingLong(OwnerRow::ageSeconds).reversed());
    return rows;
  }

  private static @Nullable OwnerRow row(Owner owner, OwnerId id, Owner.Named named, long nowNs) {
    Set<String> open = new LinkedHashSet<>();
    int announced = 0;
    int children = 0;
    long uses = 0;
    int policyId = 0;
    boolean any = false;
    for (Expectation expectation : owner.all()) {
      State state = expectation.state();
      if (state == State.GONE) {
        continue;
      }
      if (!any) {
        policyId = expectation.parent().policyId();
      }
      any = true;
      if (state == State.ANNOUNCED) {
        announced++;
      } else {
        open.add(place(expectation.pinhole()));
      }
      children += expectation.livingChildren();
      uses += expectation.uses();
    }
    Long leftNs = owner.leftNs(nowNs);
    return any
        ? new OwnerRow(
            id.text(),
            named.kind(),
            owner.helper(),
            named.state(),
            named.label(),
            policyId,
            Math.max(0, nowNs - named.sinceNs()) / 1_000_000_000L,
            leftNs == null ? null : Math.max(0, leftNs) / 1_000_000_000L,
            List.copyOf(open),
            announced,
            children,
            uses)
        : null;
  }

  private static String place(Pinhole pinhole) {
    return pinhole.transport().name().toLowerCase(Locale.ROOT)
        + ' '
        + new Endpoint(pinhole.destination(), pinhole.port());
  }
}
