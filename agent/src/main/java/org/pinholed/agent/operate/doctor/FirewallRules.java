package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;
import org.pinholed.agent.operate.doctor.DoctorProbe.IptablesRules;

/**
 * The firewall's rules that let pinholes work: which are missing, putting them in, taking them out.
 *
 * <p>What is missing is what {@link Doctor} finds, and the lines are those that it prints, with a
 * comment by which they are found again. So a rule that somebody wrote by hand counts, and nothing
 * is put in that stands already.
 */
public final class FirewallRules {
  /** The comment of each rule that is put in. */
  static final String COMMENT = "pinholed";

  /** How the comment begins that the script for nftables writes; the other one writes the same. */
  private static final String SCRIPT_COMMENT = "pinholed: children of pinholes";

  private final DoctorProbe probe;
  private final DoctorSettings settings;

  /**
   * Makes it.
   *
   * @param probe the machine
   * @param settings what the agent is configured for
   */
  public FirewallRules(DoctorProbe probe, DoctorSettings settings) {
    this.probe = probe;
    this.settings = settings;
  }

  /**
   * What a look found.
   *
   * @param inForce which front ends have rules here
   * @param findings what the rules do with control connections and children of pinholes
   * @param lines what to type; none if nothing is missing, or if typing does not help
   * @param lasting how they last
   */
  public record Look(
      Set<FrontEnd> inForce, List<Finding> findings, List<String> lines, List<Finding> lasting) {
    /**
     * Copies the lists.
     *
     * @param inForce as above
     * @param findings as above
     * @param lines as above
     * @param lasting as above
     */
    public Look {
      inForce = inForce.isEmpty() ? Set.of() : EnumSet.copyOf(inForce);
      findings = List.copyOf(findings);
      lines = List.copyOf(lines);
      lasting = List.copyOf(lasting);
    }

    /**
     * The front ends in words.
     *
     * @return for example {@code iptables-nft, ufw}; {@code none} if there are no rules
     */
    public String inForceWords() {
      return words(inForce);
    }

    /**
     * Whether nothing is missing.
     *
     * @return false if pinholes do not work, or not all of them
     */
    public boolean stands() {
      return lines.isEmpty()
          && findings.stream().noneMatch(finding -> finding.level() == Finding.Level.FAIL);
    }
  }

  /**
   * Looks what is missing.
   *
   * @param only rules of this front end alone; null for all
   * @param controlPorts whether control connections are to be let in, too
   * @return what was found
   */
  public Look look(@Nullable FrontEnd only, boolean controlPorts) {
    FirewallTables tables = FirewallTables.read(probe, settings);
    Finding problem = tables.problem();
    if (problem != null) {
      return new Look(Set.of(), List.of(problem), List.of(), List.of());
    }
    Set<FrontEnd> inForce = EnumSet.noneOf(FrontEnd.class);
    List<Ruleset> rulesets = new ArrayList<>();
    for (Ruleset table : tables.rulesets()) {
      Set<FrontEnd> ofTable = tables.frontEndsOf(table);
      inForce.addAll(ofTable);
      if (only == null || ofTable.contains(only)) {
        rulesets.add(table);
      }
    }
    if (only != null && !inForce.contains(only)) {
      return new Look(
          inForce,
          List.of(
              Finding.fail(
                  "frontEnd",
                  "no rules of " + only.word() + " are here (in force: " + words(inForce) + ")")),
          List.of(),
          List.of());
    }
    List<Finding> findings = new ArrayList<>();
    if (controlPorts) {
      findings.addAll(ControlPortCheck.of(rulesets, probe.devices(), settings, true));
    }
    findings.addAll(
        AcceptRuleCheck.of(
            rulesets, new ChildPaths(rulesets, probe.devices(), settings), settings));
    Set<String> lines = new LinkedHashSet<>();
    for (Finding finding : findings) {
      if (finding.level() == Finding.Level.FAIL || finding.level() == Finding.Level.WARN) {
        finding.advice().forEach(line -> lines.add(RuleAdvice.withComment(line, COMMENT)));
      }
    }
    List<String> typed = List.copyOf(lines);
    return new Look(
        inForce,
        findings,
        typed,
        typed.isEmpty()
            ? List.of()
            : FirewallPrograms.advice(tables.with(rulesets), typed, settings));
  }

  private static String words(Set<FrontEnd> frontEnds) {
    return frontEnds.isEmpty()
        ? "none"
        : frontEnds.stream().sorted().map(FrontEnd::word).collect(Collectors.joining(", "));
  }

  /**
   * Runs one of the lines.
   *
   * @param line as {@link #look} or {@link #removal} gave it
   * @return why it failed; empty if it did not
   */
  public static String run(String line) {
    // nft takes its command as it is written, with quotes; iptables word by word
    Answer answer =
        line.startsWith("nft ")
            ? FirewallTool.run("nft", line.substring("nft ".length()))
            : FirewallTool.run(line.split(" "));
    return answer.problem();
  }

  /**
   * What takes out again what was put in. Rules that somebody wrote by hand are left alone. To be
   * asked again until there is none: tables of iptables may show in nftables, too.
   *
   * @return what to type; empty if nothing is left
   */
  public List<String> removal() {
    List<String> lines = new ArrayList<>();
    for (int family : new int[] {4, 6}) {
      for (IptablesRules rules : probe.iptablesRules(family)) {
        iptablesRemoval(rules, lines);
      }
    }
    return lines.isEmpty() ? nftRemoval() : lines;
  }

  private static void iptablesRemoval(IptablesRules rules, List<String> into) {
    String table = "filter";
    for (String line : rules.text().lines().toList()) {
      if (line.startsWith("*")) {
        table = line.substring(1);
      } else if (line.startsWith("-A ") && (line + " ").contains(" --comment " + COMMENT + " ")) {
        into.add(rules.tool() + " -t " + table + " -D " + line.substring("-A ".length()));
      }
    }
  }

  private List<String> nftRemoval() {
    Answer answer = probe.nftRuleset();
    List<String> lines = new ArrayList<>();
    try {
      if (answer.isThere() && ControlJson.readValue(answer.text()) instanceof JsonFields root) {
        for (Object element : root.list("nftables")) {
          if (element instanceof JsonFields item
              && item.value("rule") instanceof JsonFields rule
              && isOurs(rule.text("comment"))) {
            lines.add(
                "nft delete rule "
                    + rule.text("family")
                    + " "
                    + rule.text("table")
                    + " "
                    + rule.text("chain")
                    + " handle "
                    + rule.text("handle"));
          }
        }
      }
    } catch (IOException e) {
      return List.of(); // a ruleset that cannot be read is a finding of the look
    }
    return lines;
  }

  private static boolean isOurs(String comment) {
    return comment.equals(COMMENT) || comment.startsWith(SCRIPT_COMMENT);
  }
}
