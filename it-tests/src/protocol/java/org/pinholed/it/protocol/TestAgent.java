package org.pinholed.it.protocol;

import java.util.List;
import org.pinholed.agent.Pinholed;
import org.pinholed.helper.dcerpc.DceRpcProtocol;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;

/** The program {@code pinholed} with one more protocol. */
public final class TestAgent {
  private TestAgent() {}

  /**
   * Runs the program.
   *
   * @param args its command line
   */
  public static void main(String[] args) {
    System.exit(
        Pinholed.run(
            List.of(new FtpProtocol(), new SipProtocol(), new DceRpcProtocol(), new LabProtocol()),
            args));
  }
}
