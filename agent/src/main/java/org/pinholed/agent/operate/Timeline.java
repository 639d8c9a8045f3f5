package org.pinholed.agent.operate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.view.StoryRow;

/** Puts the steps of a story into the order of their times. Pure. */
final class Timeline {
  private Timeline() {}

  private record Timed(String from, StoryRow.Step step) {}

  /**
   * The steps as they followed each other.
   *
   * @param told in the order of what led to what. One of which nobody knows the time stays behind
   *     the one before it. The time of the parent is known by its age in seconds: it is told with
   *     that of the next step if it would come later. The end of a pinhole is written down a moment
   *     before who used it; it is told with the time of the use then
   * @return the same steps
   */
  static List<StoryRow.Step> of(List<StoryRow.Step> told) {
    List<Timed> timed = new ArrayList<>(told.size());
    String from = "";
    String used = "";
    for (int i = 0; i < told.size(); i++) {
      StoryRow.Step step = told.get(i);
      if (step.step().equals("parent") && i + 1 < told.size()) {
        step = notAfter(step, told.get(i + 1).time());
      } else if (step.step().equals("ended")) {
        step = notBefore(step, used);
      }
      String time = step.time();
      if (time != null) {
        from = time;
        used = step.step().equals("used") ? time : used;
      }
      timed.add(new Timed(from, step));
    }
    timed.sort(Comparator.comparing(Timed::from));
    return timed.stream().map(Timed::step).toList();
  }

  private static StoryRow.Step notAfter(StoryRow.Step step, @Nullable String limit) {
    String time = step.time();
    return time != null && limit != null && time.compareTo(limit) > 0
        ? new StoryRow.Step(limit, step.step(), step.text())
        : step;
  }

  private static StoryRow.Step notBefore(StoryRow.Step step, String limit) {
    String time = step.time();
    return time != null && time.compareTo(limit) < 0
        ? new StoryRow.Step(limit, step.step(), step.text())
        : step;
  }
}
