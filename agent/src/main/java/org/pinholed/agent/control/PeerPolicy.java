package org.pinholed.agent.control;

import java.util.List;
import jnr.posix.Group;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;
import jnr.posix.Passwd;

/**
 * Who may speak to the agent: root, the agent's own user, and members of one group.
 *
 * <p>The mode of the socket file says the same; this is asked besides it, by the credentials that
 * the kernel recorded at connect, because a file mode is easily changed by accident. Thread-safe.
 */
final class PeerPolicy {
  /** The databases of users and groups, as the machine is configured to look them up. */
  interface Accounts {
    /**
     * Whether a group's list of members names a user.
     *
     * @param uid number of the user
     * @param group name of the group
     * @return false also if one of the two does not exist
     */
    boolean isMember(int uid, String group);
  }

  private final int ownUid;
  private final String group;
  private final int groupGid;
  private final Accounts accounts;

  /**
   * Makes the policy.
   *
   * @param ownUid the agent's effective user
   * @param group the group's name
   * @param groupGid the group's number
   * @param accounts asked for members that have another primary group
   */
  PeerPolicy(int ownUid, String group, int groupGid, Accounts accounts) {
    this.ownUid = ownUid;
    this.group = group;
    this.groupGid = groupGid;
    this.accounts = accounts;
  }

  /** Whether it may do what only the agent itself may. */
  boolean isOwn(int uid) {
    return uid == 0 || uid == ownUid;
  }

  boolean allows(int uid, int gid) {
    return isOwn(uid) || gid == groupGid || accounts.isMember(uid, group);
  }

  // through libc, so that an organisation's directory of users counts too
  static Accounts systemAccounts() {
    return (uid, group) -> {
      synchronized (PeerPolicy.class) { // getpwuid and getgrnam answer from one static buffer each
        POSIX posix = POSIXFactory.getPOSIX();
        Passwd user = posix.getpwuid(uid);
        String name = user == null ? null : user.getLoginName();
        Group entry = name == null ? null : posix.getgrnam(group);
        return entry != null && List.of(entry.getMembers()).contains(name);
      }
    };
  }
}
