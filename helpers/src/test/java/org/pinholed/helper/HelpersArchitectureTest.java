package org.pinholed.helper;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;

@AnalyzeClasses(
    packages = "org.pinholed.helper",
    importOptions = ImportOption.DoNotIncludeTests.class)
class HelpersArchitectureTest {
  private static final String SIP = "org.pinholed.helper.sip.";
  private static final String DCERPC = "org.pinholed.helper.dcerpc.";

  private static final Set<String> ALLOWED_OF_JAVA_NET =
      Set.of(
          "java.net.InetAddress",
          "java.net.Inet4Address",
          "java.net.Inet6Address",
          "java.net.UnknownHostException");

  private static final DescribedPredicate<JavaClass> IO =
      describe(
          "do I/O or tell the time",
          type -> {
            String name = type.getName();
            boolean net = name.startsWith("java.net.") && !ALLOWED_OF_JAVA_NET.contains(name);
            return net
                || (name.startsWith("java.io.") && !name.equals("java.io.Serializable"))
                || name.startsWith("java.nio.file.")
                || name.startsWith("java.nio.channels.")
                || name.startsWith("java.util.logging.")
                || name.startsWith("java.util.concurrent.")
                || (name.startsWith("java.time.") && !name.equals("java.time.Duration"))
                || name.equals("java.util.Date")
                || name.equals("java.lang.Thread");
          });

  @ArchTest
  static final ArchRule pureJava =
      classes()
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage("java..", "org.jspecify.annotations..", "org.pinholed.helper..");

  @ArchTest static final ArchRule noInputOutput = noClasses().should().dependOnClassesThat(IO);

  @ArchTest
  static final ArchRule noClock =
      noClasses()
          .should()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(System.class, "nanoTime");

  @ArchTest
  static final ArchRule noNameServer =
      noClasses()
          .should()
          .callMethod(java.net.InetAddress.class, "getByName", String.class)
          .orShould()
          .callMethod(java.net.InetAddress.class, "getAllByName", String.class)
          .orShould()
          .callMethod(java.net.InetAddress.class, "getHostName")
          .orShould()
          .callMethod(java.net.InetAddress.class, "getCanonicalHostName");

  @ArchTest
  static final ArchRule noCycles =
      slices().matching("org.pinholed.(*)..").should().beFreeOfCycles();

  /** What all protocols use knows none of them; a protocol may use text and streams. */
  @ArchTest
  static final ArchRule whatIsSharedKnowsNoProtocol =
      classes()
          .that()
          .resideInAPackage("org.pinholed.helper.stream")
          .or()
          .resideInAPackage("org.pinholed.helper.text")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "java..",
              "org.jspecify.annotations..",
              "org.pinholed.helper",
              "org.pinholed.helper.stream",
              "org.pinholed.helper.text");

  @ArchTest
  static final ArchRule streamsAndTextDoNotKnowEachOther =
      slices().matching("org.pinholed.helper.(stream|text)").should().notDependOnEachOther();

  @ArchTest
  static final ArchRule theSpiKnowsNothingButItself =
      classes()
          .that()
          .resideInAPackage("org.pinholed.helper")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage("java..", "org.jspecify.annotations..", "org.pinholed.helper");

  /** Bytes are read below, calls are judged in the middle, flows are put together at the top. */
  @ArchTest
  static final ArchRule theRoomsOfSip =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("org.pinholed.helper.sip..")
          .layer("flow")
          .definedBy("org.pinholed.helper.sip")
          .layer("rules")
          .definedBy(SIP + "call", SIP + "registration", SIP + "rewrite")
          .layer("policy")
          .definedBy(SIP + "policy")
          .layer("bytes")
          .definedBy(SIP + "message", SIP + "sdp")
          .layer("words")
          .definedBy(SIP + "words")
          .whereLayer("flow")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("rules")
          .mayOnlyBeAccessedByLayers("flow")
          .whereLayer("policy")
          .mayOnlyBeAccessedByLayers("flow", "rules")
          .whereLayer("bytes")
          .mayOnlyBeAccessedByLayers("flow", "rules", "policy");

  @ArchTest
  static final ArchRule callsRegistrationsAndRewritingDoNotKnowEachOther =
      slices().matching(SIP + "(call|registration|rewrite)").should().notDependOnEachOther();

  @ArchTest
  static final ArchRule messagesAndDescriptionsDoNotKnowEachOther =
      slices().matching(SIP + "(message|sdp)").should().notDependOnEachOther();

  /** So that a cursor that counts sees all that a helper reads. */
  @ArchTest
  static final ArchRule helpersReadThroughTheCursorOnly =
      noClasses().should().callMethod(ByteCursor.class, "buffer");

  /** Bytes are read below, calls are put together in the middle, ports are opened above them. */
  @ArchTest
  static final ArchRule theRoomsOfDceRpc =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("org.pinholed.helper.dcerpc..")
          .layer("flow")
          .definedBy("org.pinholed.helper.dcerpc")
          .layer("opening")
          .definedBy(DCERPC + "opening")
          .layer("call")
          .definedBy(DCERPC + "call")
          .layer("messages")
          .definedBy(DCERPC + "mapper", DCERPC + "activation")
          .layer("bytes")
          .definedBy(DCERPC + "pdu", DCERPC + "stub")
          .layer("words")
          .definedBy(DCERPC + "words")
          .whereLayer("flow")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("opening")
          .mayOnlyBeAccessedByLayers("flow")
          .whereLayer("call")
          .mayOnlyBeAccessedByLayers("flow", "opening")
          .whereLayer("messages")
          .mayOnlyBeAccessedByLayers("flow")
          .whereLayer("bytes")
          .mayOnlyBeAccessedByLayers("flow", "opening", "call", "messages");

  @ArchTest
  static final ArchRule mapperAndActivationDoNotKnowEachOther =
      slices().matching(DCERPC + "(mapper|activation)").should().notDependOnEachOther();
}
