package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftFamily;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftInventory;
import org.pinholed.kernel.nftables.NftSet;
import org.pinholed.kernel.nftables.NftTable;

/**
 * The whole table {@code inet pinholed}: pinholes, translation of children, and diversion.
 * Immutable; may be shared between threads.
 */
final class TableLayout {
  /** One more whenever a set or chain gets another shape under the same name. */
  private static final int VERSION = 13;

  private static final Map<String, Integer> RULES =
      Map.of(
          TranslationMaps.CHAIN_PREROUTING,
          TranslationMaps.destinationRules(),
          TranslationMaps.CHAIN_OUTPUT,
          TranslationMaps.destinationRules(),
          TranslationMaps.CHAIN_POSTROUTING,
          TranslationMaps.sourceRules(),
          Diversion.CHAIN_POSTROUTING,
          4,
          Diversion.CHAIN_INPUT,
          4,
          FlowMaps.CHAIN_FLOWS,
          FlowMaps.RULES,
          FlowMaps.CHAIN_WRITE,
          FlowMaps.WRITE_RULES);

  private final NftTable table;
  private final ExpectationCarrier carrier;
  private final PinholeMaps maps;
  private final TranslationMaps translations;
  private final Diversion diversion;
  private final String comment;
  private final Map<String, Integer> rules;
  private final Set<String> names = new HashSet<>();

  TableLayout(NftablesOptions options, NftFeatures features) {
    table = new NftTable(NftFamily.INET, options.table());
    carrier = new ExpectationCarrier(table, options);
    maps = new PinholeMaps(table, options, features);
    translations = new TranslationMaps(table, options, features);
    diversion = new Diversion(table, options, features);
    comment =
        "kept by pinholed, layout "
            + VERSION
            + " of "
            + options.mapSizeElements()
            + (options.openSizeElements() == options.mapSizeElements()
                ? ""
                : " and " + options.openSizeElements())
            + (options.diverts() ? "" : ", diversion by others");
    rules = new HashMap<>(RULES);
    rules.put(
        PinholeMaps.CHAIN_PINHOLES,
        (features.conntrackZones() ? 10 : 9) + translations.rulesForPinholes());
    rules.put(PinholeMaps.CHAIN_PREROUTING, 1 + 2 * carrier.rules());
    rules.put(PinholeMaps.CHAIN_OUTPUT, 1 + carrier.rules());
    rules.put(PinholeMaps.CHAIN_CHILD, translations.rulesForPinholes());
    rules.put(Diversion.CHAIN_DIVERT, diversion.divertRules());
    rules.put(SynRules.CHAIN_BEGIN, diversion.syns().rules());
    rules.put(Diversion.CHAIN_QUEUES, diversion.queueRules());
    rules.put(Diversion.CHAIN_STRICT, diversion.strictRules());
    for (NftSet set : sets()) {
      names.add(set.name());
    }
  }

  NftTable table() {
    return table;
  }

  PinholeMaps maps() {
    return maps;
  }

  TranslationMaps translations() {
    return translations;
  }

  Diversion diversion() {
    return diversion;
  }

  private List<NftSet> sets() {
    List<NftSet> sets = new ArrayList<>(maps.sets());
    sets.addAll(translations.sets());
    sets.addAll(diversion.sets());
    return sets;
  }

  /** Whether the table is as {@link #write} made it, as far as names and numbers tell. */
  boolean isIntact(NftClient client, Diverted diverted) throws NetlinkException {
    Map<String, Integer> expected = new HashMap<>(rules);
    expected.put(PinholeMaps.CHAIN_LEASES, PinholeMaps.leaseRules(diverted.leased()));
    expected.put(
        TranslationMaps.CHAIN_LEASE_DESTINATIONS,
        TranslationMaps.leaseDestinationRules(diverted.leased()));
    expected.put(
        TranslationMaps.CHAIN_LEASE_SOURCES, TranslationMaps.leaseSourceRules(diverted.leased()));
    return client.inventory(table).equals(new NftInventory(expected, names))
        && client.tableComment(table).equals(Optional.of(comment));
  }

  /** Writes what changes with the configuration of helpers. */
  void setPorts(NftBatch batch, Diverted diverted) {
    diversion.setPorts(batch, diverted.ports());
    maps.setRanges(batch, diverted.leased(), translations);
    translations.setRanges(batch, diverted.leased());
  }

  boolean isThere(NftClient client) throws NetlinkException {
    return client.tableComment(table).isPresent();
  }

  /**
   * Writes the whole table, to be committed as one transaction. One of the same layout keeps its
   * pinholes, and its base chains stay; any other is replaced.
   */
  NftBatch write(NftClient client, Diverted diverted) throws NetlinkException {
    Optional<String> found = client.tableComment(table);
    NftBatch batch = client.begin();
    if (found.isPresent() && !found.get().equals(comment)) {
      batch.deleteTable(table);
    }
    return contents(batch, diverted);
  }

  /** Writes the whole table in the place of whatever is there. */
  NftBatch replace(NftClient client, Diverted diverted) {
    return contents(client.begin().addTable(table, "").deleteTable(table), diverted);
  }

  private NftBatch contents(NftBatch batch, Diverted diverted) {
    batch.addTable(table, comment);
    maps.addSets(batch);
    translations.addSets(batch);
    diversion.addSets(batch);
    carrier.addObjects(batch);
    maps.addChains(batch);
    translations.addChains(batch);
    diversion.addChains(batch);
    for (String chain : maps.chains()) {
      batch.flushChain(table, chain);
    }
    for (String chain : diversion.chains()) {
      batch.flushChain(table, chain);
    }
    for (String chain : translations.chains()) {
      batch.flushChain(table, chain);
    }
    carrier.addParentRules(batch, diversion);
    maps.addRules(batch, translations);
    carrier.addChildRules(batch);
    translations.addRules(batch, diversion.tcpPorts());
    maps.addLeases(batch, diverted.leased(), translations);
    translations.addRanges(batch, diverted.leased());
    diversion.addRules(batch);
    diversion.setPorts(batch, diverted.ports());
    return batch;
  }
}
