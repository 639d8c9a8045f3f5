package org.pinholed.kernel.nftables;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.KernelPart;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * What the nf_tables of this kernel can do, found by trying.
 *
 * @param nativeQueue the {@code queue} expression ({@code CONFIG_NFT_QUEUE})
 * @param targetQueue the xtables target NFQUEUE in a rule ({@code CONFIG_NFT_COMPAT})
 * @param destroyMessages {@code DESTROYSETELEM}, which does not mind a missing element (Linux 6.3)
 * @param timeoutUpdate adding an element again changes its timeout (Linux 6.12)
 * @param innerHeader payload expressions that count from behind the transport header (Linux 5.16)
 * @param conntrackZones rules can ask for the zone of a connection, so that there may be some
 * @param hash the expression that hashes registers ({@code CONFIG_NFT_HASH})
 * @param foundOnce elements can be limited to one lookup ({@link NftSet.Builder#foundOnce}; Linux
 *     5.11 and {@code CONFIG_NFT_LIMIT})
 * @param sequenceAdjustment the {@code ct expectation} object that gives a connection the extension
 *     for sequence numbers and opens nothing; null if this kernel has none
 * @param missing what no table can do without and this kernel does not have
 */
public record NftFeatures(
    boolean nativeQueue,
    boolean targetQueue,
    boolean destroyMessages,
    boolean timeoutUpdate,
    boolean innerHeader,
    boolean conntrackZones,
    boolean hash,
    boolean foundOnce,
    @Nullable ExpectationObject sequenceAdjustment,
    List<KernelPart> missing) {
  private static final String CHAIN = "probe";
  private static final String OBJECT = "probe";
  private static final int DCCP = 33;
  private static final int SCTP = 132;

  // The least harmful first. Port 0 would be any port. Which of them the kernel keeps as it was
  // asked for depends on its version; they were tried on 6.1, 6.12, 6.18, 7.2 and 7.3.
  private static final List<ExpectationObject> EXPECTING_NOTHING =
      List.of(
          new ExpectationObject(NftFamily.IP, DCCP, 1, 0, 0),
          new ExpectationObject(NftFamily.IP, SCTP, 1, 0, 0),
          new ExpectationObject(NftFamily.IP, DCCP, 1, 0, 1),
          new ExpectationObject(NftFamily.IP, SCTP, 1, 0, 1));

  /**
   * Tries each feature in a table that is made for it. Nothing is left behind: most tables are
   * removed by the very transaction that makes them, and one is owned by the client's socket.
   *
   * @param client used for a few transactions
   * @return what was accepted
   * @throws NetlinkException if nothing could be tried, for example without privileges
   */
  public static NftFeatures probe(NftClient client) throws NetlinkException {
    NftTable table = new NftTable(NftFamily.INET, "pinholed-probe-" + client.portId());
    List<KernelPart> missing = missing(client, table);
    boolean nativeQueue = accepts(client, beginRule(client, table).queue(0, true), table);
    boolean targetQueue = takesTarget(client, table, !nativeQueue);
    boolean innerHeader =
        accepts(
            client,
            beginRule(client, table).loadPayload(NftExpressions.Base.INNER, 0, 1, 0),
            table);
    boolean conntrackZones =
        accepts(client, beginRule(client, table).loadCt(NftExpressions.Ct.ZONE, 0), table);
    boolean hash =
        accepts(
            client,
            beginRule(client, table).loadCt(NftExpressions.Ct.ID, 0).hash(0, 2, 1, 0),
            table);
    return new NftFeatures(
        nativeQueue,
        targetQueue,
        acceptsDestroy(client, table),
        updatesTimeout(client, table),
        innerHeader,
        conntrackZones,
        hash,
        limitsLookups(client, table),
        sequenceAdjustment(client, table),
        missing);
  }

  private static List<KernelPart> missing(NftClient client, NftTable table)
      throws NetlinkException {
    client.begin().addTable(table, "").deleteTable(table);
    if (!commits(client)) {
      return List.of(KernelPart.NFTABLES_INET); // nothing else can be tried
    }
    List<KernelPart> missing = new ArrayList<>();
    if (!accepts(client, beginRule(client, table).loadCt(NftExpressions.Ct.MARK, 0), table)) {
      missing.add(KernelPart.NFT_CT);
    }
    BaseChain nat = new BaseChain(BaseChain.Type.NAT, BaseChain.Hook.PREROUTING, 0);
    client.begin().addTable(table, "").addBaseChain(table, CHAIN, nat).deleteTable(table);
    if (!commits(client)) {
      missing.add(KernelPart.NFT_CHAIN_NAT);
    }
    NftExpressions translation =
        beginRule(client, table)
            .loadPayload(NftExpressions.Base.NETWORK, 12, 4, 0)
            .sourceNat(NftFamily.IP, 0);
    if (!accepts(client, translation, table)) {
      missing.add(KernelPart.NFT_NAT);
    }
    return missing;
  }

  /**
   * The kernel looks for a target's module under a name of the family. There is none for {@code
   * inet}, so the module is loaded by a trial in {@code ip}.
   */
  private static boolean takesTarget(NftClient client, NftTable table, boolean needed)
      throws NetlinkException {
    boolean takes = accepts(client, beginRule(client, table).queueByTarget(0, true), table);
    if (takes || !needed) {
      return takes;
    }
    NftTable ofIp = new NftTable(NftFamily.IP, table.name());
    return accepts(client, beginRule(client, ofIp).queueByTarget(0, true), ofIp)
        && accepts(client, beginRule(client, table).queueByTarget(0, true), table);
  }

  /**
   * Whether elements can be limited to some lookups, and keep what is left of that when their
   * timeout begins anew ({@link NftBatch#addElement(NftTable, NftSet, NftValue, NftValue, long,
   * long, String, int)}).
   *
   * @return false also where a new timeout means a new element
   */
  public boolean limitsLeases() {
    return foundOnce && timeoutUpdate;
  }

  /**
   * The same without the object that gives connections the extension for sequence numbers.
   *
   * @return a new copy
   */
  public NftFeatures withoutSequenceAdjustment() {
    return new NftFeatures(
        nativeQueue,
        targetQueue,
        destroyMessages,
        timeoutUpdate,
        innerHeader,
        conntrackZones,
        hash,
        foundOnce,
        null,
        missing);
  }

  private static @Nullable ExpectationObject sequenceAdjustment(NftClient client, NftTable table)
      throws NetlinkException {
    for (ExpectationObject wanted : EXPECTING_NOTHING) {
      client.begin().addOwnedTable(table).addExpectationObject(table, OBJECT, wanted);
      if (!commits(client)) {
        continue;
      }
      try {
        Optional<ExpectationObject> kept = client.expectationObject(table, OBJECT);
        if (kept.isPresent() && kept.get().opensNothing()) {
          return wanted;
        }
      } finally {
        client.begin().deleteTable(table);
        client.commit();
      }
    }
    return null;
  }

  private static NftExpressions beginRule(NftClient client, NftTable table) {
    return client.begin().addTable(table, "").addChain(table, CHAIN).addRule(table, CHAIN);
  }

  private static boolean accepts(NftClient client, NftExpressions rule, NftTable table)
      throws NetlinkException {
    rule.endRule().deleteTable(table);
    return commits(client);
  }

  private static boolean acceptsDestroy(NftClient client, NftTable table) throws NetlinkException {
    NftSet set = NftSet.named("probe", NftField.INET_SERVICE).build();
    client
        .begin()
        .addTable(table, "")
        .addSet(table, set)
        .destroyElement(table, set, new NftValue().put16be(1))
        .deleteTable(table);
    return commits(client);
  }

  private static boolean updatesTimeout(NftClient client, NftTable table) throws NetlinkException {
    NftSet set = NftSet.named("probe", NftField.INET_SERVICE).timeouts().build();
    NftValue key = new NftValue().put16be(1);
    client
        .begin()
        .addOwnedTable(table)
        .addSet(table, set)
        .addElement(table, set, key, null, 60_000, 0, "");
    if (!commits(client)) {
      return false; // owned tables came with 5.12, long before
    }
    long[] timeoutMs = new long[1];
    try {
      client.begin().addElement(table, set, key, null, 120_000, 90_000, "");
      if (commits(client)) {
        client.getElement(table, set, key, element -> timeoutMs[0] = element.timeoutMs());
      }
    } finally {
      client.begin().deleteTable(table);
      client.commit();
    }
    return timeoutMs[0] == 120_000;
  }

  /**
   * Whether an element gets the limit of its set. Kernels that copy it also ask it at lookups: they
   * ask since 5.7, and copy since 5.11.
   */
  private static boolean limitsLookups(NftClient client, NftTable table) throws NetlinkException {
    NftSet set =
        NftSet.named("probe", NftField.INET_SERVICE)
            .timeouts()
            .changedByRules()
            .size(1)
            .foundOnce()
            .build();
    NftValue key = new NftValue().put16be(1);
    client
        .begin()
        .addOwnedTable(table)
        .addSet(table, set)
        .addElement(table, set, key, null, 60_000, 0, "");
    if (!commits(client)) {
      return false;
    }
    boolean[] limited = new boolean[1];
    try {
      client.getElement(table, set, key, element -> limited[0] = element.hasExpression());
    } finally {
      client.begin().deleteTable(table);
      client.commit();
    }
    return limited[0];
  }

  private static boolean commits(NftClient client) throws NetlinkException {
    try {
      client.commit();
      return true;
    } catch (NetlinkException e) {
      boolean unknown =
          e.errno() == Errno.ENOENT
              || e.errno() == Errno.EINVAL
              || e.errno() == Errno.EOPNOTSUPP
              || e.errno() == Errno.ERANGE;
      if (unknown) {
        return false;
      }
      throw e; // EPERM, ENOMEM and the like say nothing about the feature
    }
  }
}
