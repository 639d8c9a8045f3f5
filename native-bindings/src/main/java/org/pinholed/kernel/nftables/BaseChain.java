package org.pinholed.kernel.nftables;

/**
 * Where a base chain hangs: a chain of policy accept at one hook.
 *
 * <p>Removing any base chain flushes every packet queue of the namespace (kernel: {@code
 * nf_queue_nf_hook_drop}), so these are made once and stay.
 *
 * @param type what its rules may do
 * @param hook the hook
 * @param priority order at the hook, lower first; -150 is mangle, 300 is behind source NAT
 */
public record BaseChain(Type type, Hook hook, int priority) {
  /**
   * Where a filter chain hangs.
   *
   * @param hook the hook
   * @param priority order at the hook
   */
  public BaseChain(Hook hook, int priority) {
    this(Type.FILTER, hook, priority);
  }

  /** The types of chains that are used here. */
  public enum Type {
    /** Sees every packet. */
    FILTER("filter"),
    /** Sees the first packet of a connection and may translate it. */
    NAT("nat");

    private final String word;

    Type(String word) {
      this.word = word;
    }

    String word() {
      return word;
    }
  }

  /** The hooks of {@code enum nf_inet_hooks} that are used here, with their numbers. */
  public enum Hook {
    /** All packets that came in, before routing. */
    PREROUTING(0),
    /** Packets for this machine. */
    INPUT(1),
    /** Packets from this machine. */
    OUTPUT(3),
    /** All packets that leave. */
    POSTROUTING(4);

    private final int number;

    Hook(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }
}
