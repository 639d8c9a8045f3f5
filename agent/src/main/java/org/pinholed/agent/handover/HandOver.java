package org.pinholed.agent.handover;

import java.util.List;
import org.pinholed.agent.expectation.KeptOwner;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.shared.SharedEntry;

/**
 * What a process that stops leaves to the next one, so that no packet is lost or passes unread in
 * between. Everything else the next one finds in the kernel.
 *
 * @param processId the process that stops
 * @param queues its packet queues, which hold the packets that come meanwhile
 * @param flows its flows
 * @param halfOpen its flows that have not sent a byte yet
 * @param beyond what outlives flows
 */
public record HandOver(
    long processId,
    List<Queue> queues,
    List<FlowState> flows,
    HalfOpenState halfOpen,
    Beyond beyond) {
  /**
   * What outlives flows.
   *
   * @param shared what the flows of each protocol share
   * @param announced what owners beyond flows announced and is not open yet
   * @param children what announced the children that are read, whose pinholes may be used up
   * @param owners how long owners beyond flows live at most
   */
  public record Beyond(
      List<SharedEntry> shared,
      List<Pinhole> announced,
      List<ReadChild> children,
      List<KeptOwner> owners) {
    /** Nothing. */
    public static final Beyond NOTHING = new Beyond(List.of(), List.of(), List.of(), List.of());
  }

  /** Nobody left anything. */
  public static final HandOver NOTHING =
      new HandOver(0, List.of(), List.of(), HalfOpenState.NONE, Beyond.NOTHING);

  /**
   * A packet queue.
   *
   * @param number its number
   * @param descriptor its socket, a file descriptor of this process
   */
  public record Queue(int number, int descriptor) {}

  /** Asks the process before this one, if there is one. */
  public interface Source {
    /**
     * Makes the other process stop reading and hand over. Called once, when everything that can be
     * prepared is.
     *
     * @return what it left
     * @throws java.io.IOException if it did not hand over
     */
    HandOver take() throws java.io.IOException;
  }
}
