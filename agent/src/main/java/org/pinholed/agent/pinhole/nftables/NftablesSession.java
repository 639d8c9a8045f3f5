package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftElementView;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftSet;
import org.pinholed.kernel.nftables.NftTable;
import org.pinholed.kernel.nftables.NftValue;

/**
 * One thread's way to the maps, over a socket of its own. Takes no lock unless the table is gone.
 *
 * <p>A call with more than some hundred pinholes becomes several transactions; the error of one of
 * them tells what those before it did.
 */
final class NftablesSession implements PinholeBackend.Session {
  private static final int LIST_ATTEMPTS = 3;

  /** Of which each but the first finds a table that was made anew, or looked at, a moment ago. */
  private static final int CHANGE_ATTEMPTS = 3;

  /** What the kernel tells of more than these might not fit into the socket's receive buffer. */
  private static final int TOLD_AT_ONCE = 256;

  /** Long enough for a new agent to come, short enough for a user to wait if none does. */
  private static final long HOLD_MS = 10_000;

  private final NftablesBackend backend;
  private final NftClient client;
  private final TableLayout layout;
  private final NftTable table;
  private final PinholeMaps maps;
  private final TranslationMaps translations;
  private final NftFeatures features;
  private final NftValue key = new NftValue();
  private final NftValue value = new NftValue();
  private final Progress progress = new Progress();

  NftablesSession(
      NftablesBackend backend, NftClient client, TableLayout layout, NftFeatures features) {
    this.backend = backend;
    this.client = client;
    this.layout = layout;
    this.table = layout.table();
    this.maps = layout.maps();
    this.translations = layout.translations();
    this.features = features;
  }

  NftClient client() {
    return client;
  }

  @Override
  public List<Pinhole> apply(
      List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
      throws BackendException {
    for (Pinhole pinhole : open) {
      requireRange(pinhole);
    }
    progress.begin(close, open, rewritten);
    try {
      while (!progress.isDone()) {
        repairing(this::change);
      }
      return progress.unused();
    } catch (NetlinkException e) {
      throw changeRefused(e);
    }
  }

  @Override
  public void renew(List<Pinhole> pinholes) throws BackendException {
    progress.begin(List.of(), pinholes, List.of());
    try {
      while (!progress.isDone()) {
        repairing(features.timeoutUpdate() ? this::update : this::change);
      }
    } catch (NetlinkException e) {
      throw changeRefused(e);
    }
  }

  /** Refuses a lease that nobody would come through. */
  private void requireRange(Pinhole pinhole) throws BackendException {
    if (pinhole.kind() == Pinhole.Kind.LEASE) {
      PortRange range = new PortRange(pinhole.port(), pinhole.lastPort());
      if (!backend.leases(range)) {
        throw new BackendException(
            "nftables: no rule for leases of the ports " + range,
            Errno.ENOENT,
            new IllegalArgumentException());
      }
    }
  }

  /** Adds a direction with all of its time, or gives it all of its time again. */
  private void add(NftBatch batch, RewrittenDirection direction) {
    NftSet set = layout.diversion().rewritten();
    Diversion.key(direction, key);
    if (!features.timeoutUpdate()) {
      if (!features.destroyMessages()) {
        batch.addElement(table, set, key, null, HOLD_MS, 0, "");
      }
      remove(batch, set, key);
    }
    batch.addElement(table, set, key, null, HOLD_MS, HOLD_MS, "");
  }

  @Override
  public boolean stands(Pinhole pinhole) throws BackendException {
    try {
      return client.getElement(table, maps.setOf(pinhole), maps.key(pinhole, key), element -> {});
    } catch (NetlinkException e) {
      throw refused(e);
    }
  }

  @Override
  public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination)
      throws BackendException {
    try {
      return layout.diversion().flows().find(client, source, destination, key);
    } catch (NetlinkException e) {
      throw refused(e);
    }
  }

  @Override
  public List<OwnedPinhole> listOwned() throws BackendException {
    List<OwnedPinhole> found = new ArrayList<>();
    try {
      repairing(
          () -> {
            found.clear();
            found.addAll(readOwned());
          });
      return found;
    } catch (NetlinkException e) {
      throw refused(e);
    }
  }

