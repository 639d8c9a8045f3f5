/** What an operator asks of a running agent, and who answers: status, audit, clearing, doctor. */
@NullMarked
package org.pinholed.agent.operate;

import org.jspecify.annotations.NullMarked;
