package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.OwnerId;

/** How operators see expectations. */
final class ExpectationListing {
  private ExpectationListing() {}

  /**
   * Lists expectations.
   *
   * @param expectations some of which may be over meanwhile; those are left out
   * @param filter what to show
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return rows by id
   */
  static List<ExpectationRow> list(
      Collection<Expectation> expectations, ListingFilter filter, long nowNs) {
    List<ExpectationRow> list = new ArrayList<>();
    for (Expectation expectation : expectations) {
      Parent parent = expectation.parent();
      if (!expectation.endedWithParent()
          && expectation.state() != State.GONE
          && matches(filter, parent, expectation.pinhole())) {
        list.add(row(expectation, nowNs));
      }
    }
    list.sort(Comparator.comparingLong(ExpectationRow::id));
    return list;
  }

  /** By the ends of the parent, and those of the child as far as they are known. */
  private static boolean matches(ListingFilter filter, Parent parent, Pinhole pinhole) {
    InetAddress source = pinhole.source();
    ChildTranslation translation = pinhole.translation();
    InetAddress seen = translation == null ? null : translation.source();
    return filter.matches(
        parent.policyId(),
        parent.helper(),
        parent.serial(),
        parent.client(),
        parent.server(),
        source == null ? null : new Endpoint(source, 0),
        seen == null ? null : new Endpoint(seen, 0),
        new Endpoint(pinhole.destination(), pinhole.port()),
        pinhole.leadsTo());
  }

  /**
   * An expectation as it is listed.
   *
   * @param expectation any
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return an immutable copy
   */
  static ExpectationRow row(Expectation expectation, long nowNs) {
    State now = expectation.state();
    Parent parent = expectation.parent();
    ExpectationRequest request = expectation.request();
    Pinhole pinhole = expectation.pinhole();
    Stay staying = expectation.stay();
    int uses = expectation.uses();
    List<String> flags = new ArrayList<>(4);
    flags.add(pinhole.kind() == Pinhole.Kind.ONCE ? "once" : "many");
    if (pinhole.source() == null) {
      flags.add("anySource");
    }
    if (now == State.ANNOUNCED) {
      flags.add("inactive");
    }
    if (pinhole.isObserved()) {
      flags.add("observed");
    }
    if (request.isRead()) {
      flags.add("read");
    }
    long ageMs = expectation.ageNs(nowNs) / 1_000_000;
    // As the vendor shows it: what lives with its parent counts down from the lease, below zero.
    long expireMs =
        staying.isLease()
            ? pinhole.timeoutMs() - ageMs
            : Math.max(0, expectation.expiresInMs(nowNs));
    InetAddress source = pinhole.source();
    ChildTranslation translation = pinhole.translation();
    InetAddress seen = translation == null ? null : translation.source();
    Endpoint inside = translation == null ? null : translation.inside();
    String anyAddress = pinhole.destination().getAddress().length == 4 ? "0.0.0.0" : "::";
    return new ExpectationRow(
        expectation.id(),
        (uses > 0 ? State.MATCHED : now).name().toLowerCase(Locale.ROOT),
        parent.helper(),
        parent.helperId(),
        pinhole.transport().name().toLowerCase(Locale.ROOT),
        pinhole.transport().protocolNumber(),
        parent.policyId(),
        parent.serial(),
        expectation.childSerial(),
        ageMs / 1000,
        Math.floorDiv(expireMs, 1000L),
        staying.isLease() ? 0 : pinhole.timeoutMs() / 1000,
        lifetimeWord(staying, expectation.owner()),
        flags,
        uses,
        pinhole.mark(),
        new EndpointRow(source == null ? anyAddress : AddressText.of(source), 0),
        new EndpointRow(AddressText.of(pinhole.destination()), pinhole.port()),
        seen == null ? null : new EndpointRow(AddressText.of(seen), 0),
        inside == null ? null : EndpointRow.of(inside),
        EndpointRow.of(parent.client()),
        EndpointRow.of(parent.server()),
        request.cause().word(),
        request.streamOffset(),
        textOf(expectation.owner()),
        request.group(),
        request.item(),
        request.label(),
        request.field(),
        expectation.livingChildren());
  }

  private static @Nullable String textOf(Owner owner) {
    OwnerId id = owner.id();
    return id == null ? null : id.text();
  }

  /** A flow has its word from before there were other owners. */
  private static String lifetimeWord(Stay staying, Owner owner) {
    return staying.kind() == Stay.Kind.OWNER && owner.id() == null
        ? "parent"
        : staying.kind().word();
  }
}
