package org.pinholed.kernel.nftables;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.nftables.NftRule.Action;
import org.pinholed.kernel.nftables.NftRule.MarkTest;

/**
 * Reads rules as the kernel lists them. What it does not know is something more that the rule asks
 * for. Not thread-safe.
 *
 * <p>The mark is followed through the registers: loaded by {@code ct} (or {@code meta}, to which
 * rules copy it), masked by {@code bitwise}, compared by {@code cmp}. iptables-nft has {@code
 * match} with the xt match {@code connmark} or {@code mark} in their place.
 */
final class NftRuleReader {
  private static final int NFT_CT_MARK = 3;
  private static final int NFT_META_MARK = 3;
  private static final int NFT_CMP_EQ = 0;
  private static final int NFT_CMP_NEQ = 1;
  private static final int NF_DROP = 0;
  private static final int NFT_JUMP = -3;
  private static final int NFT_GOTO = -4;
  private static final int NO_REGISTER = -1;
  private static final int REGISTER_BYTES = 4;
  private static final int XT_MARK_BYTES = 9; // mark, mask and invert

  private final List<MarkTest> tests = new ArrayList<>();
  private boolean asksMore;
  private boolean looksMarkUp;
  private Action action = Action.OTHER;
  private String target = "";
  private int markRegister;
  private int mask;
  private int flip;

  // attributes of the present expression
  private int source;
  private int destination;
  private int key;
  private @Nullable Integer first;
  private @Nullable Integer second;
  private @Nullable Integer verdict;
  private String name = "";
  private String chain = "";
  private int infoAt;
  private int infoBytes;

