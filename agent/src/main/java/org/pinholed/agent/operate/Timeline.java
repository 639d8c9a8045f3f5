package org.pinholed.agent.operate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.pinholed.agent.view.StoryRow;

/** Puts the steps of a story into the order of their times. Pure. */
final class Timeline {
  private Timeline() {}

  private record Timed(String from, StoryRow.Step step) {}

  /**
   * The steps as they followed each other.
   *
   * @param told in the order of what led to what. One of which nobody knows the time stays behind
   *     the one before it. The end of a pinhole is written down a moment before who used it; it is
   *     told with the time of the use then
   * @return the same steps
   */
  static List<StoryRow.Step> of(List<StoryRow.Step> told) {
    List<Timed> timed = new ArrayList<>(told.size());
    String from = "";
    String used = "";
    for (StoryRow.Step step : told) {
      StoryRow.Step placed = step;
      String time = step.time();
      if (time != null) {
        if (step.step().equals("ended") && time.compareTo(used) < 0) {
          time = used;
          placed = new StoryRow.Step(used, step.step(), step.text());
        } else if (step.step().equals("used")) {
          used = time;
        }
        from = time;
      }
      timed.add(new Timed(from, placed));
    }
    timed.sort(Comparator.comparing(Timed::from));
    return timed.stream().map(Timed::step).toList();
  }
}
