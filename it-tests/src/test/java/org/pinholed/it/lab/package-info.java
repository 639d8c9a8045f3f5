/**
 * The laboratory: a client, a router and a server, real and scripted peers, and the agent as a
 * black box. What the hosts are made of is known to one class, which nobody outside of this package
 * sees.
 */
@NullMarked
package org.pinholed.it.lab;

import org.jspecify.annotations.NullMarked;
