package org.pinholed.agent.pinhole;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * Does nothing but ask another backend: for those that stand before one and change a part of it. As
 * thread-safe as the other one.
 */
public class ForwardingBackend implements PinholeBackend {
  private final PinholeBackend next;

  /**
   * Makes it.
   *
   * @param next is asked, owned by this backend from now on
   */
  protected ForwardingBackend(PinholeBackend next) {
    this.next = next;
  }

  /** The same for the way of one thread. */
  protected static class ForwardingSession implements Session {
    private final Session next;

    /**
     * Makes it.
     *
     * @param next is asked, and closed with this session
     */
    protected ForwardingSession(Session next) {
      this.next = next;
    }

    @Override
    public List<Pinhole> apply(
        List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
        throws BackendException {
      return next.apply(close, open, rewritten);
    }

    @Override
    public void renew(List<Pinhole> pinholes) throws BackendException {
      next.renew(pinholes);
    }

    @Override
    public boolean stands(Pinhole pinhole) throws BackendException {
      return next.stands(pinhole);
    }

    @Override
    public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination)
        throws BackendException {
      return next.originOf(source, destination);
    }

    @Override
    public List<OwnedPinhole> listOwned() throws BackendException {
      return next.listOwned();
    }

    @Override
    public void close() {
      next.close();
    }
  }

  @Override
  public Session openSession() throws BackendException {
    return next.openSession();
  }

  @Override
  public Map<String, String> probe() {
    return next.probe();
  }

  @Override
  public void install(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    next.install(ports, leased);
  }

  @Override
  public void setPorts(Collection<HelperPort> ports, Collection<PortRange> leased)
      throws BackendException {
    next.setPorts(ports, leased);
  }

  @Override
  public boolean limitsConnections() {
    return next.limitsConnections();
  }

  @Override
  public int queueOf(int conntrackId) {
    return next.queueOf(conntrackId);
  }

  @Override
  public void remove() throws BackendException {
    next.remove();
  }

  @Override
  public boolean leavesZonesAlone() throws BackendException {
    return next.leavesZonesAlone();
  }

  @Override
  public boolean expects() {
    return next.expects();
  }

  @Override
  public boolean expectsForSequenceAdjustment(int protocol, int destinationPort) {
    return next.expectsForSequenceAdjustment(protocol, destinationPort);
  }

  @Override
  public void withdrawSequenceAdjustment() throws BackendException {
    next.withdrawSequenceAdjustment();
  }

  @Override
  public void withdrawExpectations() throws BackendException {
    next.withdrawExpectations();
  }

  @Override
  public void recheck(long nowNs) throws BackendException {
    next.recheck(nowNs);
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) throws BackendException {
    return next.repair(alive);
  }

  @Override
  public void watch(Runnable changed, Runnable newsLost) throws BackendException {
    next.watch(changed, newsLost);
  }

  @Override
  public void tellOfAcceptRule(Consumer<AcceptRuleState> told) {
    next.tellOfAcceptRule(told);
  }

  @Override
  public AcceptRuleState acceptRule() {
    return next.acceptRule();
  }

  @Override
  public String watchProblem() {
    return next.watchProblem();
  }

  @Override
  public void close() {
    next.close();
  }
}
