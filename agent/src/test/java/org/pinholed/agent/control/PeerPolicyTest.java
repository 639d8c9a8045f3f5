package org.pinholed.agent.control;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PeerPolicyTest {
  private static final int[] NONE = {};

  private final PeerPolicy policy = new PeerPolicy(990, 500);

  @Test
  void root_allowed() {
    assertTrue(policy.allows(0, 65534, NONE));
  }

  @Test
  void agentsOwnUser_allowed() {
    assertTrue(policy.allows(990, 990, NONE));
  }

  @Test
  void group_allowed_alsoAsOneOfSeveral() {
    assertTrue(policy.allows(1000, 500, NONE));
    assertTrue(policy.allows(1001, 1001, new int[] {4, 500, 1001}));
  }

  @Test
  void anybodyElse_refused() {
    assertFalse(policy.allows(1002, 1002, new int[] {4, 501}));
    assertFalse(policy.allows(65534, 65534, NONE));
    assertFalse(policy.isOwn(1000));
  }

  @Test
  void rootsGroup_letsNobodyIn() {
    assertFalse(new PeerPolicy(990, 0).allows(1000, 0, new int[] {0}));
  }
}
