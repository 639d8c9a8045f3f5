/**
 * The laboratory: a client, a router and a server in network namespaces, real FTP peers, and the
 * agent as a black box.
 */
@NullMarked
package org.pinholed.it.lab;

import org.jspecify.annotations.NullMarked;
