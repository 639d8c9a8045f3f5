package org.pinholed.agent.control;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PeerPolicyTest {
  private final PeerPolicy policy =
      new PeerPolicy(
          990, "operators", 500, (uid, group) -> uid == 1001 && group.equals("operators"));

  @Test
  void root_allowed() {
    assertTrue(policy.allows(0, 65534));
  }

  @Test
  void agentsOwnUser_allowed() {
    assertTrue(policy.allows(990, 990));
  }

  @Test
  void primaryGroup_allowed() {
    assertTrue(policy.allows(1000, 500));
  }

  @Test
  void listedInTheGroup_allowed() {
    assertTrue(policy.allows(1001, 1001));
  }

  @Test
  void anybodyElse_refused() {
    assertFalse(policy.allows(1002, 1002));
    assertFalse(policy.allows(65534, 65534));
  }

  @Test
  void systemAccounts_knowNobodyInRootsGroup() {
    PeerPolicy.Accounts accounts = PeerPolicy.systemAccounts();
    assertFalse(accounts.isMember(65534, "root"));
    assertFalse(accounts.isMember(65534, "nosuchgroup"));
    assertFalse(accounts.isMember(4_000_000, "root"));
  }
}