  /** As {@link #listOwned}; {@code ENOENT} if the table vanished while it was read. */
  List<OwnedPinhole> readOwned() throws NetlinkException {
    List<OwnedPinhole> found = new ArrayList<>();
    if (layout.isThere(client)) {
      for (NftSet set : maps.sets()) {
        list(set, found);
      }
      FoundTranslations translated = translations.read(client);
      found.replaceAll(
          owned -> new OwnedPinhole(translated.complete(owned.pinhole()), owned.expiresInMs()));
    }
    return found;
  }

  private void list(NftSet set, List<OwnedPinhole> into) throws NetlinkException {
    // an element may come twice if the kernel's table grew while it was read: the last one counts
    Map<PinholeKey, OwnedPinhole> byKey = new LinkedHashMap<>();
    boolean whole = false;
    for (int attempt = 0; attempt < LIST_ATTEMPTS && !whole; attempt++) {
      whole =
          client.dumpElements(
              table,
              set,
              element -> {
                OwnedPinhole owned = maps.read(set, element);
                if (owned != null) {
                  byKey.put(PinholeKey.of(owned.pinhole()), owned);
                }
              });
    }
    into.addAll(byKey.values());
  }

  @Override
  public void close() {
    backend.forget(this);
    client.close();
  }

  /** A change that can be made again as a whole. */
  private interface Change {
    void run() throws NetlinkException;
  }

  /** Makes a change; whenever the table is gone, makes the table first and tries once more. */
  private void repairing(Change change) throws NetlinkException {
    for (int attempt = 1; ; attempt++) {
      try {
        change.run();
        return;
      } catch (NetlinkException e) {
        if (e.errno() != Errno.ENOENT
            || attempt == CHANGE_ATTEMPTS
            || !backend.restoreTable(client)) {
          throw e;
        }
      }
    }
  }

  /** Makes as much of the change as fits into one transaction. */
  private void change() throws NetlinkException {
    progress.part();
    NftBatch batch = client.begin();
    while (progress.hasToClose()
        && batch.hasRoom()
        && (!features.destroyMessages() || progress.closing() < TOLD_AT_ONCE)) {
      Pinhole pinhole = progress.nextToClose();
      if (features.destroyMessages() && pinhole.kind() == Pinhole.Kind.ONCE) {
        batch.destroyElementAndTell(table, maps.setOf(pinhole), maps.key(pinhole, key));
      } else {
        remove(batch, pinhole);
      }
      if (pinhole.translation() != null) {
        removeTranslation(batch, pinhole);
      }
    }
    while (progress.hasToOpen() && batch.hasRoom()) {
      Pinhole pinhole = progress.nextToOpen();
      remove(batch, pinhole); // one that stands has another mark or comment, perhaps
      if (pinhole.translation() != null || backend.translates()) {
        removeTranslation(batch, pinhole); // of a child that came before, perhaps
      }
      add(batch, pinhole, 0);
    }
    while (progress.hasToHold() && batch.hasRoom()) {
      add(batch, progress.nextToHold());
    }
    try {
      client.commit(this::stood);
      progress.partIsDone();
    } catch (NetlinkException e) {
      if (e.errno() != Errno.EEXIST || features.destroyMessages()) {
        throw e;
      }
      changeOneByOne(progress.partToClose(), progress.partToOpen());
      progress.pinholesOfPartAreDone();
    }
  }

  /** Notes a pinhole that the kernel removed, if it is the one that was to be removed. */
  private void stood(NftElementView element) {
    for (Pinhole pinhole : progress.partToClose()) {
      // The comment names the parent: by now it may be the pinhole of somebody else.
      if (pinhole.kind() == Pinhole.Kind.ONCE
          && maps.key(pinhole, key).isKeyOf(element)
          && element.comment().equals(pinhole.comment())) {
        progress.stood(pinhole);
        return;
      }
    }
  }

  /** Removes a pinhole whether or not it is there: the kernel or a packet may have been first. */
  private void remove(NftBatch batch, Pinhole pinhole) {
    NftSet set = maps.setOf(pinhole);
    if (!features.destroyMessages()) {
      // before 6.3 a missing element fails the batch, so it is made first
      addMark(batch, pinhole, 0);
    }
    remove(batch, set, maps.key(pinhole, key));
  }

