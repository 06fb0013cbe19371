<?xml version="1.0"?>
<!--
  A definition of a domain. MODE says what is printed:
    tell  the path of its own kernel and its command line, a line each; nothing if it has none
    give  the definition with KERNEL and CMDLINE in their place; without any if KERNEL is empty
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output omit-xml-declaration="yes"/>
  <xsl:param name="mode"/>
  <xsl:param name="kernel"/>
  <xsl:param name="cmdline"/>
  <xsl:template match="/">
    <xsl:choose>
      <xsl:when test="$mode = 'give'"><xsl:apply-templates select="node()"/></xsl:when>
      <xsl:when test="domain/os/kernel">
        <xsl:value-of disable-output-escaping="yes" select="concat(domain/os/kernel, '&#10;', domain/os/cmdline, '&#10;')"/>
      </xsl:when>
    </xsl:choose>
  </xsl:template>
  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain/os">
    <xsl:copy>
      <xsl:apply-templates select="@*|node()[not(self::kernel or self::initrd or self::cmdline)]"/>
      <xsl:if test="$kernel != ''">
        <kernel><xsl:value-of select="$kernel"/></kernel>
        <cmdline><xsl:value-of select="$cmdline"/></cmdline>
      </xsl:if>
    </xsl:copy>
  </xsl:template>
</xsl:stylesheet>
