package org.pinholed.agent.control;

import java.util.Arrays;

/**
 * Who may speak to the agent: root, the agent's own user, and processes that are in one group.
 *
 * <p>The mode of the socket file says the same; this is asked besides it, by the credentials that
 * the kernel recorded at connect, because a file mode is easily changed by accident. A process
 * counts by the groups that it has, as for every file: whoever was put into the group since must
 * log in again. Thread-safe.
 */
final class PeerPolicy {
  private final int ownUid;
  private final int groupGid;

  /**
   * Makes the policy.
   *
   * @param ownUid the agent's effective user
   * @param groupGid the group's number; 0: root's group, and nobody by it
   */
  PeerPolicy(int ownUid, int groupGid) {
    this.ownUid = ownUid;
    this.groupGid = groupGid;
  }

  /** Whether it may do what only the agent itself may. */
  boolean isOwn(int uid) {
    return uid == 0 || uid == ownUid;
  }

  /**
   * Whether it may ask.
   *
   * @param uid its effective user
   * @param gid its effective group
   * @param groups its supplementary groups
   */
  boolean allows(int uid, int gid, int[] groups) {
    if (isOwn(uid)) {
      return true;
    }
    return groupGid != 0
        && (gid == groupGid || Arrays.stream(groups).anyMatch(group -> group == groupGid));
  }
}
