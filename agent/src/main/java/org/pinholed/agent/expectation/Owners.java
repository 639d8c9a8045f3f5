package org.pinholed.agent.expectation;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.limit.EntryPlaces;
import org.pinholed.agent.limit.Limit;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.OwnerId;

/**
 * The owners that outlive flows, by what they are called. One is known as long as it has an
 * expectation, so there are never more of them than of those, and of each entry and client no more
 * than its limits say. Thread-safe: what happens to an owner happens while its key is locked.
 */
public final class Owners {
  private final Map<Key, Owner> owners = new ConcurrentHashMap<>();
  private final EntryPlaces places = new EntryPlaces(Limit.OWNERS, Limit.OWNERS_PER_SOURCE);

  /** Two helpers may call different things the same. */
  private record Key(String helper, OwnerId id) {}

  /**
   * Finds an owner.
   *
   * @param helper name of its helper
   * @param id what it is called
   * @return null if it has no expectation
   */
  public @Nullable Owner find(String helper, OwnerId id) {
    return owners.get(new Key(helper, id));
  }

  /**
   * Finds an owner, or makes it.
   *
   * @param helper name of the helper
   * @param id what the owner is called
   * @return the owner, made if it was not known; it is not known to others before it has an
   *     expectation
   */
  public Owner obtain(String helper, OwnerId id) {
    Owner known = owners.get(new Key(helper, id));
    return known == null || known.hasEnded() ? Owner.beyondFlows(helper, id) : known;
  }

  /**
   * What became of an expectation that was to be added.
   *
   * @param reached the limit that is reached, so that it was not added; null if it was
   * @param displaced the one that had its place until now, to be ended; null if there was none
   */
  record Added(@Nullable Limit reached, @Nullable Expectation displaced) {}

  /**
   * Gives an expectation to its owner. Another thread may have made the same owner meanwhile, or
   * ended it: then the expectation goes to the one that is known now.
   *
   * @param expectation one whose owner is from {@link #obtain}, or a flow
   * @param limits those of its entry
   * @return what became of it
   */
  Added add(Expectation expectation, EntryLimits limits) {
    Owner own = expectation.owner();
    OwnerId id = own.id();
    int mostAwaited = limits.most(EntryLimit.EXPECTATIONS_PER_OWNER);
    if (id == null) {
      return own.add(expectation, mostAwaited);
    }
    Added[] added = new Added[1];
    owners.compute(
        new Key(own.helper(), id),
        (key, known) -> {
          boolean isNew = known == null || known.hasEnded();
          if (isNew && known != null) {
            givePlaceBack(known); // nothing is announced for it any more
          }
          Limit reached = isNew ? takePlace(own, expectation.parent(), limits) : null;
          if (reached != null) {
            added[0] = new Added(reached, null);
            return known;
          }
          Owner owner = isNew ? own : Objects.requireNonNull(known);
          expectation.moveTo(owner);
          added[0] = owner.add(expectation, mostAwaited);
          if (added[0].reached() != null && isNew) {
            givePlaceBack(own);
            return known;
          }
          return owner;
        });
    return added[0];
  }

  private @Nullable Limit takePlace(Owner owner, Parent parent, EntryLimits limits) {
    Limit reached = places.take(parent.helperId(), limits, parent.client().address());
    if (reached == null) {
      owner.countFor(parent);
    }
    return reached;
  }

  private void givePlaceBack(Owner owner) {
    Parent parent = owner.countedFor();
    if (parent != null) {
      owner.countFor(null);
      places.giveBack(parent.helperId(), parent.client().address());
    }
  }

  /**
   * Takes an expectation from its owner; one that has none left is forgotten.
   *
   * @param expectation any
   */
  public void remove(Expectation expectation) {
    Owner own = expectation.owner();
    OwnerId id = own.id();
    if (id == null) {
      own.remove(expectation);
      return;
    }
    owners.compute(
        new Key(own.helper(), id),
        (key, known) -> {
          own.remove(expectation);
          if (known == null || !known.isEmpty()) {
            return known;
          }
          givePlaceBack(known);
          return null;
        });
  }

  /**
   * Ends an owner: what is announced for it from now on belongs to a new one of the same name.
   *
   * @param owner one that outlives flows
   * @return what it had
   */
  public List<Expectation> end(Owner owner) {
    owner.end();
    return owner.all();
  }

  /**
   * Those whose time is over.
   *
   * @param nowNs the time of the table
   * @param most not more than so many
   * @return a copy
   */
  public List<Owner> due(long nowNs, int most) {
    List<Owner> due = new ArrayList<>();
    for (Owner owner : owners.values()) {
      if (owner.isDue(nowNs)) {
        due.add(owner);
      }
      if (due.size() == most) {
        break;
      }
    }
    return due;
  }

  /**
   * Those of which a helper said how long they live at most.
   *
   * @param nowNs the time of the table
   * @return for another process
   */
  public List<KeptOwner> kept(long nowNs) {
    List<KeptOwner> kept = new ArrayList<>();
    for (Map.Entry<Key, Owner> each : owners.entrySet()) {
      Long leftMs = each.getValue().keptForMs(nowNs);
      if (leftMs != null) {
        Key key = each.getKey();
        kept.add(new KeptOwner(key.helper(), key.id(), leftMs, each.getValue().isCutWhenDue()));
      }
    }
    return kept;
  }

  /**
   * All of them.
   *
   * @return a copy
   */
  public List<Owner> all() {
    return List.copyOf(owners.values());
  }

  /**
   * How many there are.
   *
   * @return now
   */
  public int size() {
    return owners.size();
  }
}
