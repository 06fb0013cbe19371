export interface DomainXsltArgs {
  /** TCP port of the gdb stub, on the host's loopback. */
  readonly gdbPort: number;
  /** Absolute path of the file to which the serial console is copied, as libvirt sees it. */
  readonly consoleLog: string;
}

/** A value as XSLT takes it between double quotes, where braces would hold an expression. */
function attribute(value: string): string {
  const special: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", '"': "&quot;", "{": "{{", "}": "}}" };
  return value.replaceAll(/[&<"{}]/g, (character) => special[character] ?? character);
}

/**
 * The XSLT that gives a domain its gdb stub and a serial console that is logged, and takes away the displays that the provider adds.
 *
 * The stub listens on loopback only. Source: guide, step 4; libvirt's "QEMU command-line passthrough": the elements
 * must be in the namespace of QEMU, or libvirt drops them without a word.
 */
export function domainXslt({ gdbPort, consoleLog }: DomainXsltArgs): string {
  const qemu = "http://libvirt.org/schemas/domain/qemu/1.0";
  return `<?xml version="1.0"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:qemu="${qemu}">
  <xsl:output omit-xml-declaration="yes" indent="yes"/>
  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain">
    <domain>
      <xsl:apply-templates select="@*|node()"/>
      <qemu:commandline>
        <qemu:arg value="-gdb"/>
        <qemu:arg value="tcp:127.0.0.1:${gdbPort}"/>
      </qemu:commandline>
    </domain>
  </xsl:template>
  <xsl:template match="/domain/devices">
    <devices>
      <xsl:apply-templates select="@*|node()"/>
      <serial type="pty">
        <log file="${attribute(consoleLog)}" append="on"/>
        <target port="0"/>
      </serial>
    </devices>
  </xsl:template>
  <xsl:template match="/domain/devices/graphics|/domain/devices/video"/>
</xsl:stylesheet>
`;
}
