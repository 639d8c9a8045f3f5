package org.pinholed.agent.handover;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.nat.TranslatedState;

/** What was changed, and will be, in one direction of a translated flow, as JSON. */
final class TranslatedText {
  private TranslatedText() {}

  /** Writes what is known of one direction; null for null. */
  static @Nullable JsonFields write(@Nullable TranslatedState state) {
    if (state == null) {
      return null;
    }
    List<JsonFields> made = new ArrayList<>();
    for (TranslatedState.Group group : state.made()) {
      made.add(
          new JsonFields()
              .with("acknowledged", group.acknowledged())
              .with("edits", writeEdits(group.edits())));
    }
    return new JsonFields()
        .with("released", state.released())
        .with("made", made)
        .with("planned", writeEdits(state.planned()))
        .with("hold", write(state.hold()));
  }

  private static @Nullable JsonFields write(TranslatedState.@Nullable Hold hold) {
    if (hold == null) {
      return null;
    }
    List<JsonFields> laid = new ArrayList<>();
    for (TranslatedState.Laid text : hold.laid()) {
      laid.add(
          new JsonFields()
              .with("from", text.from())
              .with("to", text.to())
              .with("place", text.place())
              .with("growth", text.growth())
              .with("shiftAcknowledged", text.shiftAcknowledged())
              .with("text", text.text()));
    }
    return new JsonFields()
        .with("awaited", hold.awaited())
        .with("passing", hold.passing())
        .with("begun", hold.begun())
        .with("laid", laid);
  }

  private static List<JsonFields> writeEdits(List<TranslatedState.Edit> edits) {
    return edits.stream()
        .map(
            edit ->
                new JsonFields()
                    .with("from", edit.from())
                    .with("lengthBytes", edit.lengthBytes())
                    .with("replacement", edit.replacement())
                    .with("message", edit.message()))
        .toList();
  }

  /** Reads what {@link #write} wrote; null if it is not there. */
  static @Nullable TranslatedState read(JsonFields flow, String name) {
    if (flow.value(name) == null) {
      return null;
    }
    JsonFields fields = flow.object(name);
    List<TranslatedState.Group> made = new ArrayList<>();
    for (JsonFields group : HandOverText.objects(fields, "made")) {
      made.add(new TranslatedState.Group(group.flag("acknowledged"), readEdits(group, "edits")));
    }
    return new TranslatedState(
        fields.number("released"), made, readEdits(fields, "planned"), readHold(fields));
  }

  private static TranslatedState.@Nullable Hold readHold(JsonFields translated) {
    if (translated.value("hold") == null) {
      return null;
    }
    JsonFields fields = translated.object("hold");
    List<TranslatedState.Laid> laid = new ArrayList<>();
    for (JsonFields text : HandOverText.objects(fields, "laid")) {
      laid.add(
          new TranslatedState.Laid(
              text.number("from"),
              text.number("to"),
              text.number("place"),
              (int) text.number("growth"),
              text.flag("shiftAcknowledged"),
              text.value("text") == null ? null : text.text("text")));
    }
    return new TranslatedState.Hold(
        fields.number("awaited"), fields.number("passing"), fields.number("begun"), laid);
  }

  private static List<TranslatedState.Edit> readEdits(JsonFields fields, String name) {
    List<TranslatedState.Edit> edits = new ArrayList<>();
    for (JsonFields edit : HandOverText.objects(fields, name)) {
      edits.add(
          new TranslatedState.Edit(
              edit.number("from"),
              (int) edit.number("lengthBytes"),
              edit.text("replacement"),
              edit.number("message")));
    }
    return edits;
  }
}
