package org.pinholed.agent.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.config.ConfigLoader;
import org.pinholed.agent.config.Memory;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.dcerpc.DceRpcProtocol;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;

/** The configuration of an agent, for commands that need none that runs. */
final class GivenConfig {
  static final Path DEFAULT_FILE = Path.of("/etc/pinholed/pinholed.yaml");

  /** What the program can read. */
  static final List<HelperProtocol> PROTOCOLS =
      List.of(new FtpProtocol(), new SipProtocol(), new DceRpcProtocol());

  private static final ConfigLoader LOADER = new ConfigLoader(PROTOCOLS, Memory.NOT_THIS_PROCESS);

  private GivenConfig() {}

  /** Whether built-in values are to be taken: nobody named a file, and there is none. */
  static boolean isBuiltIn(Path file) {
    return file == DEFAULT_FILE && !Files.exists(file);
  }

  /** The built-in values. */
  static AgentConfig builtIn() throws ConfigException {
    return LOADER.parse("built-in", "");
  }

  /**
   * Reads the text of a configuration.
   *
   * @param name what messages call it
   * @param yaml the text
   * @throws ConfigException for an operator
   */
  static AgentConfig parse(String name, String yaml) throws ConfigException {
    return LOADER.parse(name, yaml);
  }

  /**
   * Reads a configuration.
   *
   * @param file {@link #DEFAULT_FILE}, the very object, if nobody named one
   * @throws ConfigException for an operator
   */
  static AgentConfig of(Path file) throws ConfigException {
    return isBuiltIn(file) ? builtIn() : LOADER.load(file);
  }
}
