/** What the agent knows, as records for listings, and what an operator can ask of it. */
@NullMarked
package org.pinholed.agent.view;

import org.jspecify.annotations.NullMarked;
