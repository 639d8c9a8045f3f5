/** The agent: assembles queue workers, tables, backends and surfaces into one process. */
@NullMarked
package org.pinholed.agent;

import org.jspecify.annotations.NullMarked;
