package org.pinholed.agent.expectation;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.OwnerId;

/**
 * The owners that outlive flows, by what they are called. One is known as long as it has an
 * expectation, so there are never more of them than of those. Thread-safe.
 */
public final class Owners {
  private final Map<Key, Owner> owners = new ConcurrentHashMap<>();

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
   * @return the owner, made if it was not known; to be given an expectation by {@link #add}
   */
  public Owner obtain(String helper, OwnerId id) {
    Owner known = owners.get(new Key(helper, id));
    return known == null || known.hasEnded() ? Owner.beyondFlows(helper, id) : known;
  }

  /**
   * Gives an expectation to its owner. Another thread may have made the same owner meanwhile, or
   * ended it: then the expectation goes to the one that is known now.
   *
   * @param expectation one whose owner is from {@link #obtain}, or a flow
   * @return the one that had its place until now, to be ended by the caller; null if there was none
   */
  public @Nullable Expectation add(Expectation expectation) {
    Owner own = expectation.owner();
    OwnerId id = own.id();
    if (id == null) {
      return own.add(expectation);
    }
    List<Expectation> before = new ArrayList<>(1);
    owners.compute(
        new Key(own.helper(), id),
        (key, known) -> {
          Owner owner = known == null || known.hasEnded() ? own : known;
          if (owner != own) {
            own.awaitNoMore(expectation);
            expectation.moveTo(owner);
            owner.await(expectation);
          }
          Expectation displaced = owner.add(expectation);
          if (displaced != null) {
            before.add(displaced);
          }
          return owner;
        });
    return before.isEmpty() ? null : before.get(0);
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
          return known == null || known.isEmpty() ? null : known;
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
   * @return a copy
   */
  public List<Owner> due(long nowNs) {
    List<Owner> due = new ArrayList<>();
    for (Owner owner : owners.values()) {
      if (owner.isDue(nowNs)) {
        due.add(owner);
      }
    }
    return due;
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
