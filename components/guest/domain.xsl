<?xml version="1.0"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <xsl:output omit-xml-declaration="yes" indent="yes"/>
  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain">
    <domain>
      <xsl:apply-templates select="@*|node()"/>
      <xsl:if test="not(features)"><features><vmcoreinfo state="on"/></features></xsl:if>
      <on_crash>preserve</on_crash>
      <qemu:commandline>
        <qemu:arg value="-gdb"/>
        <qemu:arg value="@stub@"/>
      </qemu:commandline>
    </domain>
  </xsl:template>
  <!-- A guest that panics stays as it is, and its memory can be read: definition.xsl has the same for one that stands. -->
  <xsl:template match="/domain/on_crash"/>
  <xsl:template match="/domain/features">
    <features>
      <xsl:apply-templates select="@*|node()[not(self::vmcoreinfo)]"/>
      <vmcoreinfo state="on"/>
    </features>
  </xsl:template>
  <xsl:template match="/domain/devices">
    <devices>
      <xsl:apply-templates select="@*|node()"/>
      <serial type="pty">
        <log file="@console_log@" append="on"/>
        <target port="0"/>
      </serial>
      <panic model="isa"/>
    </devices>
  </xsl:template>
  <!-- AppArmor opens to a guest the files that are named here and those behind them, and no volume of a pool. -->
  <xsl:template match="/domain/devices/disk/@type[. = 'volume']"><xsl:attribute name="type">file</xsl:attribute></xsl:template>
  <xsl:template match="/domain/devices/disk/source[@volume]"><source file="@images@/{@volume}"/></xsl:template>
  <!-- Nobody writes to the seed, and a snapshot of a guest takes all disks that can be written to. -->
  <xsl:template match="/domain/devices/disk[contains(source/@volume, '-seed.iso')]">
    <disk><xsl:apply-templates select="@*|node()"/><readonly/></disk>
  </xsl:template>
  <xsl:template match="/domain/devices/graphics|/domain/devices/video"/>
</xsl:stylesheet>
