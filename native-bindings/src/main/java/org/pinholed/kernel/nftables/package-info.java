/**
 * Speaks nf_tables over netlink: transactions, tables, chains, rules, sets, maps and their
 * elements, and the notifications about them. Knows neither packets nor connections nor any
 * protocol.
 */
@NullMarked
package org.pinholed.kernel.nftables;

import org.jspecify.annotations.NullMarked;
