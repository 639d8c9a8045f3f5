package org.pinholed.kernel.nftables;

import java.nio.charset.StandardCharsets;

/** The part of {@code linux/netfilter/nf_tables.h} that is used here, by its kernel names. */
final class Nft {
  static final int NFNL_SUBSYS_NFTABLES = 10;
  static final int NFNLGRP_NFTABLES = 7;

  static final int NFNL_MSG_BATCH_BEGIN = 0x10;
  static final int NFNL_MSG_BATCH_END = 0x11;
  static final int NFNL_BATCH_GENID = 1;

  static final int NFT_MSG_NEWTABLE = 0;
  static final int NFT_MSG_GETTABLE = 1;
  static final int NFT_MSG_DELTABLE = 2;
  static final int NFT_MSG_NEWCHAIN = 3;
  static final int NFT_MSG_GETCHAIN = 4;
  static final int NFT_MSG_NEWRULE = 6;
  static final int NFT_MSG_GETRULE = 7;
  static final int NFT_MSG_DELRULE = 8;
  static final int NFT_MSG_NEWSET = 9;
  static final int NFT_MSG_GETSET = 10;
  static final int NFT_MSG_NEWSETELEM = 12;
  static final int NFT_MSG_GETSETELEM = 13;
  static final int NFT_MSG_DELSETELEM = 14;
  static final int NFT_MSG_NEWGEN = 15;
  static final int NFT_MSG_GETGEN = 16;
  static final int NFT_MSG_NEWOBJ = 18;
  static final int NFT_MSG_GETOBJ = 19;
  static final int NFT_MSG_DESTROYSETELEM = 30;

  static final int NFTA_LIST_ELEM = 1;

  static final int NFTA_TABLE_NAME = 1;
  static final int NFTA_TABLE_FLAGS = 2;
  static final int NFTA_TABLE_USERDATA = 6;
  static final int NFT_TABLE_F_OWNER = 2;

  static final int NFTA_CHAIN_TABLE = 1;
  static final int NFTA_CHAIN_NAME = 3;
  static final int NFTA_CHAIN_HOOK = 4;
  static final int NFTA_CHAIN_POLICY = 5;
  static final int NFTA_CHAIN_TYPE = 7;
  static final int NFTA_HOOK_HOOKNUM = 1;
  static final int NFTA_HOOK_PRIORITY = 2;

  static final int NFTA_RULE_TABLE = 1;
  static final int NFTA_RULE_CHAIN = 2;
  static final int NFTA_RULE_HANDLE = 3;
  static final int NFTA_RULE_EXPRESSIONS = 4;
  static final int NFTA_RULE_COMPAT = 5;
  static final int NFTA_RULE_USERDATA = 7;
  static final int NFTA_RULE_COMPAT_PROTO = 1;
  static final int NFTA_RULE_COMPAT_FLAGS = 2;

  static final int NFTA_SET_TABLE = 1;
  static final int NFTA_SET_NAME = 2;
  static final int NFTA_SET_FLAGS = 3;
  static final int NFTA_SET_KEY_TYPE = 4;
  static final int NFTA_SET_KEY_LEN = 5;
  static final int NFTA_SET_DATA_TYPE = 6;
  static final int NFTA_SET_DATA_LEN = 7;
  static final int NFTA_SET_DESC = 9;
  static final int NFTA_SET_ID = 10;
  static final int NFTA_SET_USERDATA = 13;
  static final int NFTA_SET_EXPR = 17;
  static final int NFTA_SET_DESC_SIZE = 1;
  static final int NFT_SET_MAP = 0x8;
  static final int NFT_SET_TIMEOUT = 0x10;
  static final int NFT_SET_EVAL = 0x20;

  static final int NFTA_SET_ELEM_LIST_TABLE = 1;
  static final int NFTA_SET_ELEM_LIST_SET = 2;
  static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
  static final int NFTA_SET_ELEM_KEY = 1;
  static final int NFTA_SET_ELEM_DATA = 2;
  static final int NFTA_SET_ELEM_TIMEOUT = 4;
  static final int NFTA_SET_ELEM_EXPIRATION = 5;
  static final int NFTA_SET_ELEM_USERDATA = 6;
  static final int NFTA_SET_ELEM_EXPR = 7;

  static final int NFTA_DATA_VALUE = 1;
  static final int NFTA_DATA_VERDICT = 2;
  static final int NFTA_VERDICT_CODE = 1;
  static final int NFTA_VERDICT_CHAIN = 2;

  static final int NFTA_EXPR_NAME = 1;
  static final int NFTA_EXPR_DATA = 2;

  static final int NFTA_LIMIT_RATE = 1;
  static final int NFTA_LIMIT_UNIT = 2;
  static final int NFTA_LIMIT_BURST = 3;
  static final int NFTA_LIMIT_TYPE = 4;
  static final int NFT_LIMIT_PKTS = 0;

  static final int NFTA_GEN_ID = 1;
  static final int NFTA_GEN_PROC_PID = 2;
  static final int NFTA_GEN_PROC_NAME = 3;

  static final int NFTA_OBJ_TABLE = 1;
  static final int NFTA_OBJ_NAME = 2;
  static final int NFTA_OBJ_TYPE = 3;
  static final int NFTA_OBJ_DATA = 4;
  static final int NFT_OBJECT_CT_HELPER = 3;
  static final int NFTA_CT_HELPER_NAME = 1;
  static final int NFTA_CT_HELPER_L4PROTO = 3;
  static final int NFT_OBJECT_CT_EXPECT = 9;
  static final int NFTA_CT_EXPECT_L3PROTO = 1;
  static final int NFTA_CT_EXPECT_L4PROTO = 2;
  static final int NFTA_CT_EXPECT_DPORT = 3;
  static final int NFTA_CT_EXPECT_TIMEOUT = 4;
  static final int NFTA_CT_EXPECT_SIZE = 5;

  /** {@code NFT_USERDATA_MAXLEN}: what a comment and its TLV header may take. */
  static final int NFT_USERDATA_MAXLEN = 256;

  /** What nft(8) takes as a comment of an element, rule, set or table. */
  static final int COMMENT_MAX_BYTES = 128;

  /** {@code NFTNL_UDATA_*_COMMENT} of tables, rules and elements. */
  static final int UDATA_COMMENT = 0;

  static final int UDATA_SET_KEYBYTEORDER = 0;
  static final int UDATA_SET_DATABYTEORDER = 1;
  static final int UDATA_SET_KEY_TYPEOF = 3;
  static final int UDATA_SET_COMMENT = 7;

  /** {@code enum expr_types} of nft(8), which it keeps stable for its userdata. */
  static final int EXPR_CT = 12;

  static final int EXPR_CONCAT = 13;

  private static final int NAME_MAX_BYTES = 255;

  private Nft() {}

  static boolean isName(String name) {
    return !name.isEmpty()
        && name.length() <= NAME_MAX_BYTES
        && name.chars().allMatch(character -> character > ' ' && character < 0x7f);
  }

  // A name as the kernel wants it. Kept by the objects that have names, so that the hot path does
  // not encode strings.
  static byte[] nameBytes(String what, String name) {
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    if (text.length == 0 || text.length > NAME_MAX_BYTES) {
      throw new IllegalArgumentException(what + ": '" + name + "' (expected: 1..255 characters)");
    }
    if (!isName(name)) {
      throw new IllegalArgumentException(what + ": '" + name + "' (expected: printable ASCII)");
    }
    byte[] bytes = new byte[text.length + 1];
    System.arraycopy(text, 0, bytes, 0, text.length);
    return bytes;
  }
}
