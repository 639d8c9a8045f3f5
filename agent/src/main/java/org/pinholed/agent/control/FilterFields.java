package org.pinholed.agent.control;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.text.Network;

/**
 * Reads the filter of a request, and says so if it names what the agent does not know: an empty
 * answer would look like good news. Thread-safe if the agent's control is.
 */
final class FilterFields {
  private static final Set<String> FIELDS =
      Set.of("policyId", "helper", "parentSerial", "address", "port", "not");

  private final AgentControl control;

  FilterFields(AgentControl control) {
    this.control = control;
  }

  /** Refuses fields that are neither a filter's nor among some others. */
  static void only(JsonFields request, String... others) throws ControlError {
    Set<String> known = new TreeSet<>(FIELDS);
    known.addAll(List.of(others));
    RequestFields.onlyFields(request, known);
  }

  ListingFilter of(JsonFields request) throws ControlError, ControlException {
    String serial = RequestFields.textOrNull(request, "parentSerial");
    if (serial != null && !serial.matches("[0-9a-fA-F]{8}")) {
      throw RequestFields.bad(
          "parentSerial: " + RequestFields.cut(serial) + " (expected: 8 hex digits)");
    }
    ListingFilter filter;
    try {
      filter =
          new ListingFilter(
              RequestFields.wholeOrNull(request, "policyId", 0, Integer.MAX_VALUE),
              RequestFields.textOrNull(request, "helper"),
              serial == null ? null : serial.toLowerCase(Locale.ROOT),
              network(request),
              RequestFields.wholeOrNull(request, "port", 1, 65535),
              not(request));
    } catch (IllegalArgumentException e) {
      throw RequestFields.bad(String.valueOf(e.getMessage()));
    }
    requireKnownHelper(filter);
    return filter;
  }

  private static @Nullable Network network(JsonFields request) throws ControlError {
    String text = RequestFields.textOrNull(request, "address");
    if (text == null) {
      return null;
    }
    Network network = Network.parse(text);
    if (network == null) {
      throw RequestFields.bad(
          "address: "
              + RequestFields.cut(text)
              + " (expected: a numeric IPv4 or IPv6 address, or a network such as 192.0.2.0/24)");
    }
    return network;
  }

  private static Set<ListingFilter.Field> not(JsonFields request) throws ControlError {
    Set<ListingFilter.Field> fields = EnumSet.noneOf(ListingFilter.Field.class);
    Object given = request.value("not");
    if (given != null && !(given instanceof List<?>)) {
      throw RequestFields.bad("not: (expected: a list of fields)");
    }
    for (Object word : request.list("not")) {
      ListingFilter.Field meant = null;
      for (ListingFilter.Field field : ListingFilter.Field.values()) {
        if (ListingFilter.word(field).equals(word)) {
          meant = field;
        }
      }
      if (meant == null) {
        throw RequestFields.bad(
            "not: "
                + RequestFields.cut(String.valueOf(word))
                + " (expected: policy, helper, parent, address or port)");
      }
      fields.add(meant);
    }
    return fields;
  }

  private void requireKnownHelper(ListingFilter filter) throws ControlException {
    String helper = filter.helper();
    Set<String> known = new TreeSet<>();
    for (HelperEntry entry : control.helpers()) {
      known.add(entry.name());
    }
    if (helper != null && !known.contains(helper)) {
      throw new ControlException(
          "helper: "
              + RequestFields.cut(helper)
              + " is none of the configured helpers ("
              + String.join(", ", known)
              + ")");
    }
  }

  /**
   * Refuses a serial that no parent has and no expectation names.
   *
   * @param filter of a listing that has no rows, or of a clear
   * @throws ControlException with what to ask instead
   */
  void requireKnownParent(ListingFilter filter) throws ControlException {
    String serial = filter.parentSerial();
    if (serial == null || filter.not().contains(ListingFilter.Field.PARENT)) {
      return;
    }
    ListingFilter parent = new ListingFilter(null, null, serial);
    if (control.sessions(parent).isEmpty() && control.expectations(parent).isEmpty()) {
      throw new ControlException(
          "no control connection has the serial "
              + serial
              + " now (pinholectl sessions lists them, pinholectl explain "
              + serial
              + " tells of one that ended)");
    }
  }
}
