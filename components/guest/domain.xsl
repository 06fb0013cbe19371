<?xml version="1.0"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <xsl:output omit-xml-declaration="yes" indent="yes"/>
  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain">
    <domain>
      <xsl:apply-templates select="@*|node()"/>
      <qemu:commandline>
        <qemu:arg value="-gdb"/>
        <qemu:arg value="@stub@"/>
      </qemu:commandline>
    </domain>
  </xsl:template>
  <xsl:template match="/domain/devices">
    <devices>
      <xsl:apply-templates select="@*|node()"/>
      <serial type="pty">
        <log file="@console_log@" append="on"/>
        <target port="0"/>
      </serial>
    </devices>
  </xsl:template>
  <!-- AppArmor opens to a guest the files that are named here and those behind them, and no volume of a pool. -->
  <xsl:template match="/domain/devices/disk/@type[. = 'volume']"><xsl:attribute name="type">file</xsl:attribute></xsl:template>
  <xsl:template match="/domain/devices/disk/source[@volume]"><source file="@images@/{@volume}"/></xsl:template>
  <xsl:template match="/domain/devices/graphics|/domain/devices/video"/>
</xsl:stylesheet>
