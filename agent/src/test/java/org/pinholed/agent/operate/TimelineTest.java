package org.pinholed.agent.operate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.view.StoryRow.Step;

class TimelineTest {
  private static Step at(@Nullable String second, String step) {
    String time = second == null ? null : "2026-11-27T18:57:" + second + ".000000Z";
    return new Step(time, step, "");
  }

  @Test
  void aChildThatEndedLater_isToldBehindItsPinhole() {
    assertEquals(
        List.of(at("26", "used"), at("27", "ended"), at("40", "traffic")),
        Timeline.of(List.of(at("26", "used"), at("40", "traffic"), at("27", "ended"))));
  }

  @Test
  void theEndThatWasWrittenDownBeforeTheUse_isToldWithItsTime() {
    assertEquals(
        List.of(at("26", "used"), at(null, "traffic"), at("26", "ended")),
        Timeline.of(List.of(at("26", "used"), at(null, "traffic"), at("25", "ended"))));
  }

  @Test
  void theParentWhoseAgeIsKnownInSeconds_isToldFirst() {
    assertEquals(
        List.of(at("10", "parent"), at("10", "announced"), at("11", "pinhole")),
        Timeline.of(List.of(at("11", "parent"), at("10", "announced"), at("11", "pinhole"))));
  }

  @Test
  void aStepWithoutATime_staysBehindTheOneBeforeIt() {
    List<Step> told =
        List.of(at(null, "parent"), at("10", "announced"), at(null, "used"), at(null, "now"));
    assertEquals(told, Timeline.of(told));
  }
}
