package org.pinholed.agent.start;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigKeys;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.agent.worker.WorkerAnswers;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The configuration and the helpers that are in force, and their change while the agent runs.
 *
 * <p>May be read from any thread; changes are made one at a time, which the agent's lock sees to.
 */
final class ConfigInForce {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigInForce.class);

  private final PinholeBackend backend;
  private final ExpectationTable table;
  private final QueueWorkers workers;
  private final WorkerAnswers answers;
  private final Observing observing;
  private volatile AgentConfig config;
  private volatile HelperTable helpers;

  /** Has the kernel tell of more connections than those that are ours. */
  @FunctionalInterface
  interface Observing {
    void observe(boolean all) throws NetlinkException;
  }

  /**
   * Begins with what the workers were made with.
   *
   * @param config the configuration
   * @param helpers its helpers
   * @param backend diverts their ports
   * @param table its limits change
   * @param workers read by the helpers
   * @param answers waits for them
   * @param observing needed while an entry only observes
   */
  ConfigInForce(
      AgentConfig config,
      HelperTable helpers,
      PinholeBackend backend,
      ExpectationTable table,
      QueueWorkers workers,
      WorkerAnswers answers,
      Observing observing) {
    this.observing = observing;
    this.config = config;
    this.helpers = helpers;
    this.backend = backend;
    this.table = table;
    this.workers = workers;
    this.answers = answers;
  }

  AgentConfig config() {
    return config;
  }

  HelperTable helpers() {
    return helpers;
  }

  void addHelper(HelperEntry entry) throws ControlException {
    List<HelperEntry> entries = new ArrayList<>(helpers.entries());
    entries.add(entry);
    putHelpersInForce(entries, config);
  }

  void deleteHelper(int id) throws ControlException {
    requireHelper(id);
    List<HelperEntry> entries = new ArrayList<>(helpers.entries());
    entries.removeIf(entry -> entry.id() == id);
    putHelpersInForce(entries, config);
  }

  void setHelperEnabled(int id, boolean enabled) throws ControlException {
    requireHelper(id);
    List<HelperEntry> entries = new ArrayList<>(helpers.entries());
    entries.replaceAll(entry -> entry.id() == id ? entry.withEnabled(enabled) : entry);
    putHelpersInForce(entries, config);
  }

  private void requireHelper(int id) throws ControlException {
    if (helpers.entries().stream().noneMatch(entry -> entry.id() == id)) {
      throw new ControlException("no helper has the id " + id);
    }
  }

  private void putHelpersInForce(List<HelperEntry> entries, AgentConfig base)
      throws ControlException {
    AgentConfig changed;
    HelperTable newHelpers;
    try {
      changed = base.withHelpers(entries);
      newHelpers = helpers.with(entries, base.limits().stream());
      newHelpers.ofStreams().forEach(base.limits()::withRoomFor);
    } catch (IllegalArgumentException e) {
      throw new ControlException(String.valueOf(e.getMessage()));
    }
    try {
      // Before anything can be announced.
      observing.observe(newHelpers.observes());
    } catch (NetlinkException e) {
      throw new ControlException("the kernel does not tell of all connections: " + e.getMessage());
    }
    // The workers first: a flow on a new port must find its helper, or it would stay unread for
    // good.
    workers.setHelpers(newHelpers, changed.limits());
    try {
      table.holders().setLeased(newHelpers.leased());
      backend.setPorts(newHelpers.ports(), newHelpers.leased());
    } catch (BackendException e) {
      workers.setHelpers(helpers, config.limits());
      throw new ControlException("the kernel did not change the diversion: " + e.getMessage());
    }
    helpers = newHelpers;
    config = changed;
    table.setLimits(changed.limits());
    table.setEntryLimits(newHelpers.entryLimits());
    answers.awaitWork(workers.endWithoutHelper());
    answers.awaitWork(
        workers.endOwned(
            expectation -> newHelpers.entryOf(expectation.owner().helper()) == null,
            AgentEvent.Kind.CLOSED));
    answers.awaitTransaction(workers);
  }

  /**
   * Puts another configuration in force as far as that goes without a restart.
   *
   * @param wanted the other one
   * @return what changed, one line each
   * @throws ControlException if something changed that needs a restart; then nothing is done
   */
  List<String> change(AgentConfig wanted) throws ControlException {
    AgentConfig old = config;
    List<ConfigKeys.Change> changes = ConfigKeys.changes(old, wanted);
    requireNoRestart(changes);
    putHelpersInForce(wanted.helpers(), wanted);
    LOG.info("configuration read again: {}", changes.isEmpty() ? "no change" : changes);
    return changes.stream().map(ConfigKeys.Change::toString).toList();
  }

  private static void requireNoRestart(List<ConfigKeys.Change> changes) throws ControlException {
    List<String> needing =
        changes.stream()
            .filter(change -> !isTakenByReload(change.key()))
            .map(ConfigKeys.Change::toString)
            .toList();
    if (!needing.isEmpty()) {
      throw new ControlException(
          String.join(", ", needing)
              + (needing.size() == 1 ? " needs a restart" : " need a restart")
              + "; nothing was changed");
    }
  }

  private static boolean isTakenByReload(String key) {
    return key.startsWith("helpers[") || key.startsWith("limits.") || key.equals("fail.onStop");
  }
}
