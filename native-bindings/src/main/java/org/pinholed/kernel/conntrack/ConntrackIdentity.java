package org.pinholed.kernel.conntrack;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * What tells one connection of the kernel's table from all others, and from those before it.
 *
 * <p>The id alone does not: {@code nf_ct_get_id} is a hash of 32 bits, so two living connections
 * may have the same one (docs/kernel.md). The tuples alone do not either: another connection may
 * take them when this one is over.
 *
 * @param id {@link ConntrackEntry#id}
 * @param original the direction of the first packet
 * @param reply the direction of the answers
 * @param zone {@code ct zone}: in two zones the same tuples may live at a time
 */
public record ConntrackIdentity(int id, FlowTuple original, FlowTuple reply, int zone) {
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ConntrackIdentity that
        && id == that.id
        && zone == that.zone
        && original.equals(that.original)
        && reply.equals(that.reply);
  }

  /**
   * The id, which the kernel makes with a secret key. Tuples would be a bad hash: strangers choose
   * addresses and ports, and with them how many connections meet in one place of a table.
   */
  @Override
  public int hashCode() {
    return id;
  }

  /**
   * The id as it is shown to people, and as nft's {@code ct id} and {@code conntrack -o id} know
   * it. Two living connections may have the same.
   *
   * @return eight hexadecimal digits
   */
  public String serial() {
    return HexFormat.of().toHexDigits(id);
  }
}