  /** The rule of a message; null if its family is not one of ours. */
  @Nullable NftRule read(NetlinkReader reader) {
    tests.clear();
    asksMore = false;
    looksMarkUp = false;
    action = Action.OTHER;
    target = "";
    markRegister = NO_REGISTER;
    NftFamily family = NftFamily.of(reader.enterNfnetlink());
    String table = "";
    String ofChain = "";
    long handle = 0;
    String comment = "";
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case Nft.NFTA_RULE_TABLE -> table = reader.string();
        case Nft.NFTA_RULE_CHAIN -> ofChain = reader.string();
        case Nft.NFTA_RULE_HANDLE -> handle = reader.s64be();
        case Nft.NFTA_RULE_USERDATA ->
            comment =
                NftElementView.comment(
                    reader.buffer(), reader.attributeOffset(), reader.attributeLengthBytes());
        case Nft.NFTA_RULE_EXPRESSIONS -> expressions(reader);
        default -> {}
      }
    }
    NftTable named = family == null ? null : NftTable.named(family, table);
    return named == null || !reader.ok()
        ? null
        : new NftRule(
            named, ofChain, handle, comment, tests, looksMarkUp, asksMore, action, target);
  }

  private void expressions(NetlinkReader reader) {
    reader.enterNested();
    while (reader.nextAttribute()) {
      reader.enterNested();
      String kind = "";
      forget();
      while (reader.nextAttribute()) {
        if (reader.attributeType() == Nft.NFTA_EXPR_NAME) {
          kind = reader.string();
        } else if (reader.attributeType() == Nft.NFTA_EXPR_DATA) {
          attributes(reader, kind);
        }
      }
      reader.leaveNested();
      take(kind, reader.buffer());
    }
    reader.leaveNested();
  }

  private void forget() {
    source = NO_REGISTER;
    destination = NO_REGISTER;
    key = -1;
    first = null;
    second = null;
    verdict = null;
    name = "";
    chain = "";
    infoBytes = 0;
  }

  // The numbers of enum nft_*_attributes differ from one expression to the next.
  private void attributes(NetlinkReader reader, String kind) {
    reader.enterNested();
    while (reader.nextAttribute()) {
      int type = reader.attributeType();
      switch (kind) {
        case "ct", "meta" -> {
          if (type == 1) {
            destination = reader.s32be();
          } else if (type == 2) {
            key = reader.s32be();
          }
        }
        case "bitwise" -> {
          switch (type) {
            case 1 -> source = reader.s32be();
            case 2 -> destination = reader.s32be();
            case 4 -> first = data(reader);
            case 5 -> second = data(reader);
            default -> {}
          }
        }
        case "cmp" -> {
          switch (type) {
            case 1 -> source = reader.s32be();
            case 2 -> key = reader.s32be();
            case 3 -> first = data(reader);
            default -> {}
          }
        }
        case "immediate" -> {
          if (type == 1) {
            destination = reader.s32be();
          } else if (type == 2) {
            first = data(reader);
          }
        }
        case "lookup" -> {
          if (type == 2) {
            source = reader.s32be();
          } else if (type == 3) {
            destination = reader.s32be();
          }
        }
        case "match", "target" -> {
          if (type == 1) {
            name = reader.string();
          } else if (type == 3) {
            infoAt = reader.attributeOffset();
            infoBytes = reader.attributeLengthBytes();
          }
        }
        default -> {
          if (type == 1 && kind.equals("payload")) {
            destination = reader.s32be();
          }
        }
      }
    }
    reader.leaveNested();
  }

  // NFTA_DATA_VALUE of four bytes; a verdict is kept apart.
  private @Nullable Integer data(NetlinkReader reader) {
    Integer value = null;
    reader.enterNested();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == Nft.NFTA_DATA_VALUE) {
        value = reader.attributeLengthBytes() == REGISTER_BYTES ? reader.s32host() : null;
      } else if (reader.attributeType() == Nft.NFTA_DATA_VERDICT) {
        reader.enterNested();
        while (reader.nextAttribute()) {
          if (reader.attributeType() == Nft.NFTA_VERDICT_CODE) {
            verdict = reader.s32be();
          } else if (reader.attributeType() == Nft.NFTA_VERDICT_CHAIN) {
            chain = reader.string();
          }
        }
        reader.leaveNested();
      }
    }
    reader.leaveNested();
    return value;
  }

  private void take(String kind, ByteBuffer buffer) {
    switch (kind) {
      case "ct" -> load(key == NFT_CT_MARK);
      case "meta" -> load(key == NFT_META_MARK);
      case "bitwise" -> bitwise();
      case "cmp" -> compare();
      case "immediate" -> immediate();
      case "lookup" -> lookup();
      case "match" -> match(buffer);
      case "target" -> {
        if (name.equals("REJECT")) {
          action = Action.DROP;
        }
      }
      case "reject" -> action = Action.DROP;
      case "counter", "log", "notrack", "objref", "nat", "masq", "redir", "last" -> {}
      default -> asksMore = true;
    }
  }

  private void load(boolean isMark) {
    if (destination == NO_REGISTER) {
      return; // it writes the mark
    }
    if (isMark) {
      markRegister = destination;
      mask = -1;
      flip = 0;
    } else {
      overwritten();
    }
  }

  private void overwritten() {
    if (destination == markRegister) {
      markRegister = NO_REGISTER;
    }
  }

  private void bitwise() {
    Integer and = first;
    Integer xor = second;
    if (source == markRegister && and != null && xor != null) {
      markRegister = destination;
      flip = (flip & and) ^ xor;
      mask &= and;
    } else {
      overwritten();
    }
  }

  private void lookup() {
    boolean mark = source == markRegister && source != NO_REGISTER;
    looksMarkUp |= mark;
    asksMore |= !mark;
    if (destination == NftExpressions.NFT_REG_VERDICT) {
      action = Action.MAP;
    } else {
      overwritten();
    }
  }

  private void compare() {
    Integer value = first;
    boolean known = key == NFT_CMP_EQ || key == NFT_CMP_NEQ;
    if (source == markRegister && value != null && known) {
      tests.add(new MarkTest(mask, flip, value, key == NFT_CMP_NEQ));
    } else {
      asksMore = true;
    }
  }

  private void immediate() {
    Integer code = verdict;
    if (code == null) {
      overwritten();
      return;
    }
    switch (code) {
      case NftExpressions.NF_ACCEPT -> action = Action.ACCEPT;
      case NF_DROP -> action = Action.DROP;
      case NFT_JUMP -> action = Action.JUMP;
      case NFT_GOTO -> action = Action.GOTO;
      default -> {}
    }
    target = chain;
  }

  private void match(ByteBuffer buffer) {
    boolean mark = name.equals("connmark") || name.equals("mark");
    if (mark && infoBytes >= XT_MARK_BYTES) {
      tests.add(
          new MarkTest(
              buffer.getInt(infoAt + 4), 0, buffer.getInt(infoAt), buffer.get(infoAt + 8) != 0));
    } else if (!name.equals("comment")) {
      asksMore = true;
    }
  }
}
