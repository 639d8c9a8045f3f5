package org.pinholed.agent.view;

import java.util.List;
import java.util.function.Consumer;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;

/** What an operator can ask of a running agent. Thread-safe; every call is bounded in time. */
public interface AgentControl {
  /**
   * The state of the agent.
   *
   * @return a report
   */
  StatusReport status();

  /**
   * The configuration in force, with the helpers as they are now.
   *
   * @return a checked configuration
   */
  AgentConfig config();

  /**
   * The expectation table.
   *
   * @param filter what to show
   * @return rows, oldest first
   */
  List<ExpectationRow> expectations(ListingFilter filter);

  /**
   * The parent flows.
   *
   * @param filter what to show
   * @return rows, oldest first
   * @throws ControlException if the workers do not answer in time
   */
  List<SessionRow> sessions(ListingFilter filter) throws ControlException;

  /**
   * Deletes the conntracks of parents and everything that hangs on them. A new control connection
   * is needed afterwards.
   *
   * @param filter which parents
   * @return what was deleted
   * @throws ControlException if the kernel refuses
   */
  ClearReport clear(ListingFilter filter) throws ControlException;

  /**
   * What outlives flows and has something announced or open.
   *
   * @param kind the helper's word for what is meant, for example {@code call}; what no helper of
   *     this process has named yet is listed where it most likely belongs
   * @return rows, oldest first
   * @throws ControlException if the kernel refuses
   */
  List<OwnerRow> owners(String kind) throws ControlException;

  /**
   * Ends one of those that {@link #owners} lists, with everything that is open for it and with the
   * connections that came through.
   *
   * @param kind as there
   * @param id what it is called, or how that begins if no other of its kind begins so
   * @return what was ended; nothing if there is none
   * @throws ControlException if there are several, or a worker does not answer in time
   */
  ClearReport clearOwner(String kind, String id) throws ControlException;

  /**
   * Ends one expectation. What came through it goes on, unless its owner ends.
   *
   * @param id number of its row
   * @return what was ended; nothing if there is none
   * @throws ControlException if a worker does not answer in time
   */
  ClearReport clearExpectation(long id) throws ControlException;

  /**
   * The table of session helpers.
   *
   * @return all entries, by id
   */
  List<HelperEntry> helpers();

  /**
   * Adds a helper until the next reload or restart.
   *
   * @param entry the new entry; id 0 is not allowed
   * @throws ControlException if the id or port is taken or the protocol is not known
   */
  void addHelper(HelperEntry entry) throws ControlException;

  /**
   * Deletes a helper; plain firewall policies apply to its port from then on.
   *
   * @param id its id
   * @throws ControlException if there is none
   */
  void deleteHelper(int id) throws ControlException;

  /**
   * Switches a helper on or off.
   *
   * @param id its id
   * @param enabled what it is to be
   * @throws ControlException if there is none, or the port is taken
   */
  void setHelperEnabled(int id, boolean enabled) throws ControlException;

  /**
   * Starts a flow trace.
   *
   * @param filter which packets
   * @param packets after how many packets it ends, 1..1000000
   * @param lines takes the lines, called by the packet workers: must not block
   * @return closes the trace; {@link Trace#isDone()} once the packets are used up
   */
  Trace trace(ListingFilter filter, int packets, Consumer<TraceLine> lines);

  /**
   * The events that are remembered.
   *
   * @param filter which ones
   * @param after {@link EventPage#next} of the page before; 0 for all
   * @param waitMs how long to wait for one if there is none behind that, in milliseconds
   * @return what came behind that, and how many of it are remembered no more
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  EventPage events(EventFilter filter, long after, long waitMs) throws InterruptedException;

  /**
   * What became of announcements and control connections.
   *
   * @param filter which ones
   * @return the oldest first; empty if nothing is known of them
   * @throws ControlException if the workers do not answer in time
   */
  List<StoryRow> explain(StoryFilter filter) throws ControlException;

  /**
   * Reads the configuration file again and puts it in force.
   *
   * @return what changed, one line each
   * @throws ControlException if the file is bad or a change needs a restart; then nothing changed
   */
  List<String> reload() throws ControlException;

  /**
   * Compares what the agent knows with what stands in the kernel: pinholes, and the conntracks of
   * parents.
   *
   * @return the differences that lasted; empty if all is as it should be
   * @throws ControlException if the kernel refuses, or the workers do not answer in time
   */
  List<AuditRow> audit() throws ControlException;

  /**
   * What came of what helpers in mode {@code observe} were told of.
   *
   * @return by helper, and by ranges of ports; what came most is first
   */
  List<ObservedRow> report();

  /** A running flow trace. */
  interface Trace extends AutoCloseable {
    /**
     * Whether all packets asked for were shown.
     *
     * @return true once no line will come any more
     */
    boolean isDone();

    @Override
    void close();
  }
}
