package org.pinholed.agent.config;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.ConfigNode.Kind;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.reader.StreamReader;

/**
 * Turns YAML into {@link ConfigNode}s, each with its line. Works on parser events, so nothing of
 * the file is ever expanded: aliases, tags and further documents are refused, and nesting ends at
 * {@value #MAX_DEPTH}.
 */
final class ConfigReader {
  private static final int MAX_DEPTH = 8;
  // YAML 1.1 takes yes, no, on and off for booleans; here they are words like any other.
  private static final YAMLFactory FACTORY =
      new YAMLFactory().enable(YAMLParser.Feature.PARSE_BOOLEAN_LIKE_WORDS_AS_STRINGS);

  private final String name;
  private final YAMLParser parser;

  private ConfigReader(String name, YAMLParser parser) {
    this.name = name;
    this.parser = parser;
  }

  // The root of the text; an empty map for an empty file.
  static ConfigNode read(String name, String text) throws ConfigException {
    requirePrintable(name, text);
    try (YAMLParser parser = FACTORY.createParser(text)) {
      ConfigReader reader = new ConfigReader(name, parser);
      JsonToken token = parser.nextToken();
      if (token == null) {
        return ConfigNode.absentSection(1);
      }
      ConfigNode root = reader.value(token, reader.line(), 0);
      if (root.kind() == Kind.NULL) {
        root = ConfigNode.absentSection(root.line());
      }
      if (parser.nextToken() != null) {
        throw reader.refused("a second document (expected: one)");
      }
      return root;
    } catch (JacksonException e) {
      throw notYaml(name, e);
    } catch (IOException e) {
      throw new ConfigException(name + ": cannot be read: " + e.getMessage());
    }
  }

  private ConfigNode value(JsonToken token, int line, int depth)
      throws IOException, ConfigException {
    refuseReferences();
    if (depth > MAX_DEPTH) {
      throw refused("nested deeper than " + MAX_DEPTH + " levels");
    }
    return switch (token) {
      case START_OBJECT -> map(line, depth);
      case START_ARRAY -> list(line, depth);
      case VALUE_TRUE, VALUE_FALSE -> ConfigNode.scalar(Kind.BOOLEAN, line, parser.getText());
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
          ConfigNode.scalar(Kind.NUMBER, line, parser.getText());
      case VALUE_NULL -> ConfigNode.scalar(Kind.NULL, line, "");
      default -> ConfigNode.scalar(Kind.TEXT, line, parser.getText());
    };
  }

  private ConfigNode map(int line, int depth) throws IOException, ConfigException {
    Map<String, ConfigNode> children = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      refuseReferences();
      String key = parser.currentName();
      int keyLine = line();
      ConfigNode earlier = children.get(key);
      if (earlier != null) {
        throw refused(
            ConfigNode.shown(key)
                + ": key is there twice (expected: once; see line "
                + earlier.line()
                + ")");
      }
      children.put(key, value(parser.nextToken(), keyLine, depth + 1));
    }
    return new ConfigNode(Kind.MAP, line, "", Collections.unmodifiableMap(children), List.of());
  }

  private ConfigNode list(int line, int depth) throws IOException, ConfigException {
    List<ConfigNode> items = new ArrayList<>();
    JsonToken token = parser.nextToken();
    while (token != JsonToken.END_ARRAY) {
      items.add(value(token, line(), depth + 1));
      token = parser.nextToken();
    }
    return new ConfigNode(Kind.LIST, line, "", Map.of(), List.copyOf(items));
  }

  /** Aliases are how a small file becomes a large one; nothing here needs them. */
  private void refuseReferences() throws IOException, ConfigException {
    if (parser.isCurrentAlias()) {
      throw refused("an alias (expected: plain values)");
    }
    if (parser.getTypeId() != null) {
      throw refused("a tag (expected: plain values)");
    }
  }

  private int line() {
    return parser.currentTokenLocation().getLineNr();
  }

  private ConfigException refused(String message) {
    return new ConfigException(name + ":" + line() + ": " + message);
  }

  private static ConfigException notYaml(String name, JacksonException e) {
    int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
    @Nullable String problem = e.getOriginalMessage();
    if (e.getCause() instanceof MarkedYAMLException marked) {
      problem =
          marked.getContext() == null
              ? marked.getProblem()
              : marked.getContext() + ", " + marked.getProblem();
      if (marked.getProblemMark() != null) {
        line = marked.getProblemMark().getLine() + 1;
      }
    }
    String firstLine = problem == null ? "" : problem.lines().findFirst().orElse("");
    return new ConfigException(name + ":" + Math.max(1, line) + ": not YAML: " + firstLine);
  }

  private static void requirePrintable(String name, String text) throws ConfigException {
    int line = 1;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      if (!StreamReader.isPrintable(c)) {
        throw new ConfigException(
            String.format("%s:%d: character U+%04X (expected: printable text)", name, line, c));
      }
      if (c == '\n') {
        line++;
      }
      i += Character.charCount(c);
    }
  }
}