  private void remove(NftBatch batch, NftSet set, NftValue element) {
    if (features.destroyMessages()) {
      batch.destroyElement(table, set, element);
    } else {
      batch.deleteElement(table, set, element);
    }
  }

  /**
   * Removes what translates a child, and what may be left of another child with the same key: a
   * packet takes out the pinhole only, not its translation.
   */
  private void removeTranslation(NftBatch batch, Pinhole pinhole) {
    if (!features.destroyMessages()) {
      translations.addDestination(batch, pinhole, 0, key, value);
    }
    remove(batch, translations.destinations(pinhole), translations.outside(pinhole, key));
    if (TranslationMaps.hasWayBack(pinhole)) {
      if (!features.destroyMessages()) {
        translations.addBack(batch, pinhole, 0, key, value);
      }
      remove(batch, translations.back(pinhole), translations.inside(pinhole, key));
    }
    if (pinhole.source() == null) {
      return; // it is never translated
    }
    if (!features.destroyMessages()) {
      translations.addSource(batch, pinhole, 0, key, value);
    }
    remove(batch, translations.sources(pinhole), translations.outside(pinhole, key));
  }

  /** For old kernels: what stands has another value, so that it could not be made first. */
  private void changeOneByOne(List<Pinhole> close, List<Pinhole> open) throws NetlinkException {
    List<Pinhole> all = new ArrayList<>(close);
    all.addAll(open);
    for (Pinhole pinhole : all) {
      deleteIfThere(maps.setOf(pinhole), maps.key(pinhole, key));
      deleteIfThere(translations.destinations(pinhole), translations.outside(pinhole, key));
      if (pinhole.source() != null) {
        deleteIfThere(translations.sources(pinhole), translations.outside(pinhole, key));
      }
      if (TranslationMaps.hasWayBack(pinhole)) {
        deleteIfThere(translations.back(pinhole), translations.inside(pinhole, key));
      }
    }
    progress.closingIsDone();
    if (!open.isEmpty()) {
      NftBatch batch = client.begin();
      for (Pinhole pinhole : open) {
        add(batch, pinhole, 0); // they fitted into one with what removes them, too
      }
      client.commit();
    }
  }

  private void deleteIfThere(NftSet set, NftValue element) throws NetlinkException {
    try {
      client.begin().deleteElement(table, set, element);
      client.commit();
    } catch (NetlinkException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  /** Forgets the last change, so that {@link #changeRefused} does not tell of it. */
  void forgetChange() {
    progress.begin(List.of(), List.of(), List.of());
  }

  /** Adds pinholes that do not stand; {@link #changeRefused} tells how many. */
  void insert(List<Pinhole> pinholes) throws NetlinkException {
    progress.begin(List.of(), pinholes, List.of());
    while (!progress.isDone()) {
      addPart(0);
    }
  }

  private void addPart(long shareOfTimeout) throws NetlinkException {
    progress.part();
    NftBatch batch = client.begin();
    while (progress.hasToOpen() && batch.hasRoom()) {
      Pinhole pinhole = progress.nextToOpen();
      add(batch, pinhole, shareOfTimeout * pinhole.timeoutMs());
    }
    client.commit();
    progress.partIsDone();
  }

  private void update() throws NetlinkException {
    try {
      addPart(1);
    } catch (NetlinkException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
      change(); // what stands has another mark
    }
  }

  private void add(NftBatch batch, Pinhole pinhole, long expirationMs) {
    addMark(batch, pinhole, expirationMs);
    if (pinhole.translation() != null) {
      backend.translating();
      translations.add(batch, pinhole, expirationMs, key, value);
    }
  }

  private void addMark(NftBatch batch, Pinhole pinhole, long expirationMs) {
    batch.addElement(
        table,
        maps.setOf(pinhole),
        maps.key(pinhole, key),
        value.reset().put32host(pinhole.mark()),
        pinhole.timeoutMs(),
        expirationMs,
        pinhole.comment(),
        maps.lookups(pinhole));
  }

  /** The error for a caller whose change was refused, with what was done of it before. */
  BackendException changeRefused(NetlinkException e) {
    return new BackendException(
        e.getMessage() + progress.words(), e.errno(), e, progress.applied());
  }

  static BackendException refused(NetlinkException e) {
    return new BackendException(String.valueOf(e.getMessage()), e.errno(), e);
  }
}
