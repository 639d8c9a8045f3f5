/**
 * What an announcement of DCE-RPC may open: what an entry allows, and what the services of a server
 * are for a client.
 */
@NullMarked
package org.pinholed.helper.dcerpc.opening;

import org.jspecify.annotations.NullMarked;
