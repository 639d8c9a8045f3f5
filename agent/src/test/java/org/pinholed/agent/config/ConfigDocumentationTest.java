package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.dcerpc.DceRpcProtocol;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;

class ConfigDocumentationTest {
  private static final Path PAGE = Path.of("..", "docs", "configuration.md");
  private static final Pattern KEY_ROW =
      Pattern.compile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| ([^|]+) \\| (reload|restart) \\|$");
  private static final Pattern OPTION_ROW =
      Pattern.compile("(?m)^\\| `(\\w+)` \\| [^|]+ \\| [^|]+ \\|$");
  private static final ConfigLoader LOADER = new ConfigLoader(protocols(), Memory.NOT_THIS_PROCESS);

  @Test
  void everyKey_isDocumented_andNoOther() throws IOException {
    assertEquals(new TreeSet<>(ConfigLoader.knownKeys()), new TreeSet<>(documented().keySet()));
  }

  @Test
  void everyDocumentedDefault_isTheDefault() throws IOException, ConfigException {
    StringBuilder yaml = new StringBuilder();
    for (Map.Entry<String, String> row : documented().entrySet()) {
      String key = row.getKey();
      String value = row.getValue().replace("`", "");
      int dot = key.indexOf('.');
      if (key.startsWith("helpers")) {
        continue;
      }
      // A file with each key alone, so that one default cannot hide another.
      yaml.setLength(0);
      if (dot < 0) {
        yaml.append(key).append(": ").append(value);
      } else {
        yaml.append(key, 0, dot).append(":\n  ").append(key, dot + 1, key.length());
        yaml.append(": ").append(value);
      }
      assertEquals(AgentConfig.DEFAULT, LOADER.parse(key, yaml.toString()), key);
    }
  }

  static List<HelperProtocol> protocols() {
    return List.of(new FtpProtocol(), new SipProtocol(), new DceRpcProtocol());
  }

  @ParameterizedTest
  @MethodSource("protocols")
  void everyOption_isDocumented_andNoOther(HelperProtocol protocol) throws IOException {
    Set<String> options = new TreeSet<>();
    Matcher row = OPTION_ROW.matcher(optionsOf(protocol));
    while (row.find()) {
      options.add(row.group(1));
    }
    assertEquals(new TreeSet<>(protocol.options().keySet()), options);
  }

  private static String optionsOf(HelperProtocol protocol) throws IOException {
    String page = Files.readString(PAGE);
    int begin = page.indexOf("Options of `" + protocol.name() + "`");
    int end = page.indexOf("\nOptions of `", begin);
    return page.substring(begin, end < 0 ? page.indexOf("\n## ", begin) : end);
  }

  static List<Arguments> protocolsWithDefaults() {
    return List.of(
        Arguments.of(new SipProtocol(), Set.of("mediaNetworks", "deniedPorts")),
        Arguments.of(
            new DceRpcProtocol(),
            Set.of(
                "deniedInterfaces",
                "foreignNetworks",
                "deniedPorts",
                "learnedNetworks",
                "leaseNetworks")));
  }

  /** Each default of the page, where it is a value, is taken and changes nothing. */
  @ParameterizedTest
  @MethodSource("protocolsWithDefaults")
  void everyDocumentedDefault_isTaken(HelperProtocol protocol, Set<String> withoutAValue)
      throws IOException, ConfigException {
    Matcher row =
        Pattern.compile("(?m)^\\| `(\\w+)` \\| [^|]+ \\| `([^`|]+)` \\|$")
            .matcher(optionsOf(protocol));
    Set<String> options = new TreeSet<>(withoutAValue);
    while (row.find()) {
      String option = row.group(1) + ": " + row.group(2);
      udp(protocol, option);
      assertTrue(protocol.options().getOrDefault(row.group(1), "").contains(row.group(2)), option);
      options.add(row.group(1));
    }
    assertEquals(new TreeSet<>(protocol.options().keySet()), options);
  }

  private static void udp(HelperProtocol protocol, String option) throws ConfigException {
    String entry = "helpers:\n- {id: 1, name: %s, protocol: udp, port: 5060, options: {%s}}";
    LOADER.parse("f", entry.formatted(protocol.name(), option));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "activeOpen: command",
        "fxpNetworks: [192.0.2.0/24, \"2001:db8::/32\"]",
        "deniedPorts: [3306, 6000-6063]"
      })
  void theOptionsOfThePage_areTaken(String option) throws ConfigException {
    LOADER.parse(
        "f", "helpers:\n- {id: 1, name: ftp, protocol: tcp, port: 21, options: {" + option + "}}");
  }

  @Test
  void theFileOfTheDistribution_saysNoMoreThanTheDefault() throws ConfigException {
    assertEquals(
        AgentConfig.DEFAULT, LOADER.load(Path.of("src", "main", "dist", "etc", "pinholed.yaml")));
  }

  @Test
  void theFileOfTheDistribution_isGoodWithEverythingSwitchedOn()
      throws IOException, ConfigException {
    Path file = Path.of("src", "main", "dist", "etc", "pinholed.yaml");
    String on = Files.readString(file).replaceAll("(?m)^#(\\s*(- )?\\w+:)", "$1");
    AgentConfig config = LOADER.parse("pinholed.yaml", on);
    assertEquals(4, config.helpers().size());
    assertEquals("adm", config.control().group());
    assertEquals("/var/log/pinholed/events.jsonl", config.eventLog().file());
  }

  private static Map<String, String> documented() throws IOException {
    Map<String, String> keys = new TreeMap<>();
    Matcher row = KEY_ROW.matcher(Files.readString(PAGE));
    while (row.find()) {
      keys.put(row.group(1), row.group(2));
    }
    return keys;
  }
}
